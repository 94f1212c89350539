#pragma once
/// How a response is continued where no provider remembers it: the items of a turn, and the request that goes on.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace responses_continuation {

/// The elements of a list without its brackets; nothing for anything else.
inline std::string_view inside(std::string_view list) noexcept {
  if (list.size() < 2 || list.front() != '[') return {};
  list = list.substr(1, list.size() - 2);
  return list.find_first_not_of(" \t\r\n") == std::string_view::npos ? std::string_view() : list;
}

/// The items of an `input` member; a string is a message of the user.
inline std::string items_of(JsonMember const& input) {
  if (input.kind != JsonKind::string) return std::string(inside(input.value));
  std::string item;
  JsonWriter w(item);
  w.begin_object().text("type", "message").text("role", "user").raw("content", input.value).end_object();
  return item;
}

inline std::string joined(std::string_view one, std::string_view other) {
  std::string both(one);
  if (!one.empty() && !other.empty()) both.push_back(',');
  return both.append(other);
}

}  // namespace responses_continuation

/// Everything a turn adds to what was said before: the items of the request's input and of the response's output,
/// separated by commas. `before` are those of the response it went on from.
inline std::string items_after(std::string_view before, std::string_view request, std::string_view response) {
  using namespace responses_continuation;
  std::string items(before);
  if (auto const input = find_member(request, "input")) items = joined(items, items_of(*input));
  if (auto const output = find_member(response, "output")) items = joined(items, inside(output->value));
  return items;
}

/// The request with what was said before in front of its input, and without `previous_response_id`: what a provider
/// that remembers nothing understands. Everything else stays as it came.
inline std::string continue_request(std::string_view request, std::string_view before) {
  using namespace responses_continuation;
  std::string body;
  JsonWriter w(body);
  std::optional<JsonMember> input;
  w.begin_object();
  scan_object(request, [&](JsonMember const& m) {
    if (m.key_is("input")) input = m;
    else if (!m.key_is("previous_response_id")) {
      std::string member = "{\"";
      w.members_of(member.append(m.key).append("\":").append(m.value).append("}"));
    }
  });
  w.raw("input", "[" + joined(before, input ? items_of(*input) : std::string()) + "]");
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
