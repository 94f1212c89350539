#pragma once
/// Embedding calls of Ollama's clients, POST /api/embed and the older /api/embeddings: facts, request read, reply written.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/ollama_options.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/dialect/vector_text.hpp>
#include <lowart/model/embedding_request.hpp>

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

}  // namespace lowart::dialect
