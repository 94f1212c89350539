#pragma once
/// Recorded exchanges with real providers, for the tests of a dialect. They are kept beside the project: the directory
/// that LOWART_RECORDINGS names holds recordings.jsonl.xz.

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::testing {

/// All recordings of a kind ("responses", "gemini"); empty when there are none on this machine: skip then.
inline std::vector<boost::json::object> recordings_of(std::string_view kind) {
  std::vector<boost::json::object> all;
  char const* const folder = std::getenv("LOWART_RECORDINGS");
  if (folder == nullptr) return all;
  std::string const command = "xz -dc '" + std::string(folder) + "/recordings.jsonl.xz' 2>/dev/null";
  auto const close = [](std::FILE* pipe) { pclose(pipe); };
  std::unique_ptr<std::FILE, decltype(close)> const pipe(popen(command.c_str(), "r"), close);
  std::string lines;
  std::vector<char> block(1U << 16U);
  for (std::size_t n = 0; pipe && (n = std::fread(block.data(), 1, block.size(), pipe.get())) > 0;)
    lines.append(block.data(), n);
  for (std::size_t at = 0; at < lines.size();) {
    std::size_t const end = std::min(lines.find('\n', at), lines.size());
    auto value = boost::json::parse(std::string_view(lines).substr(at, end - at));
    if (value.at("kind").as_string() == kind) all.push_back(std::move(value.as_object()));
    at = end + 1;
  }
  return all;
}

/// A member of a recording as text; empty when it has none.
inline std::string text_in(boost::json::object const& recording, std::string_view name) {
  auto const* const member = recording.if_contains(name);
  return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
}

}  // namespace lowart::testing
