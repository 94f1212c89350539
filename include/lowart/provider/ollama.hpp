#pragma once
/// Ollama: a server of Ollama, in its own protocol.

#include <lowart/dialect/model_offer_page.hpp>
#include <lowart/dialect/ndjson.hpp>
#include <lowart/dialect/ollama_embeddings.hpp>
#include <lowart/dialect/ollama_error_reading.hpp>
#include <lowart/dialect/ollama_generate_encode.hpp>
#include <lowart/dialect/ollama_reader.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/provider/http_chat.hpp>
#include <lowart/provider/http_embeddings.hpp>
#include <lowart/provider/http_offers.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct OllamaOptions {
  std::string name{"ollama"};
  std::string base_url{"http://127.0.0.1:11434"};  ///< Up to and without "/api".
  Secret api_key{};        ///< For ollama.com or a server in front. Empty sends no Authorization.
  bool client_key{false};  ///< Without an api_key: the one that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
  dialect::OllamaVariant variant{};     ///< How the server is asked, whoever asks.
};

/// POST /api/chat and /api/embed, and for clients who ask there /api/generate and /api/embeddings. GET /api/tags. Streams
/// are lines of JSON.
class OllamaWire {
 public:
  using Options = OllamaOptions;
  using Reader = dialect::OllamaReader;
  static constexpr std::string_view stream_type = "application/x-ndjson";
  static constexpr std::string_view request_id = "x-request-id";
  static constexpr std::array<std::string_view, 2> refusal_fields{"retry-after", "retry-after-ms"};

  explicit OllamaWire(OllamaOptions options) : options_(std::move(options)), key_(options_.api_key) {}
  OllamaOptions const& options() const noexcept { return options_; }

  static bool speaks(Dialect d) noexcept { return d == Dialect::ollama || d == Dialect::ollama_generate; }
  static Dialect reply_dialect(Dialect request) noexcept {
    return request == Dialect::ollama_generate ? request : Dialect::ollama;
  }
  std::string_view path(ChatRequest const& request, std::string&) const noexcept {
    return request.dialect() == Dialect::ollama_generate ? "/api/generate" : "/api/chat";
  }
  void write_fields(ChatRequest const&, Call& call, net::HttpRequest& http) const { authorize(call, http); }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    if (c.dialect == Dialect::ollama_generate)
      return dialect::encode_ollama_generate(c, model, losses, options_.variant);
    return dialect::encode_ollama(c, model, losses, options_.variant);
  }

  static bool speaks(EmbeddingDialect d) noexcept {
    return d == EmbeddingDialect::ollama || d == EmbeddingDialect::ollama_single;
  }
  static EmbeddingDialect reply_dialect(EmbeddingDialect d) noexcept {
    return speaks(d) ? d : EmbeddingDialect::ollama;
  }
  std::string_view path(EmbeddingRequest const& request, std::string&) const noexcept {
    return request.dialect() == EmbeddingDialect::ollama_single ? "/api/embeddings" : "/api/embed";
  }
  void write_fields(EmbeddingRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static std::string model_in_body(std::string_view model) { return std::string(model); }
  Result<std::string> encode(EmbeddingInputs const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_ollama_embeddings(c, model, losses);
  }
  static Result<Usage> read_embeddings(EmbeddingDialect d, std::string_view body) {
    return dialect::read_ollama_embeddings(body, d);
  }
  static EmbeddingReply::Decode embeddings_decoder(EmbeddingDialect d) noexcept {
    return d == EmbeddingDialect::ollama_single ? &dialect::decode_ollama_single_embedding_reply
                                                : &dialect::decode_ollama_embedding_reply;
  }

  std::string_view path(ModelOffersRequest const&, std::string_view, std::string&) const noexcept {
    return "/api/tags";
  }
  void write_fields(ModelOffersRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  void write_fields(PassthroughRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static Result<dialect::ModelOfferPage> read_offers(std::string_view body) {
    return dialect::read_ollama_offers(body);
  }

  Reader reader() const { return Reader(); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::OllamaReplyEvents, dialect::NdjsonSplitter>
                    : &dialect::make_whole_decoder<&dialect::decode_ollama_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_ollama_error(status, body, header, now);
  }

 private:
  void authorize(Call& call, net::HttpRequest& http) const { key_.show(options_, call, http); }

  OllamaOptions options_;
  http_wire::BearerKey key_;
};

/// Chat, embeddings and the list of models over Ollama's protocol; see HttpChat, ask_embeddings and ask_offers.
template <net::Transport T = net::AnyTransport>
class Ollama : public HttpChat<OllamaWire, T> {
 public:
  using HttpChat<OllamaWire, T>::HttpChat;
  using HttpChat<OllamaWire, T>::operator();

  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    return ask_embeddings(this->transport(), this->wire(), request, call);
  }
  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
Ollama(OllamaOptions) -> Ollama<net::AnyTransport>;
template <net::Transport T>
Ollama(T, OllamaOptions) -> Ollama<T>;

}  // namespace lowart
