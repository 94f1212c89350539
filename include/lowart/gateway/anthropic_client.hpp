#pragma once
/// Clients of Anthropic's Messages.

#include <lowart/dialect/anthropic_error.hpp>
#include <lowart/dialect/anthropic_facts.hpp>
#include <lowart/dialect/anthropic_limits.hpp>
#include <lowart/dialect/anthropic_reply_encode.hpp>
#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/gateway/client_dialect.hpp>

#include <array>
#include <string>
#include <string_view>

namespace lowart {

namespace anthropic_client {

inline void limits(LimitSnapshot const& seen, std::int64_t now_us, net::Responder& responder) {
  auto const put = [&](std::string_view name, std::string_view value) { responder.field(name, value); };
  for (auto const& [kind, window] : {std::pair{"requests", seen.requests}, {"tokens", seen.tokens}})
    if (window.limit > 0)
      dialect::tell_anthropic_limit(kind, window.limit, window.remaining, window.reset, now_us, put);
}

inline constexpr std::array<std::string_view, 2> passed_fields{"anthropic-version", "anthropic-beta"};

}  // namespace anthropic_client

inline constexpr ClientDialect anthropic_client_dialect{
    .dialect = Dialect::anthropic,
    .door = DoorKind::messages,
    .route = "/v1/messages",
    .facts = [](Asked const& asked,
                std::string& scratch) { return dialect::read_anthropic_facts(asked.body, scratch); },
    .decode = &dialect::decode_anthropic,
    .error = &dialect::to_anthropic_error,
    .error_event = [](Error const& error, ReplyProgress const&,
                      std::string& out) { out.append(dialect::anthropic_error_event(error)); },
    .writer = &make_reply_writer<dialect::AnthropicReplyWriter>,
    .whole = &dialect::encode_anthropic_reply,
    .limits = &anthropic_client::limits,
    .request_id = "request-id",
    .passed_fields = anthropic_client::passed_fields,
};

}  // namespace lowart
