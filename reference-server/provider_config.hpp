#pragma once
/// ProviderConfig: one provider of lowart.yaml, and how it is read.

#include <lowart/core/call.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/dialect/anthropic_request_encode.hpp>
#include <lowart/dialect/cohere_embeddings.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/dialect/openai_chat_message_encode.hpp>
#include <lowart/meter/limits.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/model/losses.hpp>
#include <lowart/policy/breaker_state.hpp>
#include <lowart/policy/bulkhead_state.hpp>
#include <lowart/policy/retry_decision.hpp>
#include <lowart/policy/selection.hpp>
#include <lowart/provider/aws_grant.hpp>
#include <lowart/provider/service_account.hpp>
#include <lowart/provider/token_grant.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

class YamlMap;
struct Vendor;

/// How requests to AWS are signed.
struct AwsConfig {
  std::string region;
  std::string access_key_id;  ///< Empty: nothing is signed.
  Secret secret_access_key;
  Secret session_token;           ///< Of temporary credentials.
  std::optional<AwsGrant> grant;  ///< Instead of the three: how they are fetched.
};

/// Which protocol a provider speaks.
enum class ProviderType : std::uint8_t {
  demo,
  openai,
  openai_responses,
  anthropic,
  gemini,
  ollama,
  azure_openai,
  azure_responses,
  vertex,
  vertex_anthropic,
  bedrock,
  cohere,
};

/// At which doors providers of this type can serve, as the framework's own types say. Tokens are counted here for those
/// that do not count.
DoorSet doors_of(ProviderType type) noexcept;

struct ProviderConfig {
  std::string name;
  ProviderType type{ProviderType::demo};
  Vendor const* vendor{nullptr};  ///< Of the catalogue; null: the file says all itself.
  std::string base_url;
  std::vector<Secret> api_keys;               ///< None: no credentials are sent.
  bool client_key{false};                     ///< Without any: the one that the client brings.
  AnySelection key_balance{LeastInFlight{}};  ///< Which of several keys a call takes.
  Limits limits;                              ///< Of all its targets together.
  std::string ca_file;
  bool verify_tls{true};
  MayDrop may_drop{MayDrop::hints};
  bool done_required{true};                       ///< openai
  bool repair{true};                              ///< openai, azure_openai
  dialect::OpenAiVariant openai_variant;          ///< openai, azure_openai
  std::string anthropic_version;                  ///< anthropic; empty: the provider's default
  dialect::AnthropicVariant anthropic_variant;    ///< anthropic, vertex_anthropic, bedrock
  dialect::OllamaVariant ollama_variant;          ///< ollama
  std::string api_version;                        ///< azure_openai, azure_responses
  std::optional<EntraCredentials> entra;          ///< azure_openai, azure_responses, instead of keys
  std::optional<ServiceAccount> service_account;  ///< vertex, vertex_anthropic, instead of keys
  AwsConfig aws;                                  ///< bedrock
  dialect::CohereVariant cohere_variant;          ///< cohere
  Clocks timeouts;
  RetryOptions retry;
  BreakerOptions breaker;
  std::optional<BulkheadOptions> bulkhead;  ///< Places for all its targets together.
  bool enabled{true};                       ///< False: nobody is sent there.
  bool passthrough{false};                  ///< The rest of its API can be reached.
  std::size_t line{0};
};

/// Whether the file may name such a type.
bool is_provider_type(std::string_view name) noexcept;

/// The type as the file names it.
std::string_view name_of(ProviderType type) noexcept;

/// Reads and checks the entry `name` of `providers`, which stands at `line`.
ProviderConfig read_provider(YamlMap& map, std::string name, std::size_t line);

}  // namespace lowart::server
