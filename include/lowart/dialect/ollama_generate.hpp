#pragma once
/// The request of POST /api/generate, Ollama's language for one prompt: read into a Conversation, and written.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/dialect/ollama_settings_decode.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

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

/// The body of a POST /api/generate for `model`. Errors: Errc::unsupported with param "prompt" for a conversation that is
/// more than one prompt and what stands before it.
inline Result<std::string> encode_ollama_generate(Conversation const& c, std::string_view model,
                                                  Losses& losses, OllamaVariant const& variant = {}) {
  using namespace ollama_request;
  check_fidelity(c, Dialect::ollama_generate, losses);
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  std::string system;
  Message const* prompt = nullptr;
  bool is_one = true;
  for (Message const& message : c.messages) {
    bool const before = message.role == Role::system || message.role == Role::developer;
    if (before && prompt == nullptr) system.append(system.empty() ? "" : "\n\n").append(message.text());
    else if (message.role == Role::user && prompt == nullptr) prompt = &message;
    else is_one = false;
  }
  if (!is_one || prompt == nullptr) {
    Error error(Errc::unsupported, "only one prompt can be said to a provider at /api/generate",
                Origin::client);
    return tl::unexpected<Error>(std::move(error).with_param("prompt"));
  }
  std::string body;
  body.reserve(estimated_size(c));
  JsonWriter w(body);
  w.begin_object().text("model", model).text("prompt", prompt->text()).text_if("system", system);
  bool any = false;
  for (ContentPart const& part : prompt->content) {
    auto const url = part.kind == PartKind::image ? parse_data_url(part.media->data) : std::nullopt;
    if (!url) continue;
    if (!std::exchange(any, true)) w.begin_list("images");
    w.text(url->base64);
  }
  if (any) w.end_list();
  encode_settings(w, c, variant);
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
