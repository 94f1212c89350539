#pragma once
/// The facts a gateway needs of an Anthropic request, found by one shallow look; the body itself stays bytes.

#include <lowart/core/result.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/model/chat_request.hpp>

#include <limits>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// The facts of a POST /v1/messages or /v1/messages/count_tokens body, of either API version. Views into `body`; the
/// model into `scratch` when its name has escapes. `decode` is left for the door to bind. `include_usage` is set: a
/// message always tells its usage.
///
/// Not a validator: see read_openai_chat_facts, whose rules hold here. `max_tokens` may be absent: only the provider
/// requires it, and counting knows none. Cost: one pass, no allocation for the usual body.
inline Result<WireRequest> read_anthropic_facts(std::string_view body, std::string& scratch) {
  using namespace openai_facts;
  auto const found = find_members(body);
  if (found.scan != JsonScan::ok) return refuse_scan(body, found);
  WireRequest facts;
  facts.dialect = Dialect::anthropic;
  facts.body = body;
  facts.features = found.features;
  facts.include_usage = true;
  if (auto read = read_model(found, facts, scratch); !read)
    return tl::unexpected<Error>(std::move(read).error());
  auto const stream = read_flag(found.stream, "stream");
  if (!stream) return tl::unexpected<Error>(stream.error());
  facts.stream = *stream;
  auto const limit = read_count(found.max_tokens, "max_tokens", 0, std::numeric_limits<std::int64_t>::max());
  if (!limit) return tl::unexpected<Error>(limit.error());
  facts.max_tokens = *limit;
  if (!is_set(found.messages)) return refuse("messages", "the request has no 'messages'");
  if (found.messages->kind != JsonKind::array) return refuse("messages", "'messages' must be a list");
  return facts;
}

}  // namespace lowart::dialect
