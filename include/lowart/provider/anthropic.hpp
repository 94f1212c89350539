#pragma once
/// Anthropic: any server that speaks the Anthropic Messages protocol.

#include <lowart/dialect/anthropic_error_reading.hpp>
#include <lowart/dialect/anthropic_reader.hpp>
#include <lowart/dialect/anthropic_reply_decode.hpp>
#include <lowart/dialect/anthropic_request_encode.hpp>
#include <lowart/dialect/count_reply.hpp>
#include <lowart/provider/http_chat.hpp>
#include <lowart/provider/http_count.hpp>
#include <lowart/provider/http_offers.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct AnthropicOptions {
  std::string name{"anthropic"};
  std::string base_url{"https://api.anthropic.com/v1"};  ///< Up to and without "/messages".
  Secret api_key{};                                      ///< Empty sends no credentials.
  bool client_key{false};               ///< Without an api_key: the one that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
  std::string version{"2023-06-01"};    ///< `anthropic-version`, where the client does not say its own.
  dialect::AnthropicVariant variant{};  ///< How translated requests are spelt.
};

/// POST /messages, and /messages/count_tokens. GET /models.
class AnthropicWire {
 public:
  using Options = AnthropicOptions;
  using Reader = dialect::AnthropicReader;
  static constexpr std::string_view request_id = "request-id";
  static constexpr std::array<std::string_view, 10> refusal_fields{
      "retry-after",
      "retry-after-ms",
      "anthropic-ratelimit-requests-reset",
      "anthropic-ratelimit-requests-remaining",
      "anthropic-ratelimit-tokens-reset",
      "anthropic-ratelimit-tokens-remaining",
      "anthropic-ratelimit-input-tokens-reset",
      "anthropic-ratelimit-input-tokens-remaining",
      "anthropic-ratelimit-output-tokens-reset",
      "anthropic-ratelimit-output-tokens-remaining"};

  explicit AnthropicWire(AnthropicOptions options) : options_(std::move(options)) {
    if (!options_.api_key.empty()) bearer_ = Secret("Bearer " + std::string(options_.api_key.reveal()));
  }
  AnthropicOptions const& options() const noexcept { return options_; }

  static bool speaks(Dialect d) noexcept { return d == Dialect::anthropic; }
  static Dialect reply_dialect(Dialect) noexcept { return Dialect::anthropic; }
  std::string_view path(ChatRequest const&, std::string&) const noexcept { return "/messages"; }
  void write_fields(ChatRequest const& request, Call& call, net::HttpRequest& http) const {
    std::string_view const asked = sent_by_client(request, "anthropic-version");
    std::string_view const version = asked.empty() ? std::string_view(options_.version) : asked;
    http.field("anthropic-version", version);
    if (auto const beta = sent_by_client(request, "anthropic-beta"); !beta.empty())
      http.field("anthropic-beta", beta);
    authorize(version, call, http);
  }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_anthropic(c, model, losses, options_.variant);
  }

  std::string_view path(CountRequest const&, std::string&) const noexcept { return "/messages/count_tokens"; }
  void write_fields(CountRequest const& request, Call& call, net::HttpRequest& http) const {
    write_fields(request.chat(), call, http);
  }
  static std::string model_in_body(std::string_view model) { return std::string(model); }
  static Result<std::int64_t> read_count(std::string_view body) {
    return dialect::read_count_reply(body, "input_tokens");
  }

  std::string_view path(ModelOffersRequest const&, std::string_view next, std::string& made) const {
    made = "/models?limit=1000";
    if (!next.empty()) made.append("&after_id=").append(http_wire::percent_encoded(next));
    return made;
  }
  void write_fields(ModelOffersRequest const&, Call& call, net::HttpRequest& http) const {
    http.field("anthropic-version", options_.version);
    authorize(options_.version, call, http);
  }
  void write_fields(PassthroughRequest const&, Call& call, net::HttpRequest& http) const {
    http.field("anthropic-version", options_.version);
    authorize(options_.version, call, http);
  }
  static Result<dialect::ModelOfferPage> read_offers(std::string_view body) {
    return dialect::read_anthropic_offers(body);
  }

  Reader reader() const { return Reader(); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::AnthropicReplyEvents>
                    : &dialect::make_whole_decoder<&dialect::decode_anthropic_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_anthropic_error(status, body, header, now);
  }

 private:
  /// What a client of the same dialect says for itself; one of another says nothing that counts here.
  static std::string_view sent_by_client(ChatRequest const& request, std::string_view name) noexcept {
    return speaks(request.dialect()) ? passed_field(request, name) : std::string_view();
  }
  /// From this version on the key is a bearer token; before, it had a field of its own.
  void authorize(std::string_view version, Call& call, net::HttpRequest& http) const {
    constexpr std::string_view bearer_since = "2026-10-21";
    bool const as_bearer = version >= bearer_since;
    if (!options_.api_key.empty()) {
      if (as_bearer) http.field("authorization", bearer_.reveal());
      else http.field("x-api-key", options_.api_key.reveal());
    } else if (auto const key = http_wire::client_key(options_, call); !key.empty()) {
      if (as_bearer) http.field("authorization", http_wire::bearer(key, call));
      else http.field("x-api-key", key);
    }
  }

  AnthropicOptions options_;
  Secret bearer_;
};

/// Chat, counts of tokens and the list of models over the Anthropic Messages protocol; see HttpChat, ask_count and
/// ask_offers.
template <net::Transport T = net::AnyTransport>
class Anthropic : public HttpChat<AnthropicWire, T> {
 public:
  using HttpChat<AnthropicWire, T>::HttpChat;
  using HttpChat<AnthropicWire, T>::operator();

  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call) {
    return ask_count(this->transport(), this->wire(), request, call);
  }
  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
Anthropic(AnthropicOptions) -> Anthropic<net::AnyTransport>;
template <net::Transport T>
Anthropic(T, AnthropicOptions) -> Anthropic<T>;

}  // namespace lowart
