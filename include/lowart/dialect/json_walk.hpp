#pragma once
/// Walks into JSON where it stands: nothing that is nested is stepped over first and then read again.

#include <lowart/dialect/json_cursor.hpp>
#include <lowart/dialect/json_text.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

/// Steps over any value; false when it does not end as one.
inline bool step_over(JsonCursor& at) {
  JsonKind kind{};
  return at.skip_value(kind) == JsonScan::ok;
}

/// Calls `on_member(name, cursor)` at each value of the object at the cursor; it steps over the value, and says whether
/// that went well. Names are decoded. Anything that is no object is stepped over. False when the text breaks off.
///
/// Checks no more than scan_object does. Nesting is bounded by the depth of the calls.
template <class F>
bool walk_object(JsonCursor& at, F&& on_member) {
  if (at.peek() != '{') return step_over(at);
  at.take('{');
  at.skip_space();
  if (at.take('}')) return true;
  for (;;) {
    if (at.peek() != '"') return false;
    std::string_view name;
    bool may_be_escaped = false;
    if (at.take_string(name, may_be_escaped) != JsonScan::ok) return false;
    std::string decoded;
    if (may_be_escaped && decode_escapes(name, decoded)) name = decoded;
    at.skip_space();
    if (!at.take(':')) return false;
    at.skip_space();
    if (!on_member(name, at)) return false;
    at.skip_space();
    if (at.take('}')) return true;
    if (!at.take(',')) return false;
    at.skip_space();
  }
}

/// The same for the elements of an array: `on_element(cursor)`.
template <class F>
bool walk_array(JsonCursor& at, F&& on_element) {
  if (at.peek() != '[') return step_over(at);
  at.take('[');
  at.skip_space();
  if (at.take(']')) return true;
  for (;;) {
    if (!on_element(at)) return false;
    at.skip_space();
    if (at.take(']')) return true;
    if (!at.take(',')) return false;
    at.skip_space();
  }
}

}  // namespace lowart::dialect
