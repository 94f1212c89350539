#pragma once
/// Embedding calls to Ollama, POST /api/embed and the older /api/embeddings: request written, reply read.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/hints.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/ollama_done.hpp>
#include <lowart/dialect/vector_text.hpp>
#include <lowart/model/embedding.hpp>
#include <lowart/model/losses.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Writes the body of a POST /api/embed. Errors: Errc::unsupported with the field that cannot be said and may not be
/// dropped: tokens always, as there is no text to send in their place.
inline Result<std::string> encode_ollama_embeddings(EmbeddingInputs const& c, std::string_view model,
                                                    Losses& losses) {
  constexpr std::string_view why = "cannot be said to a provider that speaks ollama embeddings";
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    EmbeddingInput const& input = c.inputs[i];
    std::string const at =
        c.dialect == EmbeddingDialect::gemini_batch ? "requests[" + std::to_string(i) + "]." : "";
    if (!input.tokens.empty())
      return fail(Error(Errc::unsupported, "the tokens in 'input' " + std::string(why), Origin::client)
                      .with_param("input"));
    if (!input.task.empty()) losses.lose(Weight::meaning, at + "taskType", why);
    if (!input.title.empty()) losses.lose(Weight::meaning, at + "title", why);
    if (input.dimensions != c.inputs.front().dimensions)
      losses.lose(Weight::meaning, at + "outputDimensionality", why);
  }
  if (!c.user.empty()) losses.lose(Weight::hint, "user", why);
  for (ExtraField const& field : c.extra) {
    losses.lose(is_hint(c.dialect, field) ? Weight::hint : Weight::meaning, field.name, why);
  }
  if (losses.refused()) return fail(*losses.refused());
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("model", model).begin_list("input");
  for (EmbeddingInput const& input : c.inputs) w.text(input.text);
  w.end_list();
  if (!c.inputs.empty()) w.count_if("dimensions", c.inputs.front().dimensions);
  w.end_object();
  return body;
}

/// Looks at a reply: is it a list of embeddings, and what did it use? Errors: malformed_reply.
inline Result<Usage> read_ollama_embeddings(std::string_view body,
                                            EmbeddingDialect dialect = EmbeddingDialect::ollama) {
  std::string_view const name = dialect == EmbeddingDialect::ollama_single ? "embedding" : "embeddings";
  bool found = false;
  Usage usage;
  JsonScan const scan = scan_object(body, [&](JsonMember const& member) {
    if (member.key_is(name)) found = member.kind == JsonKind::array;
    else take_ollama_count(member, usage);
  });
  if (scan == JsonScan::ok && found) return usage;
  std::string message = "the provider's reply is not a list of embeddings";
  if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
  return fail(Errc::malformed_reply, std::move(message), Origin::upstream);
}

/// The vectors of a reply, in the order of the inputs. Errors: malformed_reply.
inline Result<std::vector<Embedding>> decode_ollama_embedding_reply(std::string_view body) {
  std::vector<Embedding> vectors;
  auto const list = find_member(body, "embeddings");
  bool const is_list = list && list->kind == JsonKind::array;
  JsonScan const scan =
      !is_list ? JsonScan::malformed : scan_array(list->value, [&](JsonMember const& element) {
        auto vector = element.kind == JsonKind::array ? read_vector(element) : std::nullopt;
        if (!vector) return false;
        vectors.push_back(*std::move(vector));
        return true;
      });
  if (scan == JsonScan::ok) return vectors;
  return fail(Errc::malformed_reply, "the provider's embeddings cannot be read", Origin::upstream);
}

/// The one vector of a reply of /api/embeddings. Errors: malformed_reply.
inline Result<std::vector<Embedding>> decode_ollama_single_embedding_reply(std::string_view body) {
  auto const member = find_member(body, "embedding");
  auto vector = member && member->kind == JsonKind::array ? read_vector(*member) : std::nullopt;
  if (!vector)
    return fail(Errc::malformed_reply, "the provider's embedding cannot be read", Origin::upstream);
  std::vector<Embedding> vectors;
  vectors.push_back(*std::move(vector));
  return vectors;
}

}  // namespace lowart::dialect
