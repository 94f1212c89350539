#pragma once
/// The request of POST /api/generate, Ollama's language for one prompt, read into a Conversation.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/ollama_settings_decode.hpp>
#include <lowart/model/conversation.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// Reads the body of a POST /api/generate: the prompt and its images become one user message, `system` stands before it.
///
/// `suffix`, `template`, `raw` and `context` are kept as extra fields: who speaks this language gets them, a translation
/// refuses them by name where they say anything. Errors: as decode_ollama.
inline Result<Conversation> decode_ollama_generate(std::string_view body) {
  using namespace ollama_request;
  JsonDocument const document(body);
  JsonFault fault;
  auto top = open_body(document, fault);
  if (!top) return tl::unexpected<Error>(std::move(top).error());
  Conversation c;
  c.dialect = Dialect::ollama_generate;
  if (std::string system = top->take_text_or_empty("system"); !system.empty()) {
    Message& message = c.messages.emplace_back();
    message.role = Role::system;
    message.content.emplace_back().text = std::move(system);
    c.system_is_apart = true;
  }
  Message& message = c.messages.emplace_back();
  message.content.emplace_back().text = top->take_text_or_empty("prompt");
  decode_images(*top, message.content);
  ollama_request::decode_settings(*top, c);
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

}  // namespace lowart::dialect
