#pragma once
/// Finds what the mock needs in a request: trusting and fast, since only bench and test programs send to it.

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

#include "field_name.hpp"

namespace lowart::bench {

/// What the mock needs to know of a request head; the views point into the bytes that were read.
struct RequestHead {
  std::size_t bytes = 0;  ///< With the empty line; 0 = not complete yet.
  std::string_view line;
  std::string_view authorization;
  std::string_view api_key;
  std::string_view anthropic_version;
  std::size_t content_length = 0;
  bool has_unknown_length = false;
};

inline std::string_view field_value(std::string_view line, std::size_t name_bytes) {
  line.remove_prefix(name_bytes);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  return line;
}

inline RequestHead read_head(std::string_view in) {
  RequestHead head;
  std::size_t const end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return head;
  head.bytes = end + 4;
  std::size_t at = in.find("\r\n");
  head.line = in.substr(0, at);
  while (at < end) {
    std::size_t const next = in.find("\r\n", at + 2);
    std::string_view const line = in.substr(at + 2, next - at - 2);
    if (is_field(line, "content-length:"))
      head.content_length = std::strtoull(std::string(field_value(line, 15)).c_str(), nullptr, 10);
    if (is_field(line, "authorization:")) head.authorization = field_value(line, 14);
    if (is_field(line, "x-api-key:")) head.api_key = field_value(line, 10);
    if (is_field(line, "anthropic-version:")) head.anthropic_version = field_value(line, 18);
    if (is_field(line, "transfer-encoding:")) head.has_unknown_length = true;
    at = next;
  }
  return head;
}

/// What follows `"name":` in a request body, without leading blanks; empty when the name is not there.
inline std::string_view member(std::string_view body, std::string_view name) {
  std::string const quoted = "\"" + std::string(name) + "\"";
  for (std::size_t at = body.rfind(quoted); at != std::string_view::npos && at > 0;
       at = body.rfind(quoted, at - 1)) {
    std::size_t value = body.find_first_not_of(" \t\r\n", at + quoted.size());
    if (value == std::string_view::npos || body[value] != ':') continue;
    value = body.find_first_not_of(" \t\r\n", value + 1);
    return value == std::string_view::npos ? std::string_view{} : body.substr(value);
  }
  return {};
}

}  // namespace lowart::bench
