#pragma once
/// What both kinds of Ollama's requests say beside their words: options, format, think, images.

#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/ollama_options.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect::ollama_request {

/// A limit that is none, -1 or -2, stays an extra field.
inline void decode_limit(JsonObject& options, Conversation& c) {
  auto const limit = options.peek("num_predict");
  auto const tokens = limit ? as_int(limit->value) : std::nullopt;
  if (!tokens || *tokens > 0) c.max_tokens = options.take_count("num_predict");
}

inline void decode_options(JsonObject& top, Conversation& c) {
  auto options = top.take_object("options");
  if (!options) return;
  decode_limit(*options, c);
  c.temperature = options->take_number("temperature");
  c.top_p = options->take_number("top_p");
  c.top_k = options->take_count("top_k");
  c.seed = options->take_count("seed");
  c.frequency_penalty = options->take_number("frequency_penalty");
  c.presence_penalty = options->take_number("presence_penalty");
  options->take_list("stop", [&](JsonMember const& e, JsonPath const& path) {
    if (e.kind == JsonKind::string) c.stop.push_back(JsonObject::text_of(e));
    else options->fault().wrong(path, "must be a string");
  });
  for (ExtraField& field : options->rest())
    if (field.value.text != "null")
      c.extra.push_back({std::string(options_prefix) + field.name, std::move(field.value)});
}

/// "json", a schema, or nothing.
inline void decode_format(JsonObject& top, Conversation& c) {
  auto const format = top.take("format");
  if (!format || format->value == R"("")") return;
  if (format->kind == JsonKind::object) {
    c.output_format.kind = OutputKind::json_schema;
    c.output_format.schema.text = format->value;
  } else if (format->value == R"("json")") {
    c.output_format.kind = OutputKind::json_object;
  } else {
    top.wrong("format", "must be \"json\" or a JSON schema");
  }
}

/// true, false, or how hard. What was thought is shown, as Ollama does.
inline void decode_think(JsonObject& top, Conversation& c) {
  auto const think = top.take("think");
  if (!think) return;
  ReasoningWish& wish = c.reasoning;
  if (think->value == "false") {
    wish.mode = "disabled";
    return;
  }
  if (think->value == "true") wish.mode = "enabled", wish.effort = "medium";
  else if (think->kind == JsonKind::string) wish.effort = JsonObject::text_of(*think);
  bool const known =
      wish.effort == "low" || wish.effort == "medium" || wish.effort == "high" || wish.effort == "max";
  if (!known) top.wrong("think", "must be true, false, \"low\", \"medium\", \"high\" or \"max\"");
  wish.shown = "auto";
}

/// The type of a picture, by the bytes that it begins with; that of most where they are of no kind we know.
inline std::string_view image_type_of(std::string_view base64) noexcept {
  if (base64.starts_with("/9j/")) return "image/jpeg";
  if (base64.starts_with("R0lGOD")) return "image/gif";
  if (base64.starts_with("UklGR")) return "image/webp";
  return "image/png";
}

inline bool is_base64(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
  });
}

inline void decode_images(JsonObject& object, std::vector<ContentPart>& content) {
  object.take_list("images", [&](JsonMember const& e, JsonPath const& path) {
    std::string const data = e.kind == JsonKind::string ? JsonObject::text_of(e) : std::string();
    if (!is_base64(data)) return object.fault().wrong(path, "must be an image in base64");
    ContentPart& part = content.emplace_back();
    part.kind = PartKind::image;
    part.media.edit().data = make_data_url(image_type_of(data), data);
  });
}

/// Everything else that both kinds have; what is left is kept as it came.
inline void decode_settings(JsonObject& top, Conversation& c) {
  top.take("model");
  decode_options(top, c);
  decode_format(top, c);
  decode_think(top, c);
  c.logprobs = top.take_flag("logprobs");
  c.top_logprobs = top.take_count("top_logprobs");
  c.stream = top.take_flag("stream").value_or(true);
  c.include_usage = c.stream;  // Ollama always tells it
  for (ExtraField& field : top.rest()) c.extra.push_back(std::move(field));
}

}  // namespace lowart::dialect::ollama_request
