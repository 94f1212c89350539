#pragma once
/// AzureResponses: the Responses protocol at a resource of Azure.

#include <lowart/provider/access_token.hpp>
#include <lowart/provider/azure_refusal.hpp>
#include <lowart/provider/openai_responses.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Has what OpenAiResponsesOptions has; the base URL has no default.
struct AzureResponsesOptions : OpenAiResponsesOptions {
  AzureResponsesOptions() {
    name = "azure_responses";
    base_url
        .clear();  // "https://RESOURCE.openai.azure.com/openai/v1", or without "/v1" and with an api_version
  }
  std::string api_version{};           ///< "2025-04-01-preview". Empty sends none.
  std::optional<AccessToken> token{};  ///< Of Entra ID, instead of an api_key.
};

/// What differs from OpenAiResponsesWire: the credentials, the version behind the paths, and what refusals say. The model's
/// name in the body is that of the deployment.
class AzureResponsesWire : public OpenAiResponsesWire {
 public:
  using Options = AzureResponsesOptions;
  static constexpr std::string_view request_id = "apim-request-id";

  explicit AzureResponsesWire(Options options) : OpenAiResponsesWire(options), options_(std::move(options)) {}
  Options const& options() const noexcept { return options_; }
  AccessToken const* access_token() const noexcept { return options_.token ? &*options_.token : nullptr; }

  std::string_view path(ChatRequest const& request, std::string& made) const {
    return with_version(OpenAiResponsesWire::path(request, made), made);
  }
  std::string_view path(ModelOffersRequest const& request, std::string_view next, std::string& made) const {
    return with_version(OpenAiResponsesWire::path(request, next, made), made);
  }
  template <class Request>
  void write_fields(Request const&, Call& call, net::HttpRequest& http) const {
    http_wire::show_key("api-key", options_, call, http);
  }

  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return explain_azure_refusal(OpenAiResponsesWire::refusal(status, body, header, now), status, body);
  }

 private:
  std::string_view with_version(std::string_view path, std::string& made) const {
    if (options_.api_version.empty()) return path;
    made.assign(path).append("?api-version=").append(http_wire::percent_encoded(options_.api_version));
    return made;
  }

  Options options_;
};

/// Chat over the Responses protocol and the list of models, as Azure serves them; see HttpChat and ask_offers. Tokens are
/// not counted there.
template <net::Transport T = net::AnyTransport>
class AzureResponses : public HttpChat<AzureResponsesWire, T> {
 public:
  using HttpChat<AzureResponsesWire, T>::HttpChat;
  using HttpChat<AzureResponsesWire, T>::operator();

  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
AzureResponses(AzureResponsesOptions) -> AzureResponses<net::AnyTransport>;
template <net::Transport T>
AzureResponses(T, AzureResponsesOptions) -> AzureResponses<T>;

}  // namespace lowart
