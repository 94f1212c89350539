#pragma once
/// Embedding calls of Gemini, embedContent and batchEmbedContents: facts, request both ways, reply both ways.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/gemini_model_name.hpp>
#include <lowart/dialect/gemini_path.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/gemini_spelling.hpp>
#include <lowart/dialect/gemini_usage.hpp>
#include <lowart/dialect/hints.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/dialect/vector_text.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/model/losses.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace gemini_embeddings {

/// Notes where a body names the model.
inline Result<void> take_model(std::string_view object, std::string const& at, WireEmbedding& facts) {
  Result<std::string_view> const token = read_gemini_model(object, at, facts.model);
  if (!token) return fail(token.error());
  if (!token->empty()) facts.model_tokens.push_back(*token);
  return {};
}

inline Result<void> take_requests(JsonMember const& requests, WireEmbedding& facts) {
  Result<void> taken;
  std::size_t index = 0;
  scan_array(requests.value, [&](JsonMember const& request) {
    taken = take_model(request.value, "requests[" + std::to_string(index++) + "].", facts);
    return taken.has_value();
  });
  return taken;
}

}  // namespace gemini_embeddings

/// The facts of an embedContent or batchEmbedContents call. Views into `body` and into `path`.
///
/// Not a validator: upstream checks the rest. Refused with Errc::invalid_request and `param`: text that is not one
/// whole JSON object, no `content` or `requests` or two of the latter, and a model in the body that is not the path's.
inline Result<WireEmbedding> read_gemini_embedding_facts(GeminiPath const& path, std::string_view body) {
  using openai_facts::is_set;
  using openai_facts::refuse;
  std::optional<JsonMember> content, requests;
  std::size_t behind = 0;
  int lists = 0;
  JsonScan const scan = scan_object(body, [&](JsonMember const& member) {
    behind = openai_facts::end_of(member, body);
    if (member.key_is("content")) content = member;
    else if (member.key_is("requests")) requests = member, ++lists;
  });
  if (scan != JsonScan::ok) return openai_facts::refuse_scan(body, scan, behind);
  WireEmbedding facts;
  facts.body = body;
  facts.model = path.model;
  if (path.method == GeminiMethod::embed) {
    facts.dialect = EmbeddingDialect::gemini;
    if (!is_set(content)) return refuse("content", "the request has no 'content'");
    auto const taken = gemini_embeddings::take_model(body, "", facts);
    if (!taken) return fail(taken.error());
    return facts;
  }
  facts.dialect = EmbeddingDialect::gemini_batch;
  if (!is_set(requests)) return refuse("requests", "the request has no 'requests'");
  if (requests->kind != JsonKind::array) return refuse("requests", "'requests' must be a list");
  if (lists > 1)
    return refuse("requests", "the request has 'requests' twice: which models are meant is ambiguous");
  auto const taken = gemini_embeddings::take_requests(*requests, facts);
  if (!taken) return fail(taken.error());
  return facts;
}

namespace gemini_embeddings {

/// The texts of a content's parts, one behind the other; its role says nothing here.
inline std::string take_content(JsonObject& request) {
  auto content = request.take_object("content");
  if (!content) return request.wrong("content", "is missing"), std::string();
  content->take("role");
  std::string text;
  if (!content->peek("parts")) content->wrong("parts", "is missing");
  take_gemini_list(*content, "parts", [&](JsonMember const& element, JsonPath const& path) {
    if (element.kind != JsonKind::object) return content->fault().wrong(path, "must be an object");
    JsonObject part(element, path, content->fault());
    auto const said = part.take_text("text");
    if (said) text += *said;
    else part.wrong("text", "is missing: only texts can be embedded by another provider");
  });
  return text;
}

inline EmbeddingInput decode_one(JsonObject& request, std::string const& at, std::vector<ExtraField>& extra) {
  EmbeddingInput input;
  request.take("model");
  input.text = take_content(request);
  input.task = request.take_text(GeminiName(request, "taskType")).value_or("");
  input.title = request.take_text("title").value_or("");
  input.dimensions = request.take_count(GeminiName(request, "outputDimensionality"));
  for (ExtraField& field : request.rest()) extra.push_back({at + field.name, std::move(field.value)});
  return input;
}

inline void write_one(JsonWriter& w, EmbeddingInput const& input, std::string_view model) {
  w.begin_object().text("model", gemini_model_name(model)).begin_object("content").begin_list("parts");
  w.begin_object().text("text", input.text).end_object().end_list().end_object();
  w.text_if("taskType", input.task).text_if("title", input.title);
  w.count_if("outputDimensionality", input.dimensions).end_object();
}

inline std::optional<Embedding> values_of(std::string_view embedding) {
  auto const values = find_member(embedding, "values");
  return values ? read_vector(*values) : std::nullopt;
}

inline tl::unexpected<Error> unreadable() {
  return fail(Errc::malformed_reply, "the provider's embeddings cannot be read", Origin::upstream);
}

}  // namespace gemini_embeddings

