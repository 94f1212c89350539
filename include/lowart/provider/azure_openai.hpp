#pragma once
/// AzureOpenAi: OpenAI's models at a resource of Azure.

#include <lowart/provider/access_token.hpp>
#include <lowart/provider/azure_refusal.hpp>
#include <lowart/provider/openai.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Has what OpenAiOptions has; the base URL has no default.
struct AzureOpenAiOptions : OpenAiOptions {
  AzureOpenAiOptions() {
    name = "azure_openai";
    base_url.clear();  // "https://RESOURCE.openai.azure.com/openai/v1", or without "/v1": see AzureOpenAiWire
  }
  std::string api_version{};           ///< "2024-10-21". Empty sends none, which only the newer paths accept.
  std::optional<AccessToken> token{};  ///< Of Entra ID, instead of an api_key.
};

/// What differs from OpenAiWire: the paths, the credentials, and what refusals say.
///
/// A base URL that ends in "/v1" has the paths of OpenAI, and the model's name is in the body. Any other has the older
/// paths, POST /deployments/{model}/chat/completions?api-version=..., where the model's name is that of the deployment
/// and the one in the body is ignored. GET /models lists what the resource could deploy, not what is deployed.
class AzureOpenAiWire : public OpenAiWire {
 public:
  using Options = AzureOpenAiOptions;
  static constexpr std::string_view request_id = "apim-request-id";

  explicit AzureOpenAiWire(Options options)
      : OpenAiWire(options), options_(std::move(options)), in_path_(names_deployments(options_.base_url)) {}
  Options const& options() const noexcept { return options_; }
  /// Whether the paths behind this base URL name the deployment.
  static bool names_deployments(std::string_view base_url) noexcept {
    while (base_url.ends_with('/')) base_url.remove_suffix(1);
    return !base_url.ends_with("/v1");
  }
  AccessToken const* access_token() const noexcept { return options_.token ? &*options_.token : nullptr; }

  std::string_view path(ChatRequest const& request, std::string& made) const {
    return path_of(OpenAiWire::path(request, made), request.model(), made);
  }
  std::string_view path(EmbeddingRequest const& request, std::string& made) const {
    return path_of(OpenAiWire::path(request, made), request.model(), made);
  }
  std::string_view path(OperationRequest const& request, std::string& made) const {
    return path_of(OpenAiWire::path(request, made), request.model(), made);
  }
  std::string_view path(ModelOffersRequest const& request, std::string_view next, std::string& made) const {
    made = OpenAiWire::path(request, next, made);
    return add_version(made);
  }
  template <class Request>
  void write_fields(Request const&, Call& call, net::HttpRequest& http) const {
    http_wire::show_key("api-key", options_, call, http);
  }

  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return explain_azure_refusal(OpenAiWire::refusal(status, body, header, now), status, body);
  }

 private:
  std::string_view path_of(std::string_view operation, std::string_view model, std::string& made) const {
    made.clear();
    if (in_path_) made.append("/deployments/").append(http_wire::percent_encoded(model));
    made.append(operation);
    return add_version(made);
  }
  std::string_view add_version(std::string& made) const {
    if (!options_.api_version.empty())
      made.append("?api-version=").append(http_wire::percent_encoded(options_.api_version));
    return made;
  }

  Options options_;
  bool in_path_;
};

/// Chat, completions, embeddings, images, speech and the list of models as Azure serves them; see HttpChat, ask_embeddings,
/// ask_operation and ask_offers. With a token of Entra ID the first call, and one an hour, fetches it: see AccessToken.
template <net::Transport T = net::AnyTransport>
class AzureOpenAi : public HttpChat<AzureOpenAiWire, T> {
 public:
  using HttpChat<AzureOpenAiWire, T>::HttpChat;
  using HttpChat<AzureOpenAiWire, T>::operator();

  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    return ask_embeddings(this->transport(), this->wire(), request, call);
  }
  /// Of the operations that OperationRequest stands for; others are unsupported.
  static constexpr DoorSet operations() noexcept { return {DoorKind::images, DoorKind::audio}; }
  Task<Result<OperationReply>> operator()(OperationRequest const& request, Call& call) {
    if (!operations().has(door_of(request.kind()))) return refuse_operation(this->name(), request);
    return ask_operation(this->transport(), this->wire(), request, call);
  }
  Task<Result<ModelOffers>> operator()(ModelOffersRequest const& request, Call& call) {
    return ask_offers(this->transport(), this->wire(), request, call);
  }
};
AzureOpenAi(AzureOpenAiOptions) -> AzureOpenAi<net::AnyTransport>;
template <net::Transport T>
AzureOpenAi(T, AzureOpenAiOptions) -> AzureOpenAi<T>;

}  // namespace lowart
