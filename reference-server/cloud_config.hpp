#pragma once
/// What only providers at Azure and Vertex AI have in lowart.yaml, and the tokens that this means.

#include "provider_config.hpp"
#include "yaml_reader.hpp"

#include <lowart/net/url.hpp>
#include <lowart/provider/azure_openai.hpp>
#include <lowart/provider/vertex.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

/// `entra: {tenant: ..., client_id: ..., client_secret: ...}`; unset where the provider has none.
inline void read_entra(YamlMap& parent, ProviderConfig& provider) {
  auto map = parent.map("entra");
  if (!map) return;
  EntraCredentials& entra = provider.entra.emplace();
  std::string secret;
  map->text("tenant", entra.tenant);
  map->text("client_id", entra.client_id);
  map->text("client_secret", secret);
  map->text("authority", entra.authority);
  map->text("scope", entra.scope);
  using Needed = std::pair<std::string_view, bool>;
  for (auto const& [name, missing] : std::array<Needed, 3>{Needed{"tenant", entra.tenant.empty()},
                                                           Needed{"client_id", entra.client_id.empty()},
                                                           Needed{"client_secret", secret.empty()}})
    if (missing) map->wrong(name, "'entra' needs '" + std::string(name) + "', which is not there or empty");
  if (auto const url = net::parse_base_url(entra.authority); !url)
    map->wrong("authority", url.error().message());
  if (!provider.api_keys.empty() || provider.client_key)
    parent.wrong("entra", "a provider has either 'entra' or keys, not both");
  entra.client_secret = Secret(std::move(secret));
  map->finish();
}

inline void read_azure(YamlMap& map, ProviderConfig& provider) {
  map.text("api_version", provider.api_version);
  if (AzureOpenAiWire::names_deployments(provider.base_url) && provider.api_version.empty())
    map.wrong("base_url",
              "these paths need an 'api_version' such as 2024-10-21; those without one begin with a "
              "'base_url' that "
              "ends in /openai/v1");
  read_entra(map, provider);
}

/// The key file of a service account, read while the configuration is.
inline void read_service_account(YamlMap& map, ProviderConfig& provider, std::string const& path) {
  constexpr std::streamsize most_bytes = 64 << 10;
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(most_bytes), '\0');
  if (!file.is_open() || (!file.read(text.data(), most_bytes) && !file.eof()))
    return map.wrong("service_account", "cannot read '" + path + "': " + std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  auto account = ServiceAccount::read(text);
  if (account) provider.service_account = *std::move(account);
  else
    map.wrong("service_account",
              "'" + path + "' is no key file of a service account: " + account.error().message());
}

/// A vertex provider's `access_token` stands where the others' `api_key` does.
inline void read_vertex(YamlMap& map, ProviderConfig& provider, std::string_view publisher) {
  std::string project, location = "global", path;
  map.text("project", project);
  map.text("location", location);
  map.text("service_account", path);
  if (!path.empty()) read_service_account(map, provider, path);
  if (!path.empty() && (!provider.api_keys.empty() || provider.client_key))
    map.wrong("service_account", "a provider has either a 'service_account' or keys, not both");
  if (!map.has("service_account") && !map.has("access_token") && !provider.client_key)
    map.wrong("a vertex provider needs a 'service_account', an 'access_token' or 'client_key'");
  if (project.empty() && provider.service_account) project = provider.service_account->project();
  bool const is_known = provider.service_account.has_value() || path.empty();
  if (project.empty() && is_known) map.wrong("project", "a vertex provider needs a 'project'");
  if (location.empty() ||
      location.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != location.npos)
    map.wrong("location", "'location' is a region such as us-central1, or global");
  if (!map.has("base_url")) provider.base_url = vertex_host(location);
  provider.base_url = vertex_url(provider.base_url, project, location, publisher);
}

/// How the provider's tokens are asked for; none where it has keys, or nothing.
inline std::optional<TokenGrant> grant_of(ProviderConfig const& provider) {
  if (provider.entra) return entra_grant(provider.name, *provider.entra);
  if (provider.service_account) return service_account_grant(provider.name, *provider.service_account);
  return std::nullopt;
}

}  // namespace lowart::server
