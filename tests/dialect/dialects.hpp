#pragma once
/// Every chat dialect as a row of functions, so that a test of translations is written once.

#include <lowart/dialect/anthropic_reply_decode.hpp>
#include <lowart/dialect/anthropic_reply_encode.hpp>
#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/dialect/anthropic_request_encode.hpp>
#include <lowart/dialect/gemini_reply_decode.hpp>
#include <lowart/dialect/gemini_reply_encode.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/gemini_request_encode.hpp>
#include <lowart/dialect/ndjson.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>
#include <lowart/dialect/ollama_reply_encode.hpp>
#include <lowart/dialect/ollama_request_decode.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/responses_reply_decode.hpp>
#include <lowart/dialect/responses_reply_encode.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace lowart::testing {

struct DialectRow {
  Dialect dialect;
  std::string_view recordings;  ///< The kind of its recordings.
  Result<Conversation> (*decode_request)(std::string_view);
  Result<std::string> (*encode_request)(Conversation const&, std::string_view model, Losses&);
  Result<ChatDelta> (*decode_reply)(std::string_view);
  std::string (*encode_reply)(ChatDelta const&, dialect::ReplyContext const&);
  std::unique_ptr<dialect::ReplyWriter> (*writer)(dialect::ReplyContext const&);
  std::unique_ptr<ReplyDecoder> (*decoder)();
  bool tells_cached{true};   ///< Its usage knows of prompts that came out of a cache.
  bool chooses_tools{true};  ///< Its requests can say which tool must be called.
};

template <class Writer>
std::unique_ptr<dialect::ReplyWriter> new_writer(dialect::ReplyContext const& context) {
  return std::make_unique<Writer>(context);
}
template <class Events, class Splitter = net::SseSplitter>
std::unique_ptr<ReplyDecoder> new_decoder() {
  return std::make_unique<dialect::SseReplyDecoder<Events, Splitter>>();
}

inline std::array<DialectRow, 5> const& dialect_rows() {
  using namespace dialect;
  static std::array<DialectRow, 5> const rows{{
      {Dialect::openai_chat, "chat", &decode_openai_chat,
       [](Conversation const& c, std::string_view model, Losses& losses) {
         return encode_openai_chat(c, model, losses);
       },
       &decode_openai_reply, &encode_openai_reply, &new_writer<ChunkEncoder>,
       &new_decoder<OpenAiReplyEvents>},
      {Dialect::openai_responses, "responses", &decode_responses, &encode_responses, &decode_responses_reply,
       [](ChatDelta const& whole, ReplyContext const& context) {
         return encode_responses_reply(whole, context);
       },
       &new_writer<ResponsesReplyWriter>, &new_decoder<ResponsesReplyEvents>},
      {Dialect::anthropic, "anthropic", &decode_anthropic,
       [](Conversation const& c, std::string_view model, Losses& losses) {
         return encode_anthropic(c, model, losses);
       },
       &decode_anthropic_reply, &encode_anthropic_reply, &new_writer<AnthropicReplyWriter>,
       &new_decoder<AnthropicReplyEvents>},
      {Dialect::gemini, "gemini", &decode_gemini, &encode_gemini, &decode_gemini_reply, &encode_gemini_reply,
       &new_writer<GeminiReplyWriter>, &new_decoder<GeminiReplyEvents>},
      {Dialect::ollama, "ollama", &decode_ollama,
       [](Conversation const& c, std::string_view model, Losses& losses) {
         return encode_ollama(c, model, losses);
       },
       &decode_ollama_reply, &encode_ollama_reply<OllamaPath::chat>, &new_writer<OllamaReplyWriter>,
       &new_decoder<OllamaReplyEvents, NdjsonSplitter>, false, false},
  }};
  return rows;
}

}  // namespace lowart::testing
