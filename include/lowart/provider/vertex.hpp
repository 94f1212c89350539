#pragma once
/// Vertex: Google's Gemini models at Vertex AI of Google Cloud.

#include <lowart/provider/access_token.hpp>
#include <lowart/provider/gemini.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Has what GeminiOptions has. `api_key` is an access token that somebody else fetches.
struct VertexOptions : GeminiOptions {
  VertexOptions() {
    name = "vertex";
    base_url.clear();  // see vertex_url()
  }
  std::optional<AccessToken> token{};  ///< Of a service account, instead of an api_key.
};

/// Where the API of a location is: its host and version.
inline std::string vertex_host(std::string_view location) {
  std::string host("https://");
  if (location != "global") host.append(location).append("-");
  return host.append("aiplatform.googleapis.com/v1");
}
/// The base URL of Google's models in a project, behind vertex_host() or another one.
inline std::string vertex_url(std::string_view host, std::string_view project, std::string_view location) {
  return std::string(host)
      .append("/projects/")
      .append(http_wire::percent_encoded(project, ":"))
      .append("/locations/")
      .append(http_wire::percent_encoded(location))
      .append("/publishers/google");
}

/// What differs from GeminiWire: the credentials.
class VertexWire : public GeminiWire {
 public:
  using Options = VertexOptions;

  explicit VertexWire(Options options)
      : GeminiWire(options), options_(std::move(options)), key_(options_.api_key) {}
  Options const& options() const noexcept { return options_; }
  AccessToken const* access_token() const noexcept { return options_.token ? &*options_.token : nullptr; }

  template <class Request>
  void write_fields(Request const&, Call& call, net::HttpRequest& http) const {
    key_.show(options_, call, http);
  }

 private:
  Options options_;
  http_wire::BearerKey key_;
};

/// Chat and counts of tokens over the protocol of Vertex AI; see HttpChat and ask_count. Its embeddings and its list of
/// models are other protocols than Gemini's, and are not served.
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

 private:
  static Task<Result<CountReply>> refuse(std::string_view name) {
    co_return fail(Errc::unsupported, std::string(name) + " counts no generateContentRequest");
  }
};
Vertex(VertexOptions) -> Vertex<net::AnyTransport>;
template <net::Transport T>
Vertex(T, VertexOptions) -> Vertex<T>;

}  // namespace lowart
