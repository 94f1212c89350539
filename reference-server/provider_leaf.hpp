#pragma once
/// with_provider(): from an entry of `providers` to the framework's type that it names. A new type has its case here.

#include "fetched_credentials.hpp"
#include "provider_config.hpp"

#include <lowart/net/http_client.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/azure_openai.hpp>
#include <lowart/provider/azure_responses.hpp>
#include <lowart/provider/bedrock.hpp>
#include <lowart/provider/cohere.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/ollama.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>
#include <lowart/provider/vertex.hpp>
#include <lowart/provider/vertex_anthropic.hpp>

#include <utility>

namespace lowart::server {

namespace provider_leaf {

template <class Options>
Options http_options(ProviderConfig const& config, Secret const& key) {
  Options options;
  options.name = config.name;
  options.base_url = config.base_url;
  options.api_key = key;
  options.client_key = config.client_key;
  options.may_drop = config.may_drop;
  return options;
}

}  // namespace provider_leaf

/// Hands the provider that `config` describes to `make`, as the type it is, and returns what that makes of it.
/// `reached_over` is null for a provider without a network; `fetched` is what all its targets show, where they
/// fetch it.
template <class Make>
auto with_provider(ProviderConfig const& config, Secret const& key, net::HttpTransport const* reached_over,
                   FetchedCredentials const& fetched, Make&& make) {
  using Http = net::HttpTransport;
  using provider_leaf::http_options;
  if (reached_over == nullptr) return make(Demo(config.name));
  Http const& transport = *reached_over;
  switch (config.type) {
    case ProviderType::openai: {
      auto options = http_options<OpenAiOptions>(config, key);
      options.done_required = config.done_required;
      options.repair = config.repair;
      options.variant = config.openai_variant;
      return make(OpenAi<Http>(transport, std::move(options)));
    }
    case ProviderType::openai_responses:
      return make(OpenAiResponses<Http>(transport, http_options<OpenAiResponsesOptions>(config, key)));
    case ProviderType::anthropic: {
      auto options = http_options<AnthropicOptions>(config, key);
      if (!config.anthropic_version.empty()) options.version = config.anthropic_version;
      options.variant = config.anthropic_variant;
      return make(Anthropic<Http>(transport, std::move(options)));
    }
    case ProviderType::ollama: {
      auto options = http_options<OllamaOptions>(config, key);
      options.variant = config.ollama_variant;
      return make(Ollama<Http>(transport, std::move(options)));
    }
    case ProviderType::azure_openai: {
      auto options = http_options<AzureOpenAiOptions>(config, key);
      options.repair = config.repair;
      options.variant = config.openai_variant;
      options.api_version = config.api_version;
      options.token = fetched.token;
      return make(AzureOpenAi<Http>(transport, std::move(options)));
    }
    case ProviderType::azure_responses: {
      auto options = http_options<AzureResponsesOptions>(config, key);
      options.api_version = config.api_version;
      options.token = fetched.token;
      return make(AzureResponses<Http>(transport, std::move(options)));
    }
    case ProviderType::vertex_anthropic: {
      auto options = http_options<VertexAnthropicOptions>(config, key);
      options.variant = config.anthropic_variant;
      options.token = fetched.token;
      return make(VertexAnthropic<Http>(transport, std::move(options)));
    }
    case ProviderType::vertex: {
      auto options = http_options<VertexOptions>(config, key);
      options.token = fetched.token;
      return make(Vertex<Http>(transport, std::move(options)));
    }
    case ProviderType::bedrock: {
      auto options = http_options<BedrockOptions>(config, key);
      options.region = config.aws.region;
      options.access_key_id = config.aws.access_key_id;
      options.secret_access_key = config.aws.secret_access_key;
      options.session_token = config.aws.session_token;
      options.credentials = fetched.aws;
      options.variant = {.default_max_tokens = config.anthropic_variant.default_max_tokens,
                         .adaptive_thinking = config.anthropic_variant.adaptive_thinking};
      return make(Bedrock<Http>(transport, std::move(options)));
    }
    case ProviderType::cohere: {
      auto options = http_options<CohereOptions>(config, key);
      options.variant = config.cohere_variant;
      return make(Cohere<Http>(transport, std::move(options)));
    }
    case ProviderType::gemini:
    case ProviderType::demo: break;
  }
  return make(Gemini<Http>(transport, http_options<GeminiOptions>(config, key)));
}

}  // namespace lowart::server
