#pragma once
/// Cohere: Cohere's platform, or a server that speaks version 2 of its API.

#include <lowart/dialect/cohere_embeddings.hpp>
#include <lowart/dialect/cohere_error_reading.hpp>
#include <lowart/dialect/cohere_reader.hpp>
#include <lowart/dialect/cohere_reply_decode.hpp>
#include <lowart/dialect/cohere_request_encode.hpp>
#include <lowart/dialect/model_offer_page.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/provider/http_chat.hpp>
#include <lowart/provider/http_embeddings.hpp>
#include <lowart/provider/http_offers.hpp>
#include <lowart/provider/http_operation.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct CohereOptions {
  std::string name{"cohere"};
  std::string base_url{"https://api.cohere.com"};  ///< Up to and without "/v2".
  Secret api_key{};                                ///< Empty sends no Authorization.
  bool client_key{false};                          ///< Without an api_key: the one that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
  dialect::CohereVariant variant{};     ///< How it is asked, whoever asks.
};

/// POST /v2/chat, /v2/embed and /v2/rerank. GET /v1/models.
class CohereWire {
 public:
  using Options = CohereOptions;
  using Reader = dialect::CohereReader;
  static constexpr std::string_view request_id = "x-debug-trace-id";
  static constexpr std::array<std::string_view, 2> refusal_fields{"retry-after", "retry-after-ms"};

  explicit CohereWire(CohereOptions options) : options_(std::move(options)), key_(options_.api_key) {}
  CohereOptions const& options() const noexcept { return options_; }

  static bool speaks(Dialect d) noexcept { return d == Dialect::cohere; }
  static Dialect reply_dialect(Dialect) noexcept { return Dialect::cohere; }
  std::string_view path(ChatRequest const&, std::string&) const noexcept { return "/v2/chat"; }
  void write_fields(ChatRequest const&, Call& call, net::HttpRequest& http) const { authorize(call, http); }
  static Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) {
    return dialect::encode_cohere(c, model, losses);
  }

  static bool speaks(EmbeddingDialect d) noexcept { return d == EmbeddingDialect::cohere; }
  static EmbeddingDialect reply_dialect(EmbeddingDialect) noexcept { return EmbeddingDialect::cohere; }
  std::string_view path(EmbeddingRequest const&, std::string&) const noexcept { return "/v2/embed"; }
  void write_fields(EmbeddingRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static std::string model_in_body(std::string_view model) { return std::string(model); }
  Result<std::string> encode(EmbeddingInputs const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_cohere_embeddings(c, model, losses, options_.variant);
  }
  static Result<Usage> read_embeddings(EmbeddingDialect, std::string_view body) {
    return dialect::read_cohere_embeddings(body);
  }
  static EmbeddingReply::Decode embeddings_decoder(EmbeddingDialect) noexcept {
    return &dialect::decode_cohere_embedding_reply;
  }

  /// Of reranking, the one operation that is asked here.
  std::string_view path(OperationRequest const&, std::string&) const noexcept { return "/v2/rerank"; }
  void write_fields(OperationRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }

  std::string_view path(ModelOffersRequest const&, std::string_view next, std::string& made) const {
    made = "/v1/models?page_size=1000";
    if (!next.empty()) made.append("&page_token=").append(http_wire::percent_encoded(next));
    return made;
  }
  void write_fields(ModelOffersRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  void write_fields(PassthroughRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static Result<dialect::ModelOfferPage> read_offers(std::string_view body) {
    return dialect::read_cohere_offers(body);
  }

  Reader reader() const { return Reader(); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::CohereReplyEvents>
                    : &dialect::make_whole_decoder<&dialect::decode_cohere_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_cohere_error(status, body, header, now);
  }

 private:
  void authorize(Call& call, net::HttpRequest& http) const { key_.show(options_, call, http); }

  CohereOptions options_;
  http_wire::BearerKey key_;
};

/// Chat, embeddings, reranking and the list of models over Cohere's protocol; see HttpChat, ask_embeddings, ask_operation
/// and ask_offers. Errors of operations besides: unsupported for any but reranking.
template <net::Transport T = net::AnyTransport>
class Cohere : public HttpChat<CohereWire, T> {
 public:
  using HttpChat<CohereWire, T>::HttpChat;
  using HttpChat<CohereWire, T>::operator();

  /// Of the operations that OperationRequest stands for.
  static constexpr DoorSet operations() noexcept { return {DoorKind::rerank}; }

  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    return ask_embeddings(this->transport(), this->wire(), request, call);
  }
  Task<Result<OperationReply>> operator()(OperationRequest const& request, Call& call) {
    if (!operations().has(door_of(request.kind()))) return refuse_operation(this->name(), request);
    return ask_operation(this->transport(), this->wire(), request, call);
  }
  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
Cohere(CohereOptions) -> Cohere<net::AnyTransport>;
template <net::Transport T>
Cohere(T, CohereOptions) -> Cohere<T>;

}  // namespace lowart
