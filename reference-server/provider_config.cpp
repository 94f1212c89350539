#include "provider_config.hpp"

#include "aws_config.hpp"
#include "catalogue.hpp"
#include "cloud_config.hpp"
#include "config_readers.hpp"
#include "limits_config.hpp"
#include "yaml_reader.hpp"

#include <lowart/meter/counted.hpp>
#include <lowart/net/url.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/azure_openai.hpp>
#include <lowart/provider/azure_responses.hpp>
#include <lowart/provider/bedrock.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/cohere.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/ollama.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>
#include <lowart/provider/vertex.hpp>
#include <lowart/provider/vertex_anthropic.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace lowart::server {

namespace {

void read_breaker(YamlMap& parent, BreakerOptions& breaker) {
  auto map = parent.map("breaker");
  if (!map) return;
  constexpr int most_calls = 100'000;
  map->integer("failures", breaker.failures, 0, 1000);
  map->integer("failure_percent", breaker.failure_percent, 0, 100);
  map->integer("slow_percent", breaker.slow_percent, 0, 100);
  map->duration("slow", breaker.slow);
  if (breaker.slow.count() == 0) map->wrong("slow", "'slow' is at least 1ms");
  map->integer("window", breaker.window, 1, most_calls);
  map->duration("window_time", breaker.window_time);
  constexpr std::chrono::milliseconds shortest{1'000};
  if (breaker.window_time.count() > 0 && breaker.window_time < shortest)
    map->wrong("window_time", "'window_time' is at least 1s, or 0");
  map->integer("minimum_calls", breaker.minimum_calls, 1, most_calls);
  if (breaker.failures == 0 && breaker.failure_percent == 0)
    map->wrong("failures", "without 'failures' and without 'failure_percent' no failure would ever open it");
  map->duration("rest", breaker.rest);
  breaker.longest_rest = std::max(breaker.longest_rest, breaker.rest);
  map->finish();
}

/// A type of provider as the file names it. A new one is a line here, its own names in read_variant() and its case
/// in provider_leaf.hpp.
struct TypeName {
  std::string_view name;
  ProviderType type;
  std::string_view base_url;  ///< The default; empty where there is none.
};
constexpr std::array<TypeName, 12> type_names{{
    {"openai", ProviderType::openai, "https://api.openai.com/v1"},
    {"openai_responses", ProviderType::openai_responses, "https://api.openai.com/v1"},
    {"anthropic", ProviderType::anthropic, "https://api.anthropic.com/v1"},
    {"gemini", ProviderType::gemini, "https://generativelanguage.googleapis.com/v1beta"},
    {"ollama", ProviderType::ollama, "http://127.0.0.1:11434"},
    {"azure_openai", ProviderType::azure_openai, ""},
    {"azure_responses", ProviderType::azure_responses, ""},
    {"vertex", ProviderType::vertex, "https://aiplatform.googleapis.com/v1"},
    {"vertex_anthropic", ProviderType::vertex_anthropic, "https://aiplatform.googleapis.com/v1"},
    {"bedrock", ProviderType::bedrock,
     "https://bedrock-runtime.us-east-1.amazonaws.com"},  // of its region: read_aws()
    {"cohere", ProviderType::cohere, "https://api.cohere.com"},
    {"demo", ProviderType::demo, ""},
}};

std::string known_types() {
  std::string list;
  for (auto const& known : type_names) list.append(list.empty() ? "" : ", ").append(known.name);
  return list;
}

bool is_of_vertex(ProviderType type) noexcept {
  return type == ProviderType::vertex || type == ProviderType::vertex_anthropic;
}

/// What a vertex provider has in the place of a key: it is no key of an API.
void read_access_token(YamlMap& map, ProviderConfig& provider) {
  std::string token;
  map.text("access_token", token);
  if (!token.empty()) provider.api_keys.emplace_back(std::move(token));
}

/// One key, or several of which each call takes one.
void read_api_keys(YamlMap& map, ProviderConfig& provider) {
  if (is_of_vertex(provider.type)) return read_access_token(map, provider);
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
  if (provider.base_url.empty()) map.wrong("base_url", "a provider of this type needs a 'base_url'");
  else if (auto const url = net::parse_base_url(provider.base_url); !url)
    map.wrong("base_url", url.error().message());
  read_api_keys(map, provider);
  map.flag("client_key", provider.client_key);
  map.flag("passthrough", provider.passthrough);
  if (provider.passthrough && provider.type == ProviderType::bedrock)
    map.wrong("passthrough",
              "what is asked of bedrock is signed with its body, which passthrough does not hold");
  if (provider.passthrough && provider.type == ProviderType::vertex_anthropic)
    map.wrong("passthrough", "the rest of Vertex AI is behind a provider of type vertex");
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
    case ProviderType::ollama: map.integer("num_ctx", provider.ollama_variant.num_ctx, 0, most_tokens); break;
    case ProviderType::azure_openai:
      map.flag("repair", provider.repair);
      map.flag("legacy_max_tokens", provider.openai_variant.legacy_max_tokens);
      return read_azure(map, provider);
    case ProviderType::azure_responses: return read_azure(map, provider);
    case ProviderType::vertex: return read_vertex(map, provider, "google");
    case ProviderType::vertex_anthropic:
      map.integer("default_max_tokens", provider.anthropic_variant.default_max_tokens, 1, most_tokens);
      map.flag("adaptive_thinking", provider.anthropic_variant.adaptive_thinking);
      return read_vertex(map, provider, "anthropic");
    case ProviderType::bedrock:
      check_aws(map, provider);
      map.integer("default_max_tokens", provider.anthropic_variant.default_max_tokens, 1, most_tokens);
      map.flag("adaptive_thinking", provider.anthropic_variant.adaptive_thinking);
      break;
    case ProviderType::cohere:
      map.text("input_type", provider.cohere_variant.input_type);
      if (!dialect::is_cohere_input_type(provider.cohere_variant.input_type))
        map.wrong("input_type", "must be search_document, search_query, classification or clustering");
      break;
    case ProviderType::demo:
    case ProviderType::openai_responses:
    case ProviderType::gemini: break;
  }
}

bool is_plain(std::string const& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

/// The vendor's base URL with what the file says its placeholders are.
std::string filled_base_url(YamlMap& map, Vendor const& vendor) {
  std::string url = vendor.base_url;
  for (std::string const& name : placeholders_in(vendor.base_url)) {
    std::string value;
    map.text(name, value);
    if (map.has("base_url")) continue;
    if (value.empty())
      map.wrong("the vendor '" + vendor.id + "' needs '" + name + "': its base URL is " + vendor.base_url);
    else if (!is_plain(value)) map.wrong(name, "'" + name + "' has letters, digits, '-', '_' and '.' only");
    std::string const mark = "{" + name + "}";
    for (auto at = url.find(mark); at != std::string::npos; at = url.find(mark, at + value.size()))
      url.replace(at, mark.size(), value.empty() ? "x" : value);
  }
  return url;
}

/// What the catalogue says of a vendor, as if it stood in the file.
YAML::Node settings_of(YamlMap& map, Vendor const& vendor) {
  YAML::Node node(YAML::NodeType::Map);
  node["type"] = vendor.type;
  node["base_url"] = filled_base_url(map, vendor);
  for (auto const& [name, value] : vendor.settings) node[name] = value;
  return node;
}

/// The vendor that the entry names, behind which the catalogue stands from here on. False when that cannot be.
bool read_vendor(YamlMap& map, ProviderConfig& provider) {
  std::string id;
  map.text("vendor", id);
  if (id.empty()) return true;
  provider.vendor = find_vendor(id);
  if (provider.vendor == nullptr) {
    std::string const like = vendors_like(id);
    map.wrong("vendor", "no vendor '" + id + "' is known; " +
                            (like.empty() ? "" : "near it are " + like + "; ") +
                            "`lowart providers` lists them all");
    return false;
  }
  if (map.has("type")) {
    map.wrong("type", "a provider has either 'vendor' or 'type': the vendor '" + id + "' is one of type " +
                          provider.vendor->type);
    return false;
  }
  // What the credentials of a cloud may be, its type knows.
  bool const by_key = provider.vendor->auth == "bearer" || provider.vendor->auth == "header";
  bool const has_key = map.has("api_key") || map.has("api_keys") || map.has("client_key");
  if (by_key && !has_key && !map.has("base_url"))
    map.wrong("vendor", "the vendor '" + id + "' needs a key: write 'api_key: ${" +
                            provider.vendor->key_variable + "}', or 'client_key: true'");
  map.lean_on(settings_of(map, *provider.vendor));
  return true;
}

/// What stands in the way of a type that is not among the known ones.
void tell_of_type(YamlMap& map, ProviderConfig const& provider, std::string const& type) {
  if (provider.vendor != nullptr)
    map.wrong("vendor", "the vendor '" + provider.vendor->id + "' speaks '" + type +
                            "', which this version does not; there are " + known_types());
  else if (type.empty()) map.wrong("a provider needs a 'vendor', or a 'type': " + known_types());
  else map.wrong("type", "no provider type '" + type + "'; there are " + known_types());
}

/// Of a provider that serves some operations only, and says which.
template <class P>
constexpr DoorSet of_some_operations() noexcept {
  return (doors_served<Counted<P>> - DoorSet::of_operations()) | P::operations();
}

}  // namespace

bool is_provider_type(std::string_view name) noexcept {
  return std::any_of(type_names.begin(), type_names.end(),
                     [name](TypeName const& entry) { return entry.name == name; });
}

std::string_view name_of(ProviderType type) noexcept {
  auto const known = std::find_if(type_names.begin(), type_names.end(),
                                  [type](TypeName const& entry) { return entry.type == type; });
  return known->name;
}

DoorSet doors_of(ProviderType type) noexcept {
  switch (type) {
    case ProviderType::demo: return doors_served<Counted<Demo>>;
    case ProviderType::openai: return doors_served<Counted<OpenAi<>>>;
    case ProviderType::openai_responses: return doors_served<Counted<OpenAiResponses<>>>;
    case ProviderType::anthropic: return doors_served<Counted<Anthropic<>>>;
    case ProviderType::gemini: return doors_served<Counted<Gemini<>>>;
    case ProviderType::ollama: return doors_served<Counted<Ollama<>>>;
    case ProviderType::azure_openai: return of_some_operations<AzureOpenAi<>>();
    case ProviderType::azure_responses: return doors_served<Counted<AzureResponses<>>>;
    case ProviderType::vertex: return doors_served<Counted<Vertex<>>>;
    case ProviderType::vertex_anthropic: return doors_served<Counted<VertexAnthropic<>>>;
    case ProviderType::bedrock: return doors_served<Counted<Bedrock<>>>;
    case ProviderType::cohere: return of_some_operations<Cohere<>>();
  }
  return {};
}

ProviderConfig read_provider(YamlMap& map, std::string name, std::size_t line) {
  ProviderConfig provider;
  provider.name = std::move(name);
  provider.line = line;
  if (!read_vendor(map, provider)) return provider;
  std::string type;
  map.text("type", type);
  auto const known = std::find_if(type_names.begin(), type_names.end(),
                                  [&](TypeName const& entry) { return entry.name == type; });
  if (known == type_names.end()) {
    tell_of_type(map, provider, type);
    if (provider.vendor != nullptr) return provider;
  } else {
    provider.type = known->type;
    provider.base_url = known->base_url;
    if (provider.type == ProviderType::bedrock) read_aws(map, provider);
    if (known->type != ProviderType::demo) read_http(map, provider);
    read_variant(map, provider);
  }
  map.flag("enabled", provider.enabled);
  read_timeouts(map, "timeouts", provider.timeouts);
  read_retry(map, provider.retry);
  read_breaker(map, provider.breaker);
  read_rates(map, provider.limits);
  read_bulkhead(map, provider.bulkhead);
  map.finish();
  return provider;
}

}  // namespace lowart::server
