#pragma once
/// Config: what lowart.yaml says, checked. docs/configuration.md is its reference.

#include "kms_key.hpp"
#include "provider_config.hpp"
#include "route_config.hpp"

#include <lowart/core/secret.hpp>
#include <lowart/gateway/conversation_table.hpp>
#include <lowart/gateway/door_limits.hpp>
#include <lowart/gateway/key_policy.hpp>
#include <lowart/gateway/limit_rules.hpp>
#include <lowart/gateway/response_store.hpp>
#include <lowart/meter/limits.hpp>
#include <lowart/meter/price_card.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/net/listen_address.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/store/request_log_options.hpp>
#include <lowart/store/request_queue.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

struct Resource;
struct OidcConfig;

struct ModelConfig {
  std::string name;                  ///< Or a pattern.
  std::vector<std::string> aliases;  ///< The same.
  GroupConfig route;
  DoorSet doors;                   ///< Where it is offered: each target can serve there.
  Limits limits;                   ///< Of all calls for it.
  std::optional<PriceCard> price;  ///< Unset: what the catalogue knows of each target, else nothing.
  bool enabled{true};
};

struct KeyConfig {
  std::string name;
  std::string user;      ///< Whose it is; may be empty.
  std::string team;      ///< The same.
  net::Sha256 digest{};  ///< Of the key; of a certificate's subject where that alone stands for it.
  Secret text;           ///< The key, where the file has it in the clear: shown once, at the start.
  Limits limits;
  std::vector<std::string> models;
  int priority{Call::usual_priority};
  bool admin{false};
  KeyPolicy policy;
};

/// What of requests is kept, and for how long.
struct RequestLogConfig {
  RequestLogOptions files;
  std::size_t queue_bytes{RequestQueueLimits{}.bytes};
  bool content{false};
  std::size_t content_bytes{std::size_t{64} << 10U};  ///< Of the texts of a request, and of an answer.
  std::vector<std::string> builtin{"email", "phone", "card", "key"};  ///< See Redactor.
  std::vector<std::pair<std::string, std::string>> redact;  ///< Patterns, and what stands for a match.
};

struct BackupConfig {
  std::chrono::milliseconds every{std::chrono::hours(1)};
  std::size_t keep{24};
  std::string directory;
  bool requests{true};  ///< With the request log.
};

/// The limits of a tier, a user, a team or a type of models.
struct NamedLimits {
  std::string name;
  Limits limits;
};

/// Who is told of limits that are nearly, or wholly, used.
struct WebhookConfig {
  std::string url;
  Secret secret;
  bool warnings{false};
  bool reached{false};
};

/// Where the master key comes from; nothing set: DATA/master.key.
struct SecretsConfig {
  Secret master_key;
  std::string master_key_file;
  KmsConfig kms;  ///< Without a URL: none. Before the keys of the file, which then only open.
};

struct Config {
  std::vector<net::ListenAddress> listen;
  std::size_t threads{0};
  std::string data{"./data"};
  std::chrono::milliseconds drain{30'000};
  std::string access_log{"-"};  ///< "-" stdout, "off", or a file.
  net::ServerLimits limits;
  DoorLimits door;
  std::optional<ResponseStoreLimits> responses;      ///< Set: answers of POST /v1/responses are kept.
  std::optional<ConversationOptions> conversations;  ///< Set: chat calls are told apart by conversation.
  std::optional<RequestLogConfig> request_log;
  std::optional<BackupConfig> backup;
  std::vector<ProviderConfig> providers;
  std::vector<NamedGroup> groups;
  std::vector<ModelConfig> models;
  std::vector<KeyConfig> keys;
  std::vector<NamedLimits> tiers;
  std::vector<NamedLimits> users;
  std::vector<NamedLimits> teams;
  std::vector<NamedLimits> model_types;  ///< By the names of ModelType.
  std::vector<WebhookConfig> webhooks;
  SecretsConfig secrets;
  std::shared_ptr<OidcConfig const> oidc;  ///< Null: nobody logs in by an identity provider.
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
/// `overlay`: settings of the database, which are laid over the file's.
ConfigResult read_config(std::string const& yaml, std::vector<Resource> const& overlay);
ConfigResult read_config(std::string const& yaml);
ConfigResult load_config(std::string const& path);
/// The text of a file; nullopt when it cannot be read.
std::optional<std::string> read_file(std::string const& path);

/// "FILE:12: message", a line each.
std::string describe(std::string_view path, std::vector<Problem> const& problems);

}  // namespace lowart::server
