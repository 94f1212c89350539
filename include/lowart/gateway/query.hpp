#pragma once
/// What stands in the path and the query of a URL.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

namespace lowart {

/// The value of `name` in "alt=sse&key=...", still escaped; empty when it is not there.
inline std::string_view in_query(std::string_view query, std::string_view name) noexcept {
  while (!query.empty()) {
    std::string_view const pair = query.substr(0, query.find('&'));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return pair.substr(name.size() + 1);
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  return {};
}

/// SDKs escape the slash in "org/model". The head's parser has seen to it that every % has its two digits.
inline std::string percent_decoded(std::string_view text) {
  constexpr int sixteen = 16;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, sixteen), i += 2;
    out += static_cast<char>(byte);
  }
  return out;
}

}  // namespace lowart
