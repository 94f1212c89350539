#pragma once
/// Config: what lowart.yaml says, checked. docs/configuration.md is its reference.

#include "route_config.hpp"

#include <lowart/core/call.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/dialect/anthropic_request_encode.hpp>
#include <lowart/dialect/openai_chat_request_encode.hpp>
#include <lowart/gateway/door_limits.hpp>
#include <lowart/gateway/response_store.hpp>
#include <lowart/meter/limiter.hpp>
#include <lowart/meter/price.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/model/losses.hpp>
#include <lowart/net/listen_address.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/net/url.hpp>
#include <lowart/policy/breaker_state.hpp>
#include <lowart/policy/retry_decision.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// Which protocol a provider speaks.
enum class ProviderType : std::uint8_t { demo, openai, openai_responses, anthropic, gemini };

/// At which doors providers of this type can serve, as the framework's own types say. Tokens are counted here for those
/// that do not count.
DoorSet doors_of(ProviderType type) noexcept;

struct ProviderConfig {
  std::string name;
  ProviderType type{ProviderType::demo};
  std::string base_url;
  std::vector<Secret> api_keys;               ///< None: no credentials are sent.
  AnySelection key_balance{LeastInFlight{}};  ///< Which of several keys a call takes.
  Limits limits;                              ///< Of all its targets together.
  std::string ca_file;
  bool verify_tls{true};
  MayDrop may_drop{MayDrop::hints};
  bool done_required{true};               ///< openai
  bool repair{true};                      ///< openai
  dialect::OpenAiVariant openai_variant;  ///< openai
  std::string anthropic_version;          ///< anthropic; empty: the provider's default
  dialect::AnthropicVariant anthropic_variant;
  Clocks timeouts;
  RetryOptions retry;
  BreakerOptions breaker;
  std::size_t line{0};
};

struct ModelConfig {
  std::string name;                  ///< Or a pattern.
  std::vector<std::string> aliases;  ///< The same.
  GroupConfig route;
  DoorSet doors;  ///< Where it is offered: each target can serve there.
  Price price;
};

struct KeyConfig {
  std::string name;
  net::Sha256 digest{};  ///< Of the key.
  Secret text;           ///< The key, where the file has it in the clear: shown once, at the start.
  Limits limits;
  std::vector<std::string> models;
};

struct Config {
  std::vector<net::ListenAddress> listen;
  std::size_t threads{0};
  std::string data{"./data"};
  std::chrono::milliseconds drain{30'000};
  std::string access_log{"-"};  ///< "-" stdout, "off", or a file.
  net::ServerLimits limits;
  DoorLimits door;
  std::optional<ResponseStoreLimits> responses;  ///< Set: answers of POST /v1/responses are kept.
  std::vector<ProviderConfig> providers;
  std::vector<NamedGroup> groups;
  std::vector<ModelConfig> models;
  std::vector<KeyConfig> keys;
};

/// One thing that is wrong, and where. Lines count from 1; 0 is the file as a whole.
struct Problem {
  std::size_t line{0};
  std::string message;
};

/// A file's Config, or everything that is wrong with it.
struct ConfigResult {
  std::optional<Config> config;
  std::vector<Problem> problems;
};

/// Reads and checks; `${NAME}` and `${NAME:-default}` in values are replaced from the environment first.
ConfigResult read_config(std::string const& yaml);
ConfigResult load_config(std::string const& path);

/// "FILE:12: message", a line each.
std::string describe(std::string_view path, std::vector<Problem> const& problems);

}  // namespace lowart::server
