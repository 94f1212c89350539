#pragma once
/// Arguments and results of functions, which Gemini takes as objects only, made of whatever text there is.

#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Behind the signature of redacted thinking that passes through a client of Gemini. No signature has a dot.
inline constexpr std::string_view gemini_redacted_mark = ".redacted";

namespace gemini_request {

/// What a free-form tool takes where only functions are known.
inline constexpr std::string_view custom_tool_schema =
    R"({"type":"object","properties":{"input":{"type":"string"}},"required":["input"]})";

inline std::string_view without_space(std::string_view text) noexcept {
  constexpr std::string_view space = " \t\r\n";
  std::size_t const begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

/// Whether the text, as it is, is one valid JSON object.
inline bool is_json_object(std::string_view text) {
  std::string_view const inner = without_space(text);
  return inner.starts_with('{') && !first_json_error(inner);
}
inline bool has_error(std::string_view object) { return find_member(object, "error").has_value(); }

/// {"name": text}, or {"name": object} when the text is one and may be.
inline std::string wrapped(std::string_view name, std::string_view text, bool is_object) {
  std::string out;
  JsonWriter w(out);
  w.begin_object();
  if (is_object) w.raw(name, text);
  else w.text(name, text);
  w.end_object();
  return out;
}

/// A call's arguments: an object as it is, nothing as an empty one, any other text as {"input": text}: what a model
/// said is kept even when it was no JSON.
inline std::string gemini_arguments(std::string_view text, bool custom) {
  if (custom) return wrapped("input", text, false);
  std::string_view const inner = without_space(text);
  if (inner.empty() || inner == "null") return "{}";
  return is_json_object(inner) ? std::string(inner) : wrapped("input", text, false);
}
inline std::string gemini_arguments(ToolCall const& call) {
  return gemini_arguments(call.arguments, call.custom);
}

/// A tool's result: an object as it is, other text as {"result": text}; of a tool that failed, {"error": ...}.
inline std::string gemini_response(Message const& message) {
  std::string text;
  bool any = false;
  for (ContentPart const& part : message.content) {
    if (part.kind != PartKind::text && part.kind != PartKind::refusal) continue;
    any = true;
    text += part.text;
  }
  if (!any && !message.tool_failed) return "{}";
  bool const is_object = is_json_object(text);
  if (message.tool_failed) return is_object && has_error(text) ? text : wrapped("error", text, is_object);
  return is_object ? text : wrapped("result", text, false);
}

}  // namespace gemini_request

}  // namespace lowart::dialect
