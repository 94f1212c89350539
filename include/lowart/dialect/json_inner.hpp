#pragma once
/// text_in() and object_in(): members of a reply's inner objects, empty where they are missing or of another kind.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// The decoded text of a member when it is a string.
inline std::string text_of(std::optional<JsonMember> const& member) {
  std::string text;
  if (member && member->kind == JsonKind::string) decode_string(member->value, text);
  return text;
}
inline std::string text_in(std::string_view object, std::string_view name) {
  return text_of(find_member(object, name));
}

/// The value of a member when it is an object.
inline std::string_view object_in(std::string_view object, std::string_view name) {
  auto const member = find_member(object, name);
  return member && member->kind == JsonKind::object ? member->value : std::string_view();
}

}  // namespace lowart::dialect
