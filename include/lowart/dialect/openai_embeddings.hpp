#pragma once
/// Embedding calls of OpenAI: facts, request both ways, reply both ways.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/base64_vector.hpp>
#include <lowart/dialect/hints.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/dialect/openai_usage.hpp>
#include <lowart/dialect/vector_text.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/model/losses.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// The facts of a POST /v1/embeddings body. Views into `body`; `model` into `scratch` when the name has escapes.
///
/// Not a validator: upstream checks the rest. Refused with Errc::invalid_request and `param`: text that is not one
/// whole JSON object, a missing, empty or doubled `model`, no `input`, or one that is neither a string nor a list.
inline Result<WireEmbedding> read_openai_embedding_facts(std::string_view body, std::string& scratch) {
  auto const common = openai_facts::read_common(body, openai_facts::find_members(body), scratch);
  if (!common) return fail(common.error());
  auto const input = find_member(body, "input");
  if (!openai_facts::is_set(input)) return openai_facts::refuse("input", "the request has no 'input'");
  if (input->kind != JsonKind::string && input->kind != JsonKind::array)
    return openai_facts::refuse("input", "'input' must be a string or a list");
  WireEmbedding facts;
  facts.dialect = EmbeddingDialect::openai;
  facts.body = body;
  facts.model = common->model;
  facts.model_tokens.push_back(common->model_token);
  auto const format = find_member(body, "encoding_format");
  if (format && format->value == "\"base64\"") facts.format = EmbeddingFormat::base64;
  return facts;
}

namespace openai_embeddings {

inline void take_token(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                       EmbeddingInput& input) {
  auto const token = element.kind == JsonKind::number ? as_int(element.value) : std::nullopt;
  if (token && *token >= 0) input.tokens.push_back(*token);
  else fault.wrong(path, "must be a token's number");
}

/// A text, a list of texts, the tokens of one text, or a list of such.
inline void decode_input(JsonObject& top, JsonFault& fault, EmbeddingInputs& out) {
  auto const member = top.take("input");
  if (!member) return top.wrong("input", "is missing");
  if (member->kind == JsonKind::string) {
    out.inputs.emplace_back().text = JsonObject::text_of(*member);
    return;
  }
  if (member->kind != JsonKind::array) return top.wrong("input", "must be a string or a list");
  std::optional<JsonKind> kind;
  JsonObject::for_each_element(*member, top.path_of("input"), [&](JsonMember const& e, JsonPath const& path) {
    if (!kind) kind = e.kind;
    if (e.kind != *kind) return fault.wrong(path, "is of another kind than the first");
    if (e.kind == JsonKind::string) {
      out.inputs.emplace_back().text = JsonObject::text_of(e);
    } else if (e.kind == JsonKind::number) {
      if (out.inputs.empty()) out.inputs.emplace_back();
      take_token(e, path, fault, out.inputs.back());
    } else if (e.kind == JsonKind::array) {
      EmbeddingInput& input = out.inputs.emplace_back();
      JsonObject::for_each_element(
          e, path, [&](JsonMember const& token, JsonPath const& at) { take_token(token, at, fault, input); });
      if (input.tokens.empty())
        fault.wrong(path, "is empty");  // without tokens it would pass for an empty text
    } else {
      fault.wrong(path, "must be a text or a list of tokens");
    }
  });
  if (out.inputs.empty()) top.wrong("input", "is empty");
}

inline void decode_format(JsonObject& top, EmbeddingInputs& out) {
  auto const name = top.take_text("encoding_format");
  if (!name) return;
  if (*name == "base64") out.format = EmbeddingFormat::base64;
  else if (*name == "float") out.format = EmbeddingFormat::floats;
  else top.wrong("encoding_format", "must be 'float' or 'base64'");
}

inline void write_tokens(JsonWriter& w, EmbeddingInput const& input) {
  w.begin_list();
  for (std::int64_t const token : input.tokens) w.count(token);
  w.end_list();
}

/// What is said of single inputs in Gemini's words, and OpenAI has no word for.
inline void lose_own_words(EmbeddingInputs const& c, Losses& losses) {
  constexpr std::string_view why = "cannot be said to a provider that speaks openai embeddings";
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    EmbeddingInput const& input = c.inputs[i];
    std::string const at =
        c.dialect == EmbeddingDialect::gemini ? std::string() : "requests[" + std::to_string(i) + "].";
    if (!input.task.empty()) losses.lose(Weight::meaning, at + "taskType", why);
    if (!input.title.empty()) losses.lose(Weight::meaning, at + "title", why);
    if (input.dimensions != c.inputs.front().dimensions)
      losses.lose(Weight::meaning, at + "outputDimensionality", why);
  }
  if (c.dialect == EmbeddingDialect::openai || c.dialect == EmbeddingDialect::neutral) return;
  for (ExtraField const& field : c.extra)
    losses.lose(is_hint(c.dialect, field) ? Weight::hint : Weight::meaning, field.name, why);
}

}  // namespace openai_embeddings

