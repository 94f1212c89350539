#pragma once
/// How people log in, beside passwords.

#include "config.hpp"
#include "identity/oidc.hpp"
#include "identity/role.hpp"
#include "yaml_reader.hpp"

#include <lowart/core/secret.hpp>

#include <memory>
#include <string>
#include <utility>

namespace lowart::server {

/// `login: {oidc: {issuer: ..., client_id: ..., redirect_uri: ..., roles: {...}}}`
inline void read_login(YamlMap& root, Config& config) {
  auto map = root.map("login");
  if (!map) return;
  if (auto oidc = map->map("oidc")) {
    auto made = std::make_shared<OidcConfig>();
    std::string secret;
    oidc->text("issuer", made->issuer);
    oidc->text("client_id", made->client_id);
    oidc->text("client_secret", secret);
    oidc->text("redirect_uri", made->redirect_uri);
    if (oidc->has("scopes")) made->scopes.clear();
    oidc->texts("scopes", made->scopes);
    oidc->text("role_claim", made->role_claim);
    oidc->scalars("roles", [&](std::string const& value, YamlNode const& role) {
      made->roles.emplace_back(value, role.scalar());
      if (!role_named(role.scalar()))
        oidc->wrong_at(role, "no role '" + role.scalar() + "'; there are " + all_roles());
    });
    oidc->text("default_role", made->default_role);
    if (!made->default_role.empty() && !role_named(made->default_role))
      oidc->wrong("default_role", "no role '" + made->default_role + "'; there are " + all_roles());
    oidc->flag("auto_create", made->auto_create);
    made->client_secret = Secret(std::move(secret));
    oidc->finish();
    if (auto const ok = check_oidc_config(*made); !ok) oidc->wrong(ok.error().message());
    config.oidc = std::move(made);
  }
  map->finish();
}

}  // namespace lowart::server