/// Reads the body of an embedContent or batchEmbedContents call; the model stands in the path. Names are read in
/// camelCase and in snake_case. What the neutral language does not name is kept with where it stood.
/// Errors: Errc::invalid_request with the path in param.
inline Result<EmbeddingInputs> decode_gemini_embedding(std::string_view body) {
  JsonDocument const document(body);
  JsonFault fault;
  auto top = open_body(document, fault);
  if (!top) return fail(std::move(top).error());
  EmbeddingInputs c;
  c.dialect = EmbeddingDialect::gemini;
  c.inputs.push_back(gemini_embeddings::decode_one(*top, "", c.extra));
  if (fault.error()) return fail(std::move(*fault.error()));
  return c;
}
inline Result<EmbeddingInputs> decode_gemini_embedding_batch(std::string_view body) {
  JsonDocument const document(body);
  JsonFault fault;
  auto top = open_body(document, fault);
  if (!top) return fail(std::move(top).error());
  EmbeddingInputs c;
  c.dialect = EmbeddingDialect::gemini_batch;
  bool const has_requests = top->take_list("requests", [&](JsonMember const& e, JsonPath const& path) {
    if (e.kind != JsonKind::object) return fault.wrong(path, "must be an object");
    JsonObject request(e, path, fault);
    c.inputs.push_back(gemini_embeddings::decode_one(request, path.text() + ".", c.extra));
  });
  if (!has_requests) top->wrong("requests", "is missing");
  for (ExtraField& field : top->rest()) c.extra.push_back(std::move(field));
  if (fault.error()) return fail(std::move(*fault.error()));
  return c;
}

/// Writes the body of a batchEmbedContents call, for any number of inputs. Errors: Errc::unsupported with the field
/// that cannot be said: tokens always, as there is no text to send in their place.
inline Result<std::string> encode_gemini_embeddings(EmbeddingInputs const& c, std::string_view model,
                                                    Losses& losses) {
  constexpr std::string_view why = "cannot be said to a provider that speaks gemini embeddings";
  if (!c.user.empty()) losses.lose(Weight::hint, "user", why);
  for (ExtraField const& field : c.extra) {
    losses.lose(is_hint(c.dialect, field) ? Weight::hint : Weight::meaning, field.name, why);
  }
  if (losses.refused()) return fail(*losses.refused());
  std::string body;
  JsonWriter w(body);
  w.begin_object().begin_list("requests");
  for (EmbeddingInput const& input : c.inputs) {
    if (!input.tokens.empty())
      return fail(Error(Errc::unsupported, "the tokens in 'input' " + std::string(why), Origin::client)
                      .with_param("input"));
    gemini_embeddings::write_one(w, input, model);
  }
  w.end_list().end_object();
  return body;
}

/// Looks at a reply: is it one of `dialect`, and what did it use? Gemini mostly does not tell.
/// Errors: malformed_reply.
inline Result<Usage> read_gemini_embeddings(EmbeddingDialect dialect, std::string_view body) {
  std::string_view const name = dialect == EmbeddingDialect::gemini ? "embedding" : "embeddings";
  JsonKind const kind = dialect == EmbeddingDialect::gemini ? JsonKind::object : JsonKind::array;
  bool found = false;
  Usage usage;
  JsonScan const scan = scan_object(body, [&](JsonMember const& member) {
    if (member.key_is(name)) found = member.kind == kind;
    else if (member.key_is("usageMetadata") && member.kind == JsonKind::object)
      usage = read_gemini_usage(member.value, false);
  });
  if (scan == JsonScan::ok && found) return usage;
  std::string message = "the provider's reply is no embedding";
  if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
  return fail(Errc::malformed_reply, std::move(message), Origin::upstream);
}

/// The vector of an embedContent reply. Errors: malformed_reply.
inline Result<std::vector<Embedding>> decode_gemini_embedding_reply(std::string_view body) {
  auto const embedding = find_member(body, "embedding");
  auto vector = embedding ? gemini_embeddings::values_of(embedding->value) : std::nullopt;
  if (!vector) return gemini_embeddings::unreadable();
  return std::vector<Embedding>{*std::move(vector)};
}
/// The vectors of a batchEmbedContents reply, in order. Errors: malformed_reply.
inline Result<std::vector<Embedding>> decode_gemini_embedding_batch_reply(std::string_view body) {
  auto const embeddings = find_member(body, "embeddings");
  if (!embeddings || embeddings->kind != JsonKind::array) return gemini_embeddings::unreadable();
  std::vector<Embedding> vectors;
  JsonScan const scan = scan_array(embeddings->value, [&](JsonMember const& element) {
    auto vector = gemini_embeddings::values_of(element.value);
    if (!vector) return false;
    vectors.push_back(*std::move(vector));
    return true;
  });
  if (scan != JsonScan::ok) return gemini_embeddings::unreadable();
  return vectors;
}

/// Writes a reply of `dialect` as Gemini does; of several vectors embedContent tells the first.
inline std::string encode_gemini_embedding_reply(EmbeddingDialect dialect,
                                                 std::vector<Embedding> const& vectors) {
  std::string body;
  JsonWriter w(body);
  auto const write = [&](Embedding const& vector) {
    std::string values;
    append_vector(values, vector);
    w.begin_object().raw("values", values).end_object();
  };
  w.begin_object();
  if (dialect == EmbeddingDialect::gemini) {
    w.key("embedding");
    write(vectors.empty() ? Embedding{} : vectors.front());
    return w.end_object(), body;
  }
  w.begin_list("embeddings");
  for (Embedding const& vector : vectors) write(vector);
  w.end_list().end_object();
  return body;
}

}  // namespace lowart::dialect
