#pragma once
/// Clients of Ollama's /api/chat and /api/generate.

#include <lowart/dialect/ollama_error.hpp>
#include <lowart/dialect/ollama_facts.hpp>
#include <lowart/dialect/ollama_generate_decode.hpp>
#include <lowart/dialect/ollama_reply_encode.hpp>
#include <lowart/dialect/ollama_request_decode.hpp>
#include <lowart/gateway/client_dialect.hpp>

#include <string>
#include <string_view>

namespace lowart {

namespace ollama_client {

template <dialect::OllamaPath path>
std::string at_once(WireRequest const& asked, std::int64_t utc_micros) {
  return dialect::encode_ollama_loaded<path>(asked.body, asked.model, utc_micros);
}

}  // namespace ollama_client

inline constexpr ClientDialect ollama_client_dialect{
    .dialect = Dialect::ollama,
    .door = DoorKind::ollama,
    .route = "/api/chat",
    .facts = [](Asked const& asked,
                std::string& scratch) { return dialect::read_ollama_chat_facts(asked.body, scratch); },
    .decode = &dialect::decode_ollama,
    .error = [](Error const& error, std::string_view) { return dialect::to_ollama_error(error); },
    .error_event = [](Error const& error, ReplyProgress const&,
                      std::string& out) { out.append(dialect::ollama_error_line(error)); },
    .writer = &make_reply_writer<dialect::OllamaReplyWriter>,
    .whole = &dialect::encode_ollama_reply<dialect::OllamaPath::chat>,
    .limits = [](LimitSnapshot const&, std::int64_t,
                 net::Responder&) {},  // Ollama's clients are told of none
    .request_id = "x-request-id",
    .passed_fields = {},
    .stream_type = "application/x-ndjson",
    .at_once = &ollama_client::at_once<dialect::OllamaPath::chat>,
    .skips_comments = false,
};

inline constexpr ClientDialect ollama_generate_client = [] {
  ClientDialect client = ollama_client_dialect;
  client.dialect = Dialect::ollama_generate;
  client.route = "/api/generate";
  client.facts = [](Asked const& asked, std::string& scratch) {
    return dialect::read_ollama_generate_facts(asked.body, scratch);
  };
  client.decode = &dialect::decode_ollama_generate;
  client.writer = &make_reply_writer<dialect::OllamaGenerateWriter>;
  client.whole = &dialect::encode_ollama_reply<dialect::OllamaPath::generate>;
  client.at_once = &ollama_client::at_once<dialect::OllamaPath::generate>;
  return client;
}();

}  // namespace lowart
