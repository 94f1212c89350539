#pragma once
/// Vertex: Google's Gemini models at Vertex AI of Google Cloud.

#include <lowart/dialect/vertex_embeddings.hpp>
#include <lowart/provider/access_token.hpp>
#include <lowart/provider/generate_content.hpp>
#include <lowart/provider/http_embeddings.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct VertexOptions {
  std::string name{"vertex"};
  std::string base_url{};  ///< Up to and without "/models": see vertex_url().
  Secret api_key{};        ///< An access token that somebody else fetches. Empty: `token`, or none.
  bool client_key{false};  ///< Without either: the access token that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
  std::optional<AccessToken> token{};   ///< Of a service account, instead of an api_key.
};

/// Where the API of a location is: its host and version.
inline std::string vertex_host(std::string_view location) {
  std::string host("https://");
  if (location != "global") host.append(location).append("-");
  return host.append("aiplatform.googleapis.com/v1");
}
/// The base URL of a publisher's models in a project, behind vertex_host() or another one.
inline std::string vertex_url(std::string_view host, std::string_view project, std::string_view location,
                              std::string_view publisher = "google") {
  return std::string(host)
      .append("/projects/")
      .append(http_wire::percent_encoded(project, ":"))
      .append("/locations/")
      .append(http_wire::percent_encoded(location))
      .append("/publishers/")
      .append(publisher);
}

/// What GenerateContentWire has, with the credentials of Google Cloud, and POST {model}:predict for embeddings, which no
/// client brings.
class VertexWire : public GenerateContentWire<VertexOptions> {
 public:
  explicit VertexWire(VertexOptions options)
      : GenerateContentWire(std::move(options)), key_(this->options().api_key) {}
  AccessToken const* access_token() const noexcept { return options().token ? &*options().token : nullptr; }

  using GenerateContentWire::encode;
  using GenerateContentWire::path;
  using GenerateContentWire::reply_dialect;
  using GenerateContentWire::speaks;
  static bool speaks(EmbeddingDialect) noexcept { return false; }
  static EmbeddingDialect reply_dialect(EmbeddingDialect) noexcept { return EmbeddingDialect::vertex; }
  std::string_view path(EmbeddingRequest const& request, std::string& made) const {
    made = path_of(request.model());
    return made.append(":predict");
  }
  Result<std::string> encode(EmbeddingInputs const& c, std::string_view, Losses& losses) const {
    return dialect::encode_vertex_embeddings(c, losses);
  }
  static Result<Usage> read_embeddings(EmbeddingDialect, std::string_view body) {
    return dialect::read_vertex_embeddings(body);
  }
  static EmbeddingReply::Decode embeddings_decoder(EmbeddingDialect) noexcept {
    return &dialect::decode_vertex_embedding_reply;
  }

  template <class Request>
  void write_fields(Request const&, Call& call, net::HttpRequest& http) const {
    key_.show(options(), call, http);
  }

 private:
  http_wire::BearerKey key_;
};

/// Chat, counts of tokens and embeddings over the protocol of Vertex AI; see HttpChat, ask_count and ask_embeddings. Its
/// list of models is another protocol than Gemini's, and is not served.
template <net::Transport T = net::AnyTransport>
class Vertex : public HttpChat<VertexWire, T> {
 public:
  using HttpChat<VertexWire, T>::HttpChat;
  using HttpChat<VertexWire, T>::operator();

  /// A request within `generateContentRequest`, which only the Gemini API has, is unsupported: Counted counts it.
  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call) {
    auto const& came = request.chat().wire();
    if (came && !came->model_token.empty()) return refuse(this->name());
    return ask_count(this->transport(), this->wire(), request, call);
  }
  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    return ask_embeddings(this->transport(), this->wire(), request, call);
  }

 private:
  static Task<Result<CountReply>> refuse(std::string_view name) {
    co_return fail(Errc::unsupported, std::string(name) + " counts no generateContentRequest");
  }
};
Vertex(VertexOptions) -> Vertex<net::AnyTransport>;
template <net::Transport T>
Vertex(T, VertexOptions) -> Vertex<T>;

}  // namespace lowart
