#pragma once
/// The answer of POST /v1/responses/input_tokens. Its request is that of a response: decode_responses reads it.

#include <lowart/dialect/json_writer.hpp>

#include <cstdint>
#include <string>

namespace lowart::dialect {

/// {"object":"response.input_tokens","input_tokens":N}
inline std::string encode_responses_count_reply(std::int64_t tokens) {
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("object", "response.input_tokens").count("input_tokens", tokens).end_object();
  return body;
}

}  // namespace lowart::dialect
