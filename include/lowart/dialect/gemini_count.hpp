#pragma once
/// countTokens of Gemini: what is to be counted, and the answer.

#include <lowart/core/result.hpp>
#include <lowart/dialect/gemini_facts.hpp>
#include <lowart/dialect/gemini_model_name.hpp>
#include <lowart/dialect/gemini_path.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/gemini_spelling.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// The facts of a countTokens call. Views into `body` and into `path`. Refused: text that is not one whole JSON object,
/// one without `contents` or `generateContentRequest`, and a model in the latter that is not the path's.
inline Result<WireRequest> read_gemini_count_facts(GeminiPath const& path, std::string_view body) {
  using openai_facts::is_set;
  using openai_facts::refuse;
  std::optional<JsonMember> contents, request;
  std::size_t behind = 0;
  int requests = 0;
  JsonScan const scan = scan_object(body, [&](JsonMember const& member) {
    behind = openai_facts::end_of(member, body);
    if (member.key_is("contents")) contents = member;
    else if (gemini_key_is(member, "generateContentRequest")) request = member, ++requests;
  });
  if (scan != JsonScan::ok) return openai_facts::refuse_scan(body, scan, behind);
  if (!is_set(contents) && !is_set(request)) return refuse("contents", "the request has no 'contents'");
  if (requests > 1)
    return refuse("generateContentRequest",
                  "the request has 'generateContentRequest' twice: which model is meant is ambiguous");
  WireRequest facts;
  facts.dialect = Dialect::gemini;
  facts.body = body;
  facts.model = path.model;
  if (!is_set(request)) return facts;
  auto const token = read_gemini_model(request->value, "generateContentRequest.", path.model);
  if (!token) return fail(token.error());
  facts.model_token = *token;
  return facts;
}

/// Reads the body of a countTokens call: `contents`, or a whole request as `generateContentRequest`. Errors as those
/// of decode_gemini.
inline Result<Conversation> decode_gemini_count(std::string_view body) {
  JsonDocument const document(body);
  JsonFault fault;
  auto top = open_body(document, fault);
  if (!top) return tl::unexpected<Error>(std::move(top).error());
  GeminiName const name(*top, "generateContentRequest");
  if (!top->peek(name)) return gemini_request::decode_members(*std::move(top));
  auto inner = top->take_object(name);
  if (top->peek("contents")) top->wrong("contents", "cannot stand beside 'generateContentRequest'");
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return gemini_request::decode_members(*std::move(inner));
}

/// The answer of a countTokens call.
inline std::string encode_gemini_count_reply(std::int64_t tokens) {
  std::string body;
  JsonWriter w(body);
  w.begin_object().count("totalTokens", tokens).end_object();
  return body;
}

}  // namespace lowart::dialect
