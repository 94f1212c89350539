#pragma once
/// The facts a gateway needs of an Ollama request, found by one shallow look; the body itself stays bytes.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/model/chat_request.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace ollama_facts {

/// Model, framing and the limit of tokens. Without a word the answer is a stream, and no limit is one of -1.
inline Result<WireRequest> read_common(std::string_view body, openai_facts::Members const& found,
                                       std::string& scratch) {
  if (found.scan != JsonScan::ok) return openai_facts::refuse_scan(body, found);
  WireRequest facts;
  facts.body = body;
  facts.features = found.features;
  facts.include_usage = true;
  if (auto read = openai_facts::read_model(found, facts, scratch); !read)
    return tl::unexpected<Error>(std::move(read).error());
  auto const stream = openai_facts::read_flag(found.stream, "stream");
  if (!stream) return tl::unexpected<Error>(stream.error());
  facts.stream = *stream || !openai_facts::is_set(found.stream);
  auto const options = find_member(body, "options");
  if (!openai_facts::is_set(options)) return facts;
  if (options->kind != JsonKind::object)
    return openai_facts::refuse("options", "'options' must be an object");
  auto const limit = find_member(options->value, "num_predict");
  auto const tokens = limit ? as_int(limit->value) : std::nullopt;
  if (tokens && *tokens > 0) facts.max_tokens = tokens;
  return facts;
}

inline bool is_empty_list(std::string_view list) {
  bool empty = true;
  scan_array(list, [&](JsonMember const&) { return empty = false; });
  return empty;
}

}  // namespace ollama_facts

/// The facts of a POST /api/chat body. Views into `body`; `model` into `scratch` when the name has escapes, so both must
/// stay as they are while the facts are used. `decode` is left for the door to bind.
///
/// Not a validator: upstream checks the rest. Refused with Errc::invalid_request and `param`: text that is not one whole
/// JSON object, a missing, empty or doubled `model`, `stream`, `options` or `messages` of the wrong type. Without a
/// message a request asks nothing: asks_nothing.
inline Result<WireRequest> read_ollama_chat_facts(std::string_view body, std::string& scratch) {
  auto const found = openai_facts::find_members(body);
  auto facts = ollama_facts::read_common(body, found, scratch);
  if (!facts) return facts;
  facts->dialect = Dialect::ollama;
  bool const has_messages = openai_facts::is_set(found.messages);
  if (has_messages && found.messages->kind != JsonKind::array)
    return openai_facts::refuse("messages", "'messages' must be a list");
  facts->asks_nothing = !has_messages || ollama_facts::is_empty_list(found.messages->value);
  return facts;
}

/// The same of a POST /api/generate body: without a prompt it asks nothing.
inline Result<WireRequest> read_ollama_generate_facts(std::string_view body, std::string& scratch) {
  auto const found = openai_facts::find_members(body);
  auto facts = ollama_facts::read_common(body, found, scratch);
  if (!facts) return facts;
  facts->dialect = Dialect::ollama_generate;
  bool const has_prompt = openai_facts::is_set(found.prompt);
  if (has_prompt && found.prompt->kind != JsonKind::string)
    return openai_facts::refuse("prompt", "'prompt' must be a string");
  facts->asks_nothing = !has_prompt || found.prompt->value == R"("")";
  return facts;
}

}  // namespace lowart::dialect
