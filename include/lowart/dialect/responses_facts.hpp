#pragma once
/// The facts a gateway needs of a Responses request, found by one shallow look; the body itself stays bytes.

#include <lowart/core/result.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/model/chat_request.hpp>

#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// What a POST /v1/responses asks for: the usual facts, and whether it leans on what a server remembers.
struct ResponsesFacts {
  WireRequest
      wire;  ///< With `goes_on_from`; `may_be_kept` unless `store` is false or a conversation was said before.
  bool conversation{false};  ///< It goes on with a conversation that the server keeps.
  bool background{false};    ///< It wants to be answered later.
  std::optional<bool>
      store;  ///< Whether the answer is to be kept; unset: the provider's default, which is yes.
};

/// The facts of a POST /v1/responses body. Views into `body`; the model into `scratch` when its name has escapes.
/// `wire.decode` is left for the door to bind. `include_usage` is set: a response always tells its usage.
///
/// Not a validator: see read_openai_chat_facts, whose rules hold here. `input` may be absent where the request goes
/// on with something the server keeps, or names a prompt template. Cost: one pass, no allocation for the usual body.
inline Result<ResponsesFacts> read_responses_facts(std::string_view body, std::string& scratch) {
  using namespace openai_facts;
  auto const found = find_members(body);
  if (found.scan != JsonScan::ok) return refuse_scan(body, found);
  ResponsesFacts facts;
  facts.wire.dialect = Dialect::openai_responses;
  facts.wire.body = body;
  facts.wire.features = found.features;
  facts.wire.include_usage = true;
  if (auto read = read_model(found, facts.wire, scratch); !read)
    return tl::unexpected<Error>(std::move(read).error());
  auto const stream = read_flag(found.stream, "stream");
  if (!stream) return tl::unexpected<Error>(stream.error());
  facts.wire.stream = *stream;
  constexpr auto unbounded = std::numeric_limits<std::int64_t>::max();
  auto const limit = read_count(found.max_output_tokens, "max_output_tokens", 0, unbounded);
  if (!limit) return tl::unexpected<Error>(limit.error());
  facts.wire.max_tokens = *limit;
  bool const is_input =
      !is_set(found.input) || found.input->kind == JsonKind::string || found.input->kind == JsonKind::array;
  if (!is_input) return refuse("input", "'input' must be a string or a list of items");
  if (is_set(found.previous_response_id)) {
    if (found.previous_response_id->kind != JsonKind::string)
      return refuse("previous_response_id", "'previous_response_id' must be a string");
    facts.wire.goes_on_from = found.previous_response_id->value;
  }
  facts.conversation = is_set(found.conversation);
  auto const background = read_flag(found.background, "background");
  if (!background) return tl::unexpected<Error>(background.error());
  facts.background = *background;
  auto const store = read_flag(found.store, "store");
  if (!store) return tl::unexpected<Error>(store.error());
  if (is_set(found.store)) facts.store = *store;
  facts.wire.may_be_kept = facts.store.value_or(true) && !facts.conversation;
  return facts;
}

}  // namespace lowart::dialect
