#pragma once
/// A Conversation that is one prompt, written as a request of POST /api/generate.

#include <lowart/core/result.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

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
