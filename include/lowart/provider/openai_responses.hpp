#pragma once
/// OpenAiResponses: any server that speaks OpenAI's Responses protocol.

#include <lowart/dialect/count_reply.hpp>
#include <lowart/dialect/responses_error_reading.hpp>
#include <lowart/dialect/responses_reader.hpp>
#include <lowart/dialect/responses_reply_decode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>
#include <lowart/provider/http_chat.hpp>
#include <lowart/provider/http_count.hpp>
#include <lowart/provider/http_offers.hpp>
#include <lowart/provider/openai_fields.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct OpenAiResponsesOptions {
  std::string name{"openai"};
  std::string base_url{"https://api.openai.com/v1"};  ///< Up to and without "/responses".
  Secret api_key{};                                   ///< Empty sends no Authorization.
  bool client_key{false};                             ///< Without an api_key: the one that the client brings.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  MayDrop may_drop{MayDrop::hints};     ///< What a translation into this dialect may leave out.
};

/// POST /responses, and /responses/input_tokens. GET /models.
class OpenAiResponsesWire {
 public:
  using Options = OpenAiResponsesOptions;
  using Reader = dialect::ReplyReader<dialect::ResponsesEvents>;
  static constexpr std::string_view request_id = openai_fields::request_id;
  static constexpr auto refusal_fields = openai_fields::of_refusals;

  explicit OpenAiResponsesWire(OpenAiResponsesOptions options)
      : options_(std::move(options)), key_(options_.api_key) {}
  OpenAiResponsesOptions const& options() const noexcept { return options_; }

  static bool speaks(Dialect d) noexcept { return d == Dialect::openai_responses; }
  static Dialect reply_dialect(Dialect) noexcept { return Dialect::openai_responses; }
  std::string_view path(ChatRequest const&, std::string&) const noexcept { return "/responses"; }
  void write_fields(ChatRequest const& request, Call& call, net::HttpRequest& http) const {
    if (auto const beta = passed_field(request, "openai-beta"); !beta.empty() && speaks(request.dialect()))
      http.field("openai-beta", beta);
    authorize(call, http);
  }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_responses(c, model, losses);
  }

  std::string_view path(CountRequest const&, std::string&) const noexcept {
    return "/responses/input_tokens";
  }
  void write_fields(CountRequest const& request, Call& call, net::HttpRequest& http) const {
    write_fields(request.chat(), call, http);
  }
  static std::string model_in_body(std::string_view model) { return std::string(model); }
  static Result<std::int64_t> read_count(std::string_view body) {
    return dialect::read_count_reply(body, "input_tokens");
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

  Reader reader() const { return Reader(); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::ResponsesReplyEvents>
                    : &dialect::make_whole_decoder<&dialect::decode_responses_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_responses_error(status, body, header, now);
  }

 private:
  void authorize(Call& call, net::HttpRequest& http) const { key_.show(options_, call, http); }

  OpenAiResponsesOptions options_;
  http_wire::BearerKey key_;
};

/// Chat and counts of tokens over the Responses protocol; see HttpChat and ask_count.
template <net::Transport T = net::AnyTransport>
class OpenAiResponses : public HttpChat<OpenAiResponsesWire, T> {
 public:
  using HttpChat<OpenAiResponsesWire, T>::HttpChat;
  using HttpChat<OpenAiResponsesWire, T>::operator();

  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call) {
    return ask_count(this->transport(), this->wire(), request, call);
  }
  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
OpenAiResponses(OpenAiResponsesOptions) -> OpenAiResponses<net::AnyTransport>;
template <net::Transport T>
OpenAiResponses(T, OpenAiResponsesOptions) -> OpenAiResponses<T>;

}  // namespace lowart