/// Reads the body of a POST /v1/embeddings. Members that the neutral language does not name are kept as they came.
/// Errors: Errc::invalid_request with the path in param.
inline Result<EmbeddingInputs> decode_openai_embeddings(std::string_view body) {
  using namespace openai_embeddings;
  JsonFault fault;
  if (auto const at = first_json_error(body))
    fault.wrong("", "is not valid JSON, at byte " + std::to_string(*at));
  if (fault.error()) return fail(std::move(*fault.error()));
  EmbeddingInputs c;
  c.dialect = EmbeddingDialect::openai;
  JsonObject top(body, "", fault);
  top.take("model");
  decode_input(top, fault, c);
  decode_format(top, c);
  if (auto const dimensions = top.take_count("dimensions"))
    for (EmbeddingInput& input : c.inputs) input.dimensions = dimensions;
  c.user = top.take_text("user").value_or("");
  c.extra = top.rest();
  if (fault.error()) return fail(std::move(*fault.error()));
  return c;
}

/// Writes the body of a POST /v1/embeddings. Errors: Errc::unsupported with the field that cannot be said and may not
/// be dropped.
inline Result<std::string> encode_openai_embeddings(EmbeddingInputs const& c, std::string_view model,
                                                    Losses& losses) {
  openai_embeddings::lose_own_words(c, losses);
  if (losses.refused()) return fail(*losses.refused());
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("model", model).begin_list("input");
  for (EmbeddingInput const& input : c.inputs) {
    if (input.tokens.empty()) w.text(input.text);
    else openai_embeddings::write_tokens(w, input);
  }
  w.end_list();
  if (!c.inputs.empty()) w.count_if("dimensions", c.inputs.front().dimensions);
  if (c.format == EmbeddingFormat::base64) w.text("encoding_format", "base64");
  w.text_if("user", c.user);
  if (c.dialect == EmbeddingDialect::openai) w.extra(c.extra);
  w.end_object();
  return body;
}

/// Looks at a reply: is it a list of embeddings, and what did it use? Errors: malformed_reply.
inline Result<Usage> read_openai_embeddings(std::string_view body) {
  bool has_data = false;
  Usage usage;
  JsonScan const scan = scan_object(body, [&](JsonMember const& member) {
    if (member.key_is("data")) has_data = member.kind == JsonKind::array;
    else if (member.key_is("usage") && member.kind == JsonKind::object)
      usage = read_openai_usage(member.value);
  });
  if (scan == JsonScan::ok && has_data) return usage;
  std::string message = "the provider's reply is not a list of embeddings";
  if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
  return fail(Errc::malformed_reply, std::move(message), Origin::upstream);
}

/// The vectors of a reply, floats or base64, in the order of the inputs: each where its index says, or where it
/// stands. Errors: malformed_reply.
inline Result<std::vector<Embedding>> decode_openai_embedding_reply(std::string_view body) {
  auto const unreadable = [] {
    return fail(Errc::malformed_reply, "the provider's embeddings cannot be read", Origin::upstream);
  };
  auto const data = find_member(body, "data");
  if (!data || data->kind != JsonKind::array) return unreadable();
  std::vector<Embedding> vectors;
  std::vector<std::size_t> places;
  JsonScan const scan = scan_array(data->value, [&](JsonMember const& element) {
    auto const vector = find_member(element.value, "embedding");
    std::optional<Embedding> read = vector ? read_vector(*vector) : std::nullopt;
    if (!read) return false;
    auto const index = find_member(element.value, "index");
    auto const place = index ? as_int(index->value) : std::nullopt;
    places.push_back(place ? static_cast<std::size_t>(*place) : vectors.size());
    vectors.push_back(*std::move(read));
    return true;
  });
  if (scan != JsonScan::ok) return unreadable();
  std::vector<Embedding> ordered(vectors.size());
  std::vector<bool> taken(vectors.size());
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    std::size_t const at = places[i];
    if (at >= ordered.size() || taken[at]) return unreadable();
    taken[at] = true;
    ordered[at] = std::move(vectors[i]);
  }
  return ordered;
}

/// Writes a reply as OpenAI does. `usage` as far as it is known.
inline std::string encode_openai_embedding_reply(std::vector<Embedding> const& vectors,
                                                 EmbeddingFormat format, std::string_view model,
                                                 Usage const& usage) {
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("object", "list").begin_list("data");
  std::string text;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    text.clear();
    if (format == EmbeddingFormat::base64) append_base64_literal(text, vectors[i]);
    else append_vector(text, vectors[i]);
    w.begin_object().text("object", "embedding").count("index", static_cast<std::int64_t>(i));
    w.raw("embedding", text).end_object();
  }
  w.end_list().text("model", model).begin_object("usage");
  w.count("prompt_tokens", usage.input_total()).count("total_tokens", usage.total());
  w.end_object().end_object();
  return body;
}

}  // namespace lowart::dialect
