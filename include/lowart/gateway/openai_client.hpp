#pragma once
/// Clients of OpenAI's chat and legacy completions.

#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_completions.hpp>
#include <lowart/dialect/openai_error.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/gateway/client_dialect.hpp>

#include <array>
#include <string>
#include <string_view>

namespace lowart {

namespace openai_client {

inline dialect::ErrorReply error(Error const& error, std::string_view) {
  return dialect::to_openai_error(error);
}
inline void error_event(Error const& error, ReplyProgress const&, std::string& out) {
  out.append(dialect::openai_error_event(error));
}

/// What OpenAI's own servers send; a client's SDK and its throttling read it.
inline void limits(LimitSnapshot const& seen, std::int64_t, net::Responder& responder) {
  if (seen.requests.limit > 0) {
    responder.number("x-ratelimit-limit-requests", seen.requests.limit);
    responder.number("x-ratelimit-remaining-requests", seen.requests.remaining);
    responder.number("x-ratelimit-reset-requests", seen.requests.reset.count(), "ms");
  }
  if (seen.tokens.limit > 0) {
    responder.number("x-ratelimit-limit-tokens", seen.tokens.limit);
    responder.number("x-ratelimit-remaining-tokens", seen.tokens.remaining);
    responder.number("x-ratelimit-reset-tokens", seen.tokens.reset.count(), "ms");
  }
}

inline constexpr std::array<std::string_view, 1> passed_fields{"openai-beta"};

}  // namespace openai_client

inline constexpr ClientDialect openai_chat_client{
    .dialect = Dialect::openai_chat,
    .door = DoorKind::chat,
    .route = "/v1/chat/completions",
    .facts = [](Asked const& asked,
                std::string& scratch) { return dialect::read_openai_chat_facts(asked.body, scratch); },
    .decode = &dialect::decode_openai_chat,
    .error = &openai_client::error,
    .error_event = &openai_client::error_event,
    .writer = &make_reply_writer<dialect::ChunkEncoder>,
    .whole = &dialect::encode_openai_reply,
    .limits = &openai_client::limits,
    .request_id = "x-request-id",
    .passed_fields = openai_client::passed_fields,
};

inline constexpr ClientDialect openai_completions_client{
    .dialect = Dialect::openai_completions,
    .door = DoorKind::completions,
    .route = "/v1/completions",
    .facts = [](Asked const& asked,
                std::string& scratch) { return dialect::read_openai_completions_facts(asked.body, scratch); },
    .decode = &dialect::decode_openai_completions,
    .error = &openai_client::error,
    .error_event = &openai_client::error_event,
    .writer = &make_reply_writer<dialect::CompletionsChunkEncoder>,
    .whole = &dialect::encode_openai_completions_reply,
    .limits = &openai_client::limits,
    .request_id = "x-request-id",
    .passed_fields = openai_client::passed_fields,
};

}  // namespace lowart
