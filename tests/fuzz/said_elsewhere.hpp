#pragma once
/// What was decoded, said to others: requests to providers of other dialects, replies to a chat client.

#include "fuzz.hpp"

#include <lowart/dialect/anthropic_request.hpp>
#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>

#include <string>
#include <vector>

namespace lowart::fuzz {

/// The same conversation to a provider of each dialect of OpenAI and Anthropic: what is written is a request there.
inline void check_said_to_others(Conversation const& c) {
  using namespace dialect;
  Losses losses(MayDrop::anything);
  if (auto const chat = encode_openai_chat(c, "m", losses)) require(decode_openai_chat(*chat).has_value());
  if (auto const message = encode_anthropic(c, "m", losses)) require(decode_anthropic(*message).has_value());
  if (auto const response = encode_responses(c, "m", losses))
    require(decode_responses(*response).has_value());
}

/// The steps of a reply to a chat client, as a stream and then whole, which is returned.
inline std::string said_to_chat(std::vector<ChatDelta> const& steps) {
  dialect::ReplyContext context;
  context.id = "abc";
  context.model = "m";
  dialect::ChunkEncoder writer(context);
  dialect::CompletionBuilder builder;
  std::string out;
  for (ChatDelta const& step : steps) {
    writer.write(step, out);
    builder.add(step);
  }
  writer.finish(out);
  return dialect::encode_openai_reply(builder.whole(), context);
}

}  // namespace lowart::fuzz
