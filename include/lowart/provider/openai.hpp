#pragma once
/// OpenAi: any server that speaks the OpenAI chat protocol.

#include <lowart/dialect/openai_chat_reader.hpp>
#include <lowart/dialect/openai_chat_reply_decode.hpp>
#include <lowart/dialect/openai_chat_request_encode.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/provider/http_chat.hpp>
#include <lowart/provider/http_embeddings.hpp>
#include <lowart/provider/http_offers.hpp>
#include <lowart/provider/http_operation.hpp>
#include <lowart/provider/openai_fields.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct OpenAiOptions {
  std::string name{"openai"};
  /// Up to and without "/chat/completions". Any compatible server: vLLM, Ollama, llama.cpp, DeepSeek ...
  std::string base_url{"https://api.openai.com/v1"};
  Secret api_key{};                     ///< Empty sends no Authorization.
  bool client_key{false};               ///< Without an api_key: the one that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
  bool done_required{true};             ///< False for servers that end streams without `data: [DONE]`.
  bool repair{true};                    ///< What strict clients would refuse is put right: see OpenAiRepair.
  dialect::OpenAiVariant variant{};     ///< How translated requests are spelt.
};

/// POST /chat/completions, /completions for legacy requests, /embeddings, /moderations, /rerank, /images/... and
/// /audio/.... GET /models.
class OpenAiWire {
 public:
  using Options = OpenAiOptions;
  using Reader = dialect::OpenAiChatReader;
  static constexpr std::string_view request_id = openai_fields::request_id;
  static constexpr auto refusal_fields = openai_fields::of_refusals;

  explicit OpenAiWire(OpenAiOptions options) : options_(std::move(options)), key_(options_.api_key) {}
  OpenAiOptions const& options() const noexcept { return options_; }

  static bool speaks(Dialect d) noexcept {
    return d == Dialect::openai_chat || d == Dialect::openai_completions;
  }
  static Dialect reply_dialect(Dialect request) noexcept {
    return request == Dialect::openai_completions ? request : Dialect::openai_chat;
  }
  std::string_view path(ChatRequest const& request, std::string&) const noexcept {
    return request.dialect() == Dialect::openai_completions ? "/completions" : "/chat/completions";
  }
  void write_fields(ChatRequest const& request, Call& call, net::HttpRequest& http) const {
    if (auto const beta = passed_field(request, "openai-beta"); !beta.empty() && speaks(request.dialect()))
      http.field("openai-beta", beta);
    authorize(call, http);
  }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_openai_chat(c, model, losses, options_.variant);
  }

  static bool speaks(EmbeddingDialect d) noexcept { return d == EmbeddingDialect::openai; }
  static EmbeddingDialect reply_dialect(EmbeddingDialect) noexcept { return EmbeddingDialect::openai; }
  std::string_view path(EmbeddingRequest const&, std::string&) const noexcept { return "/embeddings"; }
  void write_fields(EmbeddingRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static std::string model_in_body(std::string_view model) { return std::string(model); }
  Result<std::string> encode(EmbeddingInputs const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_openai_embeddings(c, model, losses);
  }
  static Result<Usage> read_embeddings(EmbeddingDialect, std::string_view body) {
    return dialect::read_openai_embeddings(body);
  }
  static EmbeddingReply::Decode embeddings_decoder(EmbeddingDialect) noexcept {
    return &dialect::decode_openai_embedding_reply;
  }

  std::string_view path(OperationRequest const& request, std::string&) const noexcept {
    switch (request.kind()) {
      case OperationKind::moderation: return "/moderations";
      case OperationKind::rerank: return "/rerank";
      case OperationKind::image: return "/images/generations";
      case OperationKind::image_edit: return "/images/edits";
      case OperationKind::image_variation: return "/images/variations";
      case OperationKind::speech: return "/audio/speech";
      case OperationKind::transcription: return "/audio/transcriptions";
      case OperationKind::translation: break;
    }
    return "/audio/translations";
  }
  void write_fields(OperationRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }

  std::string_view path(ModelOffersRequest const&, std::string_view, std::string&) const noexcept {
    return "/models";
  }
  void write_fields(ModelOffersRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  void write_fields(PassthroughRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static Result<dialect::ModelOfferPage> read_offers(std::string_view body) {
    return dialect::read_openai_offers(body);
  }

  Reader reader() const { return Reader(dialect::OpenAiEvents(options_.done_required, options_.repair)); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::OpenAiReplyEvents>
                    : &dialect::make_whole_decoder<&dialect::decode_openai_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_openai_error(status, body, header, now);
  }

 private:
  void authorize(Call& call, net::HttpRequest& http) const { key_.show(options_, call, http); }

  OpenAiOptions options_;
  http_wire::BearerKey key_;
};

/// Chat, embeddings, other operations and the list of models over the OpenAI protocol; see HttpChat, ask_embeddings,
/// ask_operation and ask_offers.
///
///     auto answer = OpenAi{options} | retry() | breaker();
template <net::Transport T = net::AnyTransport>
class OpenAi : public HttpChat<OpenAiWire, T> {
 public:
  using HttpChat<OpenAiWire, T>::HttpChat;
  using HttpChat<OpenAiWire, T>::operator();

  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    return ask_embeddings(this->transport(), this->wire(), request, call);
  }
  Task<Result<OperationReply>> operator()(OperationRequest const& request, Call& call) {
    return ask_operation(this->transport(), this->wire(), request, call);
  }
  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
OpenAi(OpenAiOptions) -> OpenAi<net::AnyTransport>;
template <net::Transport T>
OpenAi(T, OpenAiOptions) -> OpenAi<T>;

}  // namespace lowart
