#include "config.hpp"

#include "config_readers.hpp"
#include "yaml_reader.hpp"

#include <lowart/meter/counted.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace lowart::server {

namespace {

void read_breaker(YamlMap& parent, BreakerOptions& breaker) {
  auto map = parent.map("breaker");
  if (!map) return;
  map->integer("failures", breaker.failures, 1, 1000);
  map->duration("rest", breaker.rest);
  breaker.longest_rest = std::max(breaker.longest_rest, breaker.rest);
  map->finish();
}

/// A type of provider as the file names it. A new one is a line here, its own names in read_variant() and its case
/// in route_builder.cpp.
struct TypeName {
  std::string_view name;
  ProviderType type;
  std::string_view base_url;  ///< The default; empty for one without a network.
};
constexpr std::array<TypeName, 5> type_names{{
    {"openai", ProviderType::openai, "https://api.openai.com/v1"},
    {"openai_responses", ProviderType::openai_responses, "https://api.openai.com/v1"},
    {"anthropic", ProviderType::anthropic, "https://api.anthropic.com/v1"},
    {"gemini", ProviderType::gemini, "https://generativelanguage.googleapis.com/v1beta"},
    {"demo", ProviderType::demo, ""},
}};

std::string known_types() {
  std::string list;
  for (auto const& known : type_names) list.append(list.empty() ? "" : ", ").append(known.name);
  return list;
}

std::string name_of(ProviderType type) {
  auto const known = std::find_if(type_names.begin(), type_names.end(),
                                  [type](TypeName const& entry) { return entry.type == type; });
  return std::string(known->name);
}

/// One key, or several of which each call takes one.
void read_api_keys(YamlMap& map, ProviderConfig& provider) {
  std::vector<std::string> keys(1);
  map.text("api_key", keys.front());
  if (map.has("api_keys")) {
    if (!keys.front().empty()) map.wrong("api_key", "a provider has either 'api_key' or 'api_keys'");
    map.texts("api_keys", keys);
    if (auto const balance = read_selection(map)) provider.key_balance = *balance;
  }
  // A variable that is not set is no key.
  std::erase_if(keys, [](std::string const& key) { return key.empty(); });
  if (std::set<std::string>(keys.begin(), keys.end()).size() < keys.size())
    map.wrong("api_keys", "two of the 'api_keys' are the same");
  if (keys.size() > TargetOrder::most)
    map.wrong("api_keys", "a provider has at most " + std::to_string(TargetOrder::most) + " keys");
  for (auto& key : keys) provider.api_keys.emplace_back(std::move(key));
}

void read_http(YamlMap& map, ProviderConfig& provider) {
  map.text("base_url", provider.base_url);
  if (auto const url = net::parse_base_url(provider.base_url); !url)
    map.wrong("base_url", url.error().message());
  read_api_keys(map, provider);
  map.text("ca_file", provider.ca_file);
  map.flag("verify_tls", provider.verify_tls);
  std::string drop(to_string(provider.may_drop));
  map.text("may_drop", drop);
  for (MayDrop const known : {MayDrop::nothing, MayDrop::hints, MayDrop::anything})
    if (drop == to_string(known)) provider.may_drop = known;
  if (drop != to_string(provider.may_drop)) map.wrong("may_drop", "must be nothing, hints or anything");
}

/// What only some types know.
void read_variant(YamlMap& map, ProviderConfig& provider) {
  constexpr std::int64_t most_tokens = 10'000'000;
  switch (provider.type) {
    case ProviderType::openai:
      map.flag("done_required", provider.done_required);
      map.flag("repair", provider.repair);
      map.flag("legacy_max_tokens", provider.openai_variant.legacy_max_tokens);
      map.flag("reasoning_content", provider.openai_variant.reasoning_content);
      break;
    case ProviderType::anthropic:
      map.text("version", provider.anthropic_version);
      map.integer("default_max_tokens", provider.anthropic_variant.default_max_tokens, 1, most_tokens);
      map.flag("adaptive_thinking", provider.anthropic_variant.adaptive_thinking);
      break;
    case ProviderType::demo:
    case ProviderType::openai_responses:
    case ProviderType::gemini: break;
  }
}

ProviderConfig read_provider(YamlMap& map, std::string name, std::size_t line) {
  ProviderConfig provider;
  provider.name = std::move(name);
  provider.line = line;
  std::string type;
  map.text("type", type);
  auto const known = std::find_if(type_names.begin(), type_names.end(),
                                  [&](TypeName const& entry) { return entry.name == type; });
  if (type.empty()) map.wrong("a provider needs a 'type': " + known_types());
  else if (known == type_names.end())
    map.wrong("type", "no provider type '" + type + "'; there are " + known_types());
  else {
    provider.type = known->type;
    provider.base_url = known->base_url;
    if (!known->base_url.empty()) read_http(map, provider);
    read_variant(map, provider);
  }
  read_timeouts(map, "timeouts", provider.timeouts);
  read_retry(map, provider.retry);
  read_breaker(map, provider.breaker);
  read_rates(map, provider.limits);
  map.finish();
  return provider;
}

/// The doors a file names; those no door has, and those that stand twice, are reported.
DoorSet read_door_names(YamlMap& map) {
  DoorSet doors;
  map.items("doors", [&](YamlNode const& item) {
    std::string const name = item.scalar();
    auto const door = door_named(name);
    if (!door) map.wrong_at(item, "no door '" + name + "'; there are " + DoorSet::all().text());
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
                             "' cannot serve " + missing.text() + ": its type " + name_of(provider->type) +
                             " serves " + able.text());
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
  map.finish();
  return model;
}

NamedGroup read_named_group(YamlMap& map, std::string name, RouteParts const& parts) {
  NamedGroup group;
  group.name = std::move(name);
  group.group = read_group(map, parts);
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

KeyConfig read_key(YamlMap& map) {
  constexpr std::size_t shortest = 16;
  KeyConfig key;
  std::string text;
  std::string hash;
  map.text("name", key.name);
  map.text("key", text);
  map.text("key_hash", hash);
  if (key.name.empty()) map.wrong("a key needs a 'name'");
  if (text.empty() == hash.empty()) map.wrong("a key needs either 'key' or 'key_hash'");
  if (!text.empty() && text.size() < shortest) map.wrong("key", "a key has at least 16 characters");
  if (!text.empty()) key.digest = net::sha256(text);
  key.text = Secret(std::move(text));
  if (!hash.empty()) {
    auto const digest = parse_digest(hash);
    if (digest) key.digest = *digest;
    else map.wrong("key_hash", "a key_hash is 'sha256:' and 64 lower-case hexadecimal digits");
  }
  read_rates(map, key.limits);
  map.texts("models", key.models);
  map.finish();
  return key;
}

net::ListenAddress read_listener(YamlNode const& node, Problems& problems) {
  std::string address;
  std::string cert;
  std::string key;
  if (node.is_map()) {
    YamlMap map(node, problems);
    map.text("address", address);
    if (auto tls = map.map("tls")) {
      tls->text("cert", cert);
      tls->text("key", key);
      if (cert.empty() || key.empty()) tls->wrong("'tls' needs 'cert' and 'key', two PEM files");
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
  return *parsed;
}

void read_limits(YamlMap& root, Config& config) {
  auto map = root.map("limits");
  if (!map) return;
  map->bytes("head", config.limits.head.head_bytes, 1024, 65535);
  map->integer("headers", config.limits.head.fields, std::size_t{8}, std::size_t{128});
  map->bytes("body", config.door.body_bytes, 1024, std::size_t{1} << 30U);
  map->integer("connections", config.limits.connections, std::size_t{1}, std::size_t{1'000'000});
  map->integer("assumed_output_tokens", config.door.assumed_output_tokens, std::int64_t{0},
               std::int64_t{1'000'000});
  map->duration("idle", config.limits.idle_time);
  map->duration("head_time", config.limits.head_time);
  map->duration("body_time", config.limits.body_time);
  map->duration("write_time", config.limits.write_time);
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
  for (auto const& key : config.keys) {
    if (!keys.insert(key.name).second) root.wrong("keys", "the key name '" + key.name + "' stands twice");
    if (!digests.insert(key.digest).second) root.wrong("keys", "two keys are the same ('" + key.name + "')");
  }
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
  root.each("keys", [&](YamlMap& map) { config.keys.push_back(read_key(map)); });
  if (config.models.empty()) root.wrong("no 'models' are configured, so nothing can be asked");
  if (config.keys.empty()) root.wrong("no 'keys' are configured, so nobody may ask");
  check_names(config, root);
  root.finish();
  return config;
}

}  // namespace

DoorSet doors_of(ProviderType type) noexcept {
  switch (type) {
    case ProviderType::demo: return doors_served<Counted<Demo>>;
    case ProviderType::openai: return doors_served<Counted<OpenAi<>>>;
    case ProviderType::openai_responses: return doors_served<Counted<OpenAiResponses<>>>;
    case ProviderType::anthropic: return doors_served<Counted<Anthropic<>>>;
    case ProviderType::gemini: return doors_served<Counted<Gemini<>>>;
  }
  return {};
}

ConfigResult read_config(std::string const& yaml) {
  Problems problems;
  ConfigResult result;
  auto const document = YamlNode::parse(yaml, problems);
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

ConfigResult load_config(std::string const& path) {
  std::ifstream file(path);
  if (!file) return ConfigResult{.config = std::nullopt, .problems = {{0, "the file cannot be read"}}};
  std::string const text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return read_config(text);
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
