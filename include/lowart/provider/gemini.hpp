#pragma once
/// Gemini: Google's Gemini API, and servers that speak its protocol.

#include <lowart/dialect/gemini_embeddings.hpp>
#include <lowart/provider/generate_content.hpp>
#include <lowart/provider/http_embeddings.hpp>
#include <lowart/provider/http_offers.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace lowart {

struct GeminiOptions {
  std::string name{"gemini"};
  std::string base_url{"https://generativelanguage.googleapis.com/v1beta"};  ///< Up to and without "/models".
  Secret api_key{};                                                          ///< Empty sends no credentials.
  bool client_key{false};               ///< Without an api_key: the one that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
};

/// What GenerateContentWire has, and :embedContent, :batchEmbedContents and GET /models.
class GeminiWire : public GenerateContentWire<GeminiOptions> {
  using Base = GenerateContentWire<GeminiOptions>;

 public:
  using Base::Base, Base::speaks, Base::reply_dialect, Base::path, Base::encode;

  template <class Request>
  void write_fields(Request const&, Call& call, net::HttpRequest& http) const {
    http_wire::show_key("x-goog-api-key", options(), call, http);
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

  std::string_view path(ModelOffersRequest const&, std::string_view next, std::string& made) const {
    made = "/models?pageSize=1000";
    if (!next.empty()) made.append("&pageToken=").append(http_wire::percent_encoded(next));
    return made;
  }
  static Result<dialect::ModelOfferPage> read_offers(std::string_view body) {
    return dialect::read_gemini_offers(body);
  }
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
