#pragma once
/// VertexAnthropic: Anthropic's models at Vertex AI of Google Cloud.

#include <lowart/provider/access_token.hpp>
#include <lowart/provider/anthropic.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Has what AnthropicOptions has. The api_key is an access token that somebody else fetches; `version` is not sent.
struct VertexAnthropicOptions : AnthropicOptions {
  VertexAnthropicOptions() {
    name = "vertex_anthropic";
    base_url.clear();  // up to and without "/models": vertex_url(host, project, location, "anthropic")
  }
  std::optional<AccessToken> token{};  ///< Of a service account, instead of an api_key.
};

/// What differs from AnthropicWire: the paths, which name the model, the credentials, and one member of the body: where
/// the model's name stands there, Vertex AI wants the version of the protocol.
class VertexAnthropicWire : public AnthropicWire {
 public:
  using Options = VertexAnthropicOptions;

  explicit VertexAnthropicWire(Options options)
      : AnthropicWire(options), options_(std::move(options)), key_(options_.api_key) {}
  Options const& options() const noexcept { return options_; }
  AccessToken const* access_token() const noexcept { return options_.token ? &*options_.token : nullptr; }

  std::string_view path(ChatRequest const& request, std::string& made) const {
    made.assign("/models/").append(http_wire::percent_encoded(request.model(), "@"));
    return made.append(request.stream() ? ":streamRawPredict" : ":rawPredict");
  }
  std::string_view path(CountRequest const&, std::string&) const noexcept {
    return "/models/count-tokens:rawPredict";  // this one has the model in its body
  }
  void write_fields(ChatRequest const& request, Call& call, net::HttpRequest& http) const {
    auto const beta = passed_field(request, "anthropic-beta");
    if (!beta.empty() && speaks(request.dialect())) http.field("anthropic-beta", beta);
    key_.show(options_, call, http);
  }
  void write_fields(CountRequest const& request, Call& call, net::HttpRequest& http) const {
    write_fields(request.chat(), call, http);
  }

  /// The client's bytes, but for that member.
  void write_body(WireRequest const& came, http_wire::Outgoing& out) const {
    std::string_view const body = came.body, member = model_member(body, came.model_token);
    auto const before = static_cast<std::size_t>(member.data() - body.data());
    out.http->body(body.substr(0, before)).body(version_member).body(body.substr(before + member.size()));
  }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    Result<std::string> text = AnthropicWire::encode(c, model, losses);
    if (!text) return text;
    auto const written = dialect::find_member(*text, "model");
    if (!written) return fail(Errc::internal, "a request of Anthropic's without a model");
    std::string_view const member = model_member(*text, written->value);
    text->replace(static_cast<std::size_t>(member.data() - text->data()), member.size(), version_member);
    return text;
  }

  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    Error error = AnthropicWire::refusal(status, body, header, now);
    if (status == 403)
      error.with_message(
          "Google Cloud did not let the credentials in (status 403): they need a role such as Vertex AI "
          "User, and the "
          "model must be enabled for the project");
    else if (status == 404)
      error.with_message(
          "Vertex AI does not know this model in the provider's project and location (status 404)");
    return error;
  }

 private:
  static constexpr std::string_view version_member = R"("anthropic_version":"vertex-2023-10-16")";

  /// The member whose value is `value`, a view into `body`, with its key: no key that is "model" holds a quote.
  static std::string_view model_member(std::string_view body, std::string_view value) noexcept {
    auto const at = static_cast<std::size_t>(value.data() - body.data());
    std::size_t const closing = body.rfind('"', at - 1), opening = body.rfind('"', closing - 1);
    return body.substr(opening, at + value.size() - opening);
  }

  Options options_;
  http_wire::BearerKey key_;
};

/// Chat and counts of tokens over Anthropic's protocol as Vertex AI has it; see HttpChat and ask_count. It lists no models.
template <net::Transport T = net::AnyTransport>
class VertexAnthropic : public HttpChat<VertexAnthropicWire, T> {
 public:
  using HttpChat<VertexAnthropicWire, T>::HttpChat;
  using HttpChat<VertexAnthropicWire, T>::operator();

  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call) {
    return ask_count(this->transport(), this->wire(), request, call);
  }
};
VertexAnthropic(VertexAnthropicOptions) -> VertexAnthropic<net::AnyTransport>;
template <net::Transport T>
VertexAnthropic(T, VertexAnthropicOptions) -> VertexAnthropic<T>;

}  // namespace lowart
