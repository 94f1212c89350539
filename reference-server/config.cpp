#include "config.hpp"

#include "config_readers.hpp"
#include "key_policy_config.hpp"
#include "limits_config.hpp"
#include "login_config.hpp"
#include "price_config.hpp"
#include "records_config.hpp"
#include "registry/config_overlay.hpp"
#include "secrets_config.hpp"
#include "yaml_reader.hpp"

#include <lowart/gateway/key_table.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace lowart::server {

namespace {

/// The doors a file names; those no door has, and those that stand twice, are reported.
DoorSet read_door_names(YamlMap& map) {
  DoorSet doors;
  map.items("doors", [&](YamlNode const& item) {
    std::string const name = item.scalar();
    auto const door = door_named(name);
    if (!door || !DoorSet::all().has(*door))
      map.wrong_at(item, "no door '" + name + "'; there are " + DoorSet::all().text());
    else if (doors.has(*door)) map.wrong_at(item, "the door '" + name + "' stands twice");
    else doors.add(*door);
  });
  return doors;
}

/// Where a model is offered: at the doors that stand in the file, each of which every target must be able to serve, or
/// else at all that every target can. A chain of which a part falls out is no chain.
void read_doors(YamlMap& map, ModelConfig& model, std::vector<ProviderConfig> const& providers) {
  DoorSet const named = read_door_names(map);
  DoorSet shared = DoorSet::all();
  each_target(model.route, [&](TargetConfig const& target) {
    ProviderConfig const* const provider = find_provider(providers, target.provider);
    if (provider == nullptr) return;  // which is reported already
    DoorSet const able = doors_of(provider->type);
    shared = shared & able;
    if (DoorSet const missing = named - able; !missing.empty())
      map.wrong("doors", "the target '" + target.provider + "' of the model '" + model.name +
                             "' cannot serve " + missing.text() + ": its type " +
                             std::string(name_of(provider->type)) + " serves " + able.text());
  });
  if (!map.has("doors")) model.doors = shared;
  else if (!named.empty()) model.doors = named;
  else
    map.wrong("doors",
              "'doors' names no door; leave it out to offer the model wherever its targets can serve");
}

ModelConfig read_model(YamlMap& map, std::string name, RouteParts const& parts) {
  ModelConfig model;
  model.name = std::move(name);
  map.texts("aliases", model.aliases);
  model.route = read_group(map, parts);
  if (model.route.members.empty()) map.wrong("the model '" + model.name + "' needs 'targets'");
  read_doors(map, model, parts.providers);
  read_price(map, model.price);
  map.flag("enabled", model.enabled);
  if (auto limits = map.map("limits")) {
    read_rates(*limits, model.limits);
    limits->finish();
  }
  map.finish();
  return model;
}

NamedGroup read_named_group(YamlMap& map, std::string name, RouteParts const& parts) {
  NamedGroup group;
  group.name = std::move(name);
  group.group = read_group(map, parts);
  group.group.name = group.name;
  if (group.group.members.empty()) map.wrong("the group '" + group.name + "' needs 'targets'");
  map.finish();
  return group;
}

std::optional<net::Sha256> parse_digest(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  if (!text.starts_with(prefix) || text.size() != prefix.size() + 64) return std::nullopt;
  net::Sha256 digest{};
  auto const value = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < digest.size(); ++i) {
    int const high = value(text[prefix.size() + 2 * i]);
    int const low = value(text[prefix.size() + 2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return digest;
}

KeyConfig read_key(YamlMap& map, std::vector<NamedLimits> const& tiers) {
  constexpr std::size_t shortest = 16;
  KeyConfig key;
  std::string text;
  std::string hash;
  map.text("name", key.name);
  map.text("user", key.user);
  map.text("team", key.team);
  map.text("key", text);
  map.text("key_hash", hash);
  if (key.name.empty()) map.wrong("a key needs a 'name'");
  key.policy = read_key_policy(map);
  std::string const& certificate = key.policy.certificate;
  bool const has_one = text.empty() != hash.empty();
  bool const is_certificate = text.empty() && hash.empty() && !certificate.empty();
  if (!has_one && !is_certificate) map.wrong("a key needs either 'key' or 'key_hash', or a 'certificate'");
  if (is_certificate) key.digest = certificate_digest(certificate);
  if (!text.empty() && text.size() < shortest) map.wrong("key", "a key has at least 16 characters");
  if (!text.empty()) key.digest = net::sha256(text);
  key.text = Secret(std::move(text));
  if (!hash.empty()) {
    auto const digest = parse_digest(hash);
    if (digest) key.digest = *digest;
    else map.wrong("key_hash", "a key_hash is 'sha256:' and 64 lower-case hexadecimal digits");
  }
  read_limits_of(map, tiers, key.limits);
  map.texts("models", key.models);
  map.flag("admin", key.admin);
  map.integer("priority", key.priority, 0, 9);
  map.finish();
  return key;
}

net::ListenAddress read_listener(YamlNode const& node, Problems& problems) {
  std::string address;
  std::string cert;
  std::string key;
  std::string client_ca;
  bool client_required = false;
  if (node.is_map()) {
    YamlMap map(node, problems);
    map.text("address", address);
    if (auto tls = map.map("tls")) {
      tls->text("cert", cert);
      tls->text("key", key);
      tls->text("client_ca", client_ca);
      tls->flag("client_required", client_required);
      if (cert.empty() || key.empty()) tls->wrong("'tls' needs 'cert' and 'key', two PEM files");
      if (client_required && client_ca.empty())
        tls->wrong("client_required", "'client_required' needs a 'client_ca': who signs the certificates");
      tls->finish();
    }
    map.finish();
  } else {
    address = node.scalar();
  }
  auto parsed = net::parse_listen_address(address);
  if (!parsed) {
    problems.add(node.line(), parsed.error().message());
    return {};
  }
  parsed->cert_file = cert;
  parsed->key_file = key;
  parsed->client_ca_file = client_ca;
  parsed->client_required = client_required;
  return *parsed;
}

void read_limits(YamlMap& root, Config& config) {
  auto map = root.map("limits");
  if (!map) return;
  map->bytes("head", config.limits.head.head_bytes, 1024, 65535);
  map->integer("headers", config.limits.head.fields, std::size_t{8}, std::size_t{128});
  map->bytes("body", config.door.body_bytes, 1024, std::size_t{1} << 30U);
  map->bytes("upload", config.door.upload.bytes, 1024, std::size_t{1} << 40U);
  map->integer("connections", config.limits.connections, std::size_t{1}, std::size_t{1'000'000});
  map->integer("assumed_output_tokens", config.door.assumed_output_tokens, std::int64_t{0},
               std::int64_t{1'000'000});
  map->duration("idle", config.limits.idle_time);
  map->duration("head_time", config.limits.head_time);
  map->duration("body_time", config.limits.body_time);
  map->duration("write_time", config.limits.write_time);
  map->duration("absent", config.limits.absent);
  map->finish();
}

void read_responses(YamlMap& root, Config& config) {
  auto map = root.map("responses");
  if (!map) return;
  bool store = false;
  ResponseStoreLimits limits;
  map->flag("store", store);
  map->bytes("size", limits.bytes, std::size_t{1} << 20U, std::size_t{1} << 40U);
  map->integer("entries", limits.entries, std::size_t{1}, std::size_t{100'000'000});
  map->duration("lifetime", limits.lifetime);
  if (store) config.responses = limits;
  map->finish();
}

/// What no single entry can see: names that stand twice.
void check_names(Config const& config, YamlMap& root) {
  std::set<std::string> names;
  for (auto const& model : config.models) {
    if (!names.insert(model.name).second)
      root.wrong("models", "the model name '" + model.name + "' stands twice");
    for (auto const& alias : model.aliases)
      if (!names.insert(alias).second) root.wrong("models", "the model name '" + alias + "' stands twice");
  }
  std::set<std::string> keys;
  std::set<net::Sha256> digests;
  std::set<std::string> certificates;
  for (auto const& key : config.keys) {
    if (!keys.insert(key.name).second) root.wrong("keys", "the key name '" + key.name + "' stands twice");
    if (!digests.insert(key.digest).second) root.wrong("keys", "two keys are the same ('" + key.name + "')");
    std::string const& certificate = key.policy.certificate;
    if (!certificate.empty() && !certificates.insert(certificate).second)
      root.wrong("keys", "two keys are for the certificate '" + certificate + "'");
  }
}

/// Takes targets out that are not to be asked, and what is left without any.
void drop_disabled(Config& config) {
  auto const is_on = [&](TargetConfig const& target) {
    auto const* const provider = find_provider(config.providers, target.provider);
    return target.enabled && (provider == nullptr || provider->enabled);
  };
  for (auto& group : config.groups) keep_targets(group.group, is_on);
  for (auto& model : config.models) keep_targets(model.route, is_on);
  std::erase_if(config.models,
                [](ModelConfig const& model) { return !model.enabled || model.route.members.empty(); });
}

Config read_root(YamlMap& root, Problems& problems) {
  Config config;
  root.items("listen", [&](YamlNode const& node) { config.listen.push_back(read_listener(node, problems)); });
  if (config.listen.empty()) config.listen.push_back(*net::parse_listen_address("127.0.0.1:8080"));
  root.integer("threads", config.threads, std::size_t{0}, std::size_t{1024});
  root.text("data", config.data);
  root.duration("drain", config.drain);
  root.text("access_log", config.access_log);
  read_limits(root, config);
  read_responses(root, config);
  read_conversations(root, config);
  read_request_log(root, config);
  read_backup(root, config);
  read_secrets(root, config);
  read_login(root, config);
  root.members("providers", [&](std::string name, std::size_t line, YamlMap& map) {
    config.providers.push_back(read_provider(map, std::move(name), line));
  });
  RouteParts const parts{.providers = config.providers, .groups = config.groups};
  root.members("groups", [&](std::string name, std::size_t, YamlMap& map) {
    config.groups.push_back(read_named_group(map, std::move(name), parts));
  });
  root.members("models", [&](std::string name, std::size_t, YamlMap& map) {
    config.models.push_back(read_model(map, std::move(name), parts));
  });
  read_subjects(root, config);
  read_webhooks(root, config);
  root.each("keys", [&](YamlMap& map) { config.keys.push_back(read_key(map, config.tiers)); });
  if (config.models.empty()) root.wrong("no 'models' are configured, so nothing can be asked");
  if (config.keys.empty()) root.wrong("no 'keys' are configured, so nobody may ask");
  check_names(config, root);
  root.finish();
  drop_disabled(config);
  return config;
}

}  // namespace

ConfigResult read_config(std::string const& yaml, std::vector<Resource> const& overlay) {
  Problems problems;
  ConfigResult result;
  auto const document = YamlNode::parse(yaml, problems);
  if (document && document->is_map()) {
    YAML::Node root = document->raw();
    lay_over(root, overlay);
  }
  if (document && !document->is_map())
    problems.add(document->line(), "the file is not a list of 'name: value' entries");
  if (document && document->is_map()) {
    YamlMap root(*document, problems);
    Config config = read_root(root, problems);
    if (problems.empty()) result.config = std::move(config);
  }
  result.problems = problems.take();
  return result;
}

std::optional<std::string> read_file(std::string const& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

ConfigResult read_config(std::string const& yaml) { return read_config(yaml, {}); }

ConfigResult load_config(std::string const& path) {
  auto const text = read_file(path);
  if (!text) return ConfigResult{.config = std::nullopt, .problems = {{0, "the file cannot be read"}}};
  return read_config(*text);
}

std::string describe(std::string_view path, std::vector<Problem> const& problems) {
  std::ostringstream out;
  for (auto const& problem : problems) {
    out << path;
    if (problem.line > 0) out << ':' << problem.line;
    out << ": " << problem.message << '\n';
  }
  return out.str();
}

}  // namespace lowart::server
