#pragma once
/// Compares the name of an HTTP header field, in any case.

#include <cstddef>
#include <string_view>

namespace lowart::bench {

/// Whether `line` begins with `name`, which is lower case and ends with the colon.
inline bool is_field(std::string_view line, std::string_view name) {
  if (line.size() < name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((line[i] | 0x20) != (name[i] | 0x20)) return false;
  return true;
}

}  // namespace lowart::bench
