#pragma once
/// The answer of POST /v1/messages/count_tokens. Its request is a message without a limit: decode_anthropic reads it.

#include <lowart/dialect/json_writer.hpp>

#include <cstdint>
#include <string>

namespace lowart::dialect {

/// {"input_tokens":N}
inline std::string encode_anthropic_count_reply(std::int64_t tokens) {
  std::string body;
  JsonWriter(body).begin_object().count("input_tokens", tokens).end_object();
  return body;
}

}  // namespace lowart::dialect
