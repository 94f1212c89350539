#pragma once
/// Equal JSON as equal text: without white space, and with members in one order where their order says nothing.

#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace lowart::dialect {

namespace canonical {

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
/// A character next to which white space separates nothing.
constexpr bool separates(char c) noexcept {
  return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':' || c == '"';
}

}  // namespace canonical

/// Puts the members of one text in the order of their names, duplicates as they came.
inline void sort_by_name(std::vector<JsonMember>& members) {
  std::sort(members.begin(), members.end(), [](JsonMember const& a, JsonMember const& b) {
    int const order = a.key.compare(b.key);
    return order < 0 || (order == 0 && a.value.data() < b.value.data());
  });
}

/// Hands out `text` in pieces, without the white space that stands between its tokens. Of what is no JSON, white space
/// that keeps two words apart stays (as one space), so that two texts which differ in more stay different.
template <class Sink>
void without_space(std::string_view text, Sink&& sink) {
  std::size_t from = 0;  // of what is not handed out yet
  char before = ',';
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      JsonCursor cursor(text.substr(at));
      (void)cursor.skip_string();
      at = static_cast<std::size_t>(cursor.at() - text.data());
      before = '"';
    } else if (canonical::is_space(text[at])) {
      sink(text.substr(from, at - from));
      while (at < text.size() && canonical::is_space(text[at])) ++at;
      bool const apart = at < text.size() && !canonical::separates(before) && !canonical::separates(text[at]);
      if (apart) sink(std::string_view(" "));
      from = at;
    } else {
      before = text[at++];
    }
  }
  sink(text.substr(from));
}

/// Hands out a JSON value in pieces that make up its canonical text. Members of objects that lie less than `levels`
/// deep stand in the order of their names, duplicates as they came; further down all stays in its order. Numbers and
/// strings stay as they are written.
///
/// Pure; never reads outside `value`. Cost: a scan for each level; recursion is bounded by `levels`.
template <class Sink>
void canonical_json(std::string_view value, int levels, Sink&& sink) {
  bool const is_nested = !value.empty() && (value.front() == '{' || value.front() == '[');
  if (levels <= 0 || !is_nested) return without_space(value, sink);
  bool const is_object = value.front() == '{';
  std::vector<JsonMember> members;
  auto const keep = [&](JsonMember const& member) { members.push_back(member); };
  JsonScan const scan = is_object ? scan_object(value, keep) : scan_array(value, keep);
  if (scan != JsonScan::ok) {  // no JSON: unlike all that is
    sink(std::string_view("!"));
    return without_space(value, sink);
  }
  if (is_object) sort_by_name(members);
  sink(value.substr(0, 1));
  for (JsonMember const& member : members) {
    if (is_object) {
      sink(std::string_view("\""));
      sink(member.key);
      sink(std::string_view("\":"));
    }
    canonical_json(member.value, levels - 1, sink);
    sink(std::string_view(","));
  }
  sink(std::string_view(is_object ? "}" : "]"));
}

}  // namespace lowart::dialect
