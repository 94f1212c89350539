#pragma once
/// Bedrock: the models of Amazon Bedrock, by its Converse protocol.

#include <lowart/dialect/bedrock_reader.hpp>
#include <lowart/dialect/bedrock_reply_decode.hpp>
#include <lowart/dialect/bedrock_request_encode.hpp>
#include <lowart/provider/aws_credentials.hpp>
#include <lowart/provider/aws_signer.hpp>
#include <lowart/provider/http_chat.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Credentials are an access key with its secret, fixed or fetched, with which every request is signed, or an api_key,
/// which is sent.
struct BedrockOptions {
  std::string name{"bedrock"};
  std::string region{"us-east-1"};  ///< Where the models run; part of every signature.
  std::string base_url{};           ///< Empty: https://bedrock-runtime.REGION.amazonaws.com
  std::string access_key_id{};      ///< Empty signs nothing.
  Secret secret_access_key{};
  Secret session_token{};                       ///< Of temporary credentials.
  std::optional<AwsCredentials> credentials{};  ///< Those that are fetched, instead of the three above.
  Secret api_key{};                             ///< A Bedrock API key, instead of all above.
  bool client_key{false};               ///< Without any credentials: the API key that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
  dialect::BedrockVariant variant{};

  /// With the base URL of the region, where there was none.
  BedrockOptions completed() && {
    if (base_url.empty()) base_url = "https://bedrock-runtime." + region + ".amazonaws.com";
    return std::move(*this);
  }
};

/// POST /model/{model}/converse and /model/{model}/converse-stream.
class BedrockWire {
 public:
  using Options = BedrockOptions;
  using Reader = dialect::BedrockReader;
  static constexpr std::string_view request_id = "x-amzn-requestid";
  static constexpr std::string_view stream_type = "application/vnd.amazon.eventstream";
  static constexpr std::array<std::string_view, 3> refusal_fields{"x-amzn-errortype", "retry-after",
                                                                  "retry-after-ms"};

  explicit BedrockWire(BedrockOptions options)
      : options_(std::move(options).completed()),
        key_(options_.api_key),
        signer_(options_.base_url, options_.region, "bedrock"),
        keys_{.access_key_id = options_.access_key_id,
              .secret_access_key = options_.secret_access_key,
              .session_token = options_.session_token} {
    if (options_.credentials && options_.api_key.empty()) fetched_.emplace(signer_, *options_.credentials);
  }
  BedrockOptions const& options() const noexcept { return options_; }

  static bool speaks(Dialect) noexcept { return false; }  // no client brings Converse
  static Dialect reply_dialect(Dialect) noexcept { return Dialect::bedrock; }
  std::string_view path(ChatRequest const& request, std::string& made) const {
    made = "/model/" + http_wire::percent_encoded(request.model());
    return made.append(request.stream() ? "/converse-stream" : "/converse");
  }
  void write_fields(ChatRequest const&, Call& call, net::HttpRequest& http) const {
    if (!signs()) key_.show(options_, call, http);
  }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_bedrock(c, model, losses, options_.variant);
  }

  /// With keys that do not end; those that are fetched sign in authorize(). See AwsSigner.
  void sign(Call& call, net::HttpRequest& http) const {
    if (signs() && !fetched_) signer_.sign(keys_, call, http);
  }
  FetchedAwsSigner const* access_token() const noexcept { return fetched_ ? &*fetched_ : nullptr; }

  Reader reader() const { return Reader(); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::BedrockReplyEvents, dialect::AwsEventSplitter>
                    : &dialect::make_whole_decoder<&dialect::decode_bedrock_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_bedrock_error(status, body, header, now);
  }

 private:
  bool signs() const noexcept {
    return options_.api_key.empty() && (fetched_ || !options_.access_key_id.empty());
  }

  BedrockOptions options_;
  http_wire::BearerKey key_;
  AwsSigner signer_;
  AwsKeys keys_;
  std::optional<FetchedAwsSigner> fetched_;
};

/// Chat over the Converse protocol; see HttpChat. There are no client requests in this protocol: all are translated.
template <net::Transport T = net::AnyTransport>
class Bedrock : public HttpChat<BedrockWire, T> {
  using Base = HttpChat<BedrockWire, T>;

 public:
  Bedrock(T transport, BedrockOptions options) : Base(std::move(transport), std::move(options)) {}
  /// Over the network: include <lowart/net/http_client.hpp> as well. Throws std::invalid_argument for a bad base_url.
  explicit Bedrock(BedrockOptions options)
    requires std::same_as<T, net::AnyTransport>
      : Base(std::move(options).completed()) {}
};
Bedrock(BedrockOptions) -> Bedrock<net::AnyTransport>;
template <net::Transport T>
Bedrock(T, BedrockOptions) -> Bedrock<T>;

}  // namespace lowart
