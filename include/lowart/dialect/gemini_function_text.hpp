#pragma once
/// Arguments and results of functions, which Gemini (and, of the arguments, Ollama) takes as objects only, made of
/// whatever text there is.

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

/// A call's arguments: an object as it is, nothing as an empty one, any other text as {"input": text}: what a model
/// said is kept even when it was no JSON. Other dialects that take objects have another `name` for them.
inline void write_gemini_arguments(JsonWriter& w, ToolCall const& call, JsonName name = "args") {
  std::string_view const inner = call.custom ? std::string_view() : without_space(call.arguments);
  bool const none = !call.custom && (inner.empty() || inner == "null");
  if (none) w.raw(name, "{}");
  else if (!call.custom && is_json_object(inner)) w.raw(name, inner);
  else w.begin_object(name).text("input", call.arguments).end_object();
}

/// A tool's result: an object as it is, other text as {"result": text}; of a tool that failed, {"error": ...}.
inline void write_gemini_response(JsonWriter& w, Message const& message) {
  std::string joined;
  std::string_view text;
  std::size_t texts = 0;
  for (ContentPart const& part : message.content) {
    if (part.kind != PartKind::text && part.kind != PartKind::refusal) continue;
    if (++texts == 2) joined = text;
    if (texts >= 2) joined += part.text;
    text = texts == 1 ? std::string_view(part.text) : joined;
  }
  if (texts == 0 && !message.tool_failed) return void(w.raw("response", "{}"));
  bool const is_object = is_json_object(text);
  bool const as_it_is = is_object && (!message.tool_failed || has_error(text));
  if (as_it_is) return void(w.raw("response", text));
  w.begin_object("response");
  if (is_object) w.raw("error", text);
  else w.text(message.tool_failed ? std::string_view("error") : std::string_view("result"), text);
  w.end_object();
}

}  // namespace gemini_request

}  // namespace lowart::dialect
