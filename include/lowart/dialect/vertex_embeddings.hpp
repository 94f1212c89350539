#pragma once
/// Embedding calls of Vertex AI, POST {model}:predict: request written, reply read.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/gemini_embeddings.hpp>
#include <lowart/dialect/hints.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/embedding.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Writes the body of a :predict call of a model of texts. Its tasks are Gemini's words. Errors: Errc::unsupported with the
/// field that cannot be said and may not be dropped: tokens always, as there is no text to send in their place.
inline Result<std::string> encode_vertex_embeddings(EmbeddingInputs const& c, Losses& losses) {
  constexpr std::string_view why = "cannot be said to a provider that speaks vertex embeddings";
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    EmbeddingInput const& input = c.inputs[i];
    if (!input.tokens.empty())
      return fail(Error(Errc::unsupported, "the tokens in 'input' " + std::string(why), Origin::client)
                      .with_param("input"));
    if (input.dimensions != c.inputs.front().dimensions)
      losses.lose(Weight::meaning, "requests[" + std::to_string(i) + "].outputDimensionality", why);
  }
  if (!c.user.empty()) losses.lose(Weight::hint, "user", why);
  for (ExtraField const& field : c.extra) {
    bool const hint = c.dialect == EmbeddingDialect::openai && is_hint(Dialect::openai_chat, field);
    losses.lose(hint ? Weight::hint : Weight::meaning, field.name, why);
  }
  if (losses.refused()) return fail(*losses.refused());
  std::string body;
  JsonWriter w(body);
  w.begin_object().begin_list("instances");
  for (EmbeddingInput const& input : c.inputs)
    w.begin_object()
        .text("content", input.text)
        .text_if("task_type", input.task)
        .text_if("title", input.title)
        .end_object();
  w.end_list();
  if (!c.inputs.empty() && c.inputs.front().dimensions)
    w.begin_object("parameters").count("outputDimensionality", *c.inputs.front().dimensions).end_object();
  w.end_object();
  return body;
}

/// Looks at a reply: is it a list of predictions, and what did they use? What one of them does not tell stays unknown.
/// Errors: malformed_reply.
inline Result<Usage> read_vertex_embeddings(std::string_view body) {
  constexpr std::int64_t most = std::int64_t{1} << 40U;
  auto const predictions = find_member(body, "predictions");
  std::optional<std::int64_t> tokens = 0;
  JsonScan scan = JsonScan::malformed;
  if (predictions && predictions->kind == JsonKind::array)
    scan = scan_array(predictions->value, [&](JsonMember const& prediction) {
      auto const inner = [](std::optional<JsonMember> const& outer, std::string_view name) {
        return outer && outer->kind == JsonKind::object ? find_member(outer->value, name) : std::nullopt;
      };
      auto const statistics = inner(inner(prediction, "embeddings"), "statistics");
      auto const told = inner(statistics, "token_count");
      auto const count = told ? as_int(told->value) : std::nullopt;
      if (tokens && count && *count >= 0) tokens = std::min(*tokens + std::min(*count, most), most);
      else tokens.reset();
    });
  if (scan != JsonScan::ok)
    return fail(Errc::malformed_reply, "the provider's reply is not a list of predictions", Origin::upstream);
  Usage usage;
  if (tokens) usage.set(UsageClass::input, *tokens);
  return usage;
}

/// The vectors of a reply, in the order of the inputs. Errors: malformed_reply.
inline Result<std::vector<Embedding>> decode_vertex_embedding_reply(std::string_view body) {
  auto const predictions = find_member(body, "predictions");
  if (!predictions || predictions->kind != JsonKind::array) return gemini_embeddings::unreadable();
  std::vector<Embedding> vectors;
  JsonScan const scan = scan_array(predictions->value, [&](JsonMember const& prediction) {
    auto const embeddings =
        prediction.kind == JsonKind::object ? find_member(prediction.value, "embeddings") : std::nullopt;
    auto vector = embeddings ? gemini_embeddings::values_of(embeddings->value) : std::nullopt;
    if (!vector) return false;
    vectors.push_back(*std::move(vector));
    return true;
  });
  if (scan != JsonScan::ok) return gemini_embeddings::unreadable();
  return vectors;
}

}  // namespace lowart::dialect
