#pragma once
/// Clients of OpenAI's Responses.

#include <lowart/dialect/responses_error.hpp>
#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_reply_encode.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/gateway/client_dialect.hpp>
#include <lowart/gateway/openai_client.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

inline constexpr ClientDialect responses_client_dialect{
    .dialect = Dialect::openai_responses,
    .door = DoorKind::responses,
    .route = "/v1/responses",
    .facts = [](Asked const& asked, std::string& scratch) -> Result<WireRequest> {
      Result<dialect::ResponsesFacts> facts = dialect::read_responses_facts(asked.body, scratch);
      if (!facts) return fail(std::move(facts).error());
      return facts->wire;
    },
    .decode = &dialect::decode_responses,
    .error = &openai_client::error,
    .error_event =
        [](Error const& error, ReplyProgress const& progress, std::string& out) {
          out.append(dialect::responses_error_event(error, progress.sequence_number + 1));
        },
    .writer = [](dialect::ReplyContext const& context, Call& call) -> ArenaPtr<dialect::ReplyWriter> {
      return call.make<dialect::ResponsesReplyWriter>(context);
    },
    .whole = &dialect::encode_responses_reply,
    .limits = &openai_client::limits,
    .request_id = "x-request-id",
    .passed_fields = openai_client::passed_fields,
    .goes_on = true,
};

}  // namespace lowart
