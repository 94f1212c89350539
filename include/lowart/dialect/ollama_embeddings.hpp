#pragma once
/// Embedding calls of Ollama, POST /api/embed and the older /api/embeddings: facts, request both ways, reply both ways.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/hints.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/ollama_done.hpp>
#include <lowart/dialect/ollama_settings_decode.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/dialect/vector_text.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/model/losses.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// The facts of a POST /api/embed body, or of a POST /api/embeddings one where `dialect` says so. Views into `body`;
/// `model` into `scratch` when the name has escapes.
///
/// Not a validator: upstream checks the rest. Refused with Errc::invalid_request and `param`: text that is not one whole
/// JSON object, a missing, empty or doubled `model`, no text, or one of the wrong type.
template <EmbeddingDialect dialect>
Result<WireEmbedding> read_ollama_embedding_facts(std::string_view body, std::string& scratch) {
  constexpr bool single = dialect == EmbeddingDialect::ollama_single;
  constexpr std::string_view name = single ? "prompt" : "input";
  auto const found = openai_facts::find_members(body);
  if (found.scan != JsonScan::ok) return openai_facts::refuse_scan(body, found);
  WireRequest common;
  if (auto read = openai_facts::read_model(found, common, scratch); !read)
    return fail(std::move(read).error());
  auto const& text = single ? found.prompt : found.input;
  if (!openai_facts::is_set(text))
    return openai_facts::refuse(name, "the request has no '" + std::string(name) + "'");
  bool const is_list = !single && text->kind == JsonKind::array;
  if (text->kind != JsonKind::string && !is_list)
    return openai_facts::refuse(
        name, single ? "'prompt' must be a string" : "'input' must be a string or a list of strings");
  WireEmbedding facts;
  facts.dialect = dialect;
  facts.body = body;
  facts.model = common.model;
  facts.model_tokens.push_back(common.model_token);
  return facts;
}

/// Reads such a body. `options` are kept under dotted names, as decode_ollama has them. Errors: Errc::invalid_request with
/// the path in param.
template <EmbeddingDialect dialect>
Result<EmbeddingInputs> decode_ollama_embeddings(std::string_view body) {
  constexpr std::string_view name = dialect == EmbeddingDialect::ollama_single ? "prompt" : "input";
  JsonDocument const document(body);
  JsonFault fault;
  auto top = open_body(document, fault);
  if (!top) return fail(std::move(top).error());
  EmbeddingInputs c;
  c.dialect = dialect;
  top->take("model");
  auto const text = top->peek(name);
  if (text && text->kind == JsonKind::string) {
    c.inputs.emplace_back().text = top->take_text_or_empty(name);
  } else if (top->take_list(name, [&](JsonMember const& e, JsonPath const& path) {
               if (e.kind == JsonKind::string) c.inputs.emplace_back().text = JsonObject::text_of(e);
               else fault.wrong(path, "must be a string");
             })) {
    if (c.inputs.empty()) top->wrong(name, "is empty");
  } else {
    top->wrong(name, "is missing");
  }
  if (auto const dimensions = top->take_count("dimensions"))
    for (EmbeddingInput& input : c.inputs) input.dimensions = dimensions;
  if (auto options = top->take_object("options"))
    for (ExtraField& field : options->rest())
      c.extra.push_back({std::string(ollama_request::options_prefix) + field.name, std::move(field.value)});
  for (ExtraField& field : top->rest())
    if (field.value.text != "null") c.extra.push_back(std::move(field));
  if (fault.error()) return fail(std::move(*fault.error()));
  return c;
}

/// Writes a reply as Ollama does. `usage` as far as it is known; how long it took is not told.
template <EmbeddingDialect dialect>
std::string encode_ollama_embedding_reply(std::vector<Embedding> const& vectors, std::string_view model,
                                          Usage const& usage) {
  std::string body, text;
  JsonWriter w(body);
  w.begin_object();
  if constexpr (dialect == EmbeddingDialect::ollama_single) {
    append_vector(text, vectors.empty() ? Embedding() : vectors.front());
    w.raw("embedding", text);
  } else {
    w.text("model", model).begin_list("embeddings");
    for (Embedding const& vector : vectors) {
      text.clear();
      append_vector(text, vector);
      w.raw(text);
    }
    w.end_list();
    if (!usage.empty()) w.count("prompt_eval_count", usage.input_total());
  }
  w.end_object();
  return body;
}

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
