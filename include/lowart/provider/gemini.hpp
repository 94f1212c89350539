#pragma once
/// Gemini: Google's Gemini API, and servers that speak its protocol.

#include <lowart/dialect/count_reply.hpp>
#include <lowart/dialect/gemini_embeddings.hpp>
#include <lowart/dialect/gemini_error_reading.hpp>
#include <lowart/dialect/gemini_model_name.hpp>
#include <lowart/dialect/gemini_path.hpp>
#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/dialect/gemini_reply_decode.hpp>
#include <lowart/dialect/gemini_request_encode.hpp>
#include <lowart/provider/http_chat.hpp>
#include <lowart/provider/http_count.hpp>
#include <lowart/provider/http_embeddings.hpp>
#include <lowart/provider/http_offers.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct GeminiOptions {
  std::string name{"gemini"};
  std::string base_url{"https://generativelanguage.googleapis.com/v1beta"};  ///< Up to and without "/models".
  Secret api_key{};                                                          ///< Empty sends no credentials.
  bool client_key{false};               ///< Without an api_key: the one that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
};

/// POST /models/{model}:generateContent, :streamGenerateContent?alt=sse, :embedContent, :batchEmbedContents and
/// :countTokens. GET /models.
class GeminiWire {
 public:
  using Options = GeminiOptions;
  using Reader = dialect::GeminiReader;
  static constexpr std::string_view request_id = "x-request-id";
  static constexpr std::array<std::string_view, 2> refusal_fields{"retry-after", "retry-after-ms"};

  explicit GeminiWire(GeminiOptions options) : options_(std::move(options)) {}
  GeminiOptions const& options() const noexcept { return options_; }

  static bool speaks(Dialect d) noexcept { return d == Dialect::gemini; }
  static Dialect reply_dialect(Dialect) noexcept { return Dialect::gemini; }
  /// Streams come as server-sent events always; a client that wants an array gets it from the door.
  std::string_view path(ChatRequest const& request, std::string& made) const {
    made = path_of(request.model());
    return made.append(request.stream() ? ":streamGenerateContent?alt=sse" : ":generateContent");
  }
  void write_fields(ChatRequest const&, Call& call, net::HttpRequest& http) const { authorize(call, http); }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_gemini(c, model, losses);
  }

  static bool speaks(EmbeddingDialect d) noexcept {
    return d == EmbeddingDialect::gemini || d == EmbeddingDialect::gemini_batch;
  }
  /// What comes from elsewhere is written as a batch, of however many.
  static EmbeddingDialect reply_dialect(EmbeddingDialect d) noexcept {
    return d == EmbeddingDialect::gemini ? d : EmbeddingDialect::gemini_batch;
  }
  std::string_view path(EmbeddingRequest const& request, std::string& made) const {
    bool const one = request.dialect() == EmbeddingDialect::gemini;
    made = path_of(request.model());
    return made.append(one ? ":embedContent" : ":batchEmbedContents");
  }
  void write_fields(EmbeddingRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static std::string model_in_body(std::string_view model) { return dialect::gemini_model_name(model); }
  Result<std::string> encode(EmbeddingInputs const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_gemini_embeddings(c, model, losses);
  }
  static Result<Usage> read_embeddings(EmbeddingDialect d, std::string_view body) {
    return dialect::read_gemini_embeddings(d, body);
  }
  static EmbeddingReply::Decode embeddings_decoder(EmbeddingDialect d) noexcept {
    return d == EmbeddingDialect::gemini ? &dialect::decode_gemini_embedding_reply
                                         : &dialect::decode_gemini_embedding_batch_reply;
  }

  std::string_view path(CountRequest const& request, std::string& made) const {
    made = path_of(request.model());
    return made.append(":countTokens");
  }
  void write_fields(CountRequest const&, Call& call, net::HttpRequest& http) const { authorize(call, http); }
  static Result<std::int64_t> read_count(std::string_view body) {
    return dialect::read_count_reply(body, "totalTokens");
  }

  std::string_view path(ModelOffersRequest const&, std::string_view next, std::string& made) const {
    made = "/models?pageSize=1000";
    if (!next.empty()) made.append("&pageToken=").append(http_wire::percent_encoded(next));
    return made;
  }
  void write_fields(ModelOffersRequest const&, Call& call, net::HttpRequest& http) const {
    authorize(call, http);
  }
  static Result<dialect::ModelOfferPage> read_offers(std::string_view body) {
    return dialect::read_gemini_offers(body);
  }

  Reader reader() const { return Reader(); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::GeminiReplyEvents>
                    : &dialect::make_whole_decoder<&dialect::decode_gemini_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_gemini_error(status, body, header, now);
  }

 private:
  void authorize(Call& call, net::HttpRequest& http) const {
    http_wire::show_key("x-goog-api-key", options_, call, http);
  }
  /// "/models/NAME", or "/tunedModels/NAME" as it is; what a path cannot hold is percent-encoded.
  static std::string path_of(std::string_view model) {
    std::string path = model.starts_with("tunedModels/") ? "/" : "/models/";
    path.append(http_wire::percent_encoded(model, "/@"));
    return path;
  }

  GeminiOptions options_;
};

/// Chat, embeddings, counts of tokens and the list of models over the Gemini protocol; see HttpChat, ask_embeddings,
/// ask_count and ask_offers.
template <net::Transport T = net::AnyTransport>
class Gemini : public HttpChat<GeminiWire, T> {
 public:
  using HttpChat<GeminiWire, T>::HttpChat;
  using HttpChat<GeminiWire, T>::operator();

  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    return ask_embeddings(this->transport(), this->wire(), request, call);
  }
  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call) {
    return ask_count(this->transport(), this->wire(), request, call);
  }
  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
Gemini(GeminiOptions) -> Gemini<net::AnyTransport>;
template <net::Transport T>
Gemini(T, GeminiOptions) -> Gemini<T>;

}  // namespace lowart
