#pragma once
/// countTokens of Gemini: what is to be counted, and the answer.

#include <lowart/core/result.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// Reads the body of a countTokens call: `contents`, or a whole request as `generateContentRequest`. Errors as those
/// of decode_gemini.
inline Result<Conversation> decode_gemini_count(std::string_view body) {
  JsonFault fault;
  auto top = gemini_request::open_body(body, fault);
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
