/// What below /admin and /auth other parts of the server answer: they stand here for the OpenAPI document.

#include "admin/operation.hpp"

#include <array>

namespace lowart::server {

namespace {

constexpr std::array<Field, 2> login_fields{{
    {.name = "user", .type = FieldType::text, .least = 1, .most = 128, .required = true},
    {.name = "password", .type = FieldType::secret, .least = 1, .most = 1024, .required = true},
}};
constexpr Shape login{"Login", "Who wants in", {login_fields}};
constexpr std::array<Field, 1> refresh_fields{
    {{.name = "refresh_token", .type = FieldType::secret, .least = 1, .most = 200, .required = true}}};
constexpr Shape refresh{"Refresh", "A session that goes on", {refresh_fields}};
constexpr std::array<Field, 6> session_fields{{
    {.name = "access_token",
     .type = FieldType::text,
     .about = "For Authorization: Bearer; 15 minutes",
     .most = 4096},
    {.name = "token_type", .type = FieldType::text},
    {.name = "expires_in", .type = FieldType::integer, .about = "Seconds", .most = 86'400},
    {.name = "refresh_token", .type = FieldType::text, .about = "For the next one, once"},
    {.name = "user", .type = FieldType::text},
    {.name = "role", .type = FieldType::text},
}};
constexpr Shape session{"Session", "What a session begins, or goes on, with", {session_fields}};

using enum Permission;
constexpr std::array<AdminOperation, 7> all{{
    {.id = "logIn",
     .method = "POST",
     .path = "/auth/login",
     .summary = "Begin a session with a password",
     .takes = &login,
     .tells = &session},
    {.id = "refreshSession",
     .method = "POST",
     .path = "/auth/refresh",
     .summary = "Go on with a session",
     .takes = &refresh,
     .tells = &session},
    {.id = "beginOidcLogin",
     .method = "GET",
     .path = "/auth/oidc/login",
     .summary = "To the identity provider (OpenID Connect, code flow with PKCE)",
     .status = 302,
     .content_type = "text/plain"},
    {.id = "endOidcLogin",
     .method = "GET",
     .path = "/auth/oidc/callback",
     .summary = "From the identity provider: begins a session",
     .tells = &session},
    {.id = "getOverview",
     .method = "GET",
     .path = "/admin/overview",
     .permission = read_usage,
     .summary = "Today, this month, active users, top spenders, conversations"},
    {.id = "getBreakers",
     .method = "GET",
     .path = "/admin/breakers",
     .permission = read_settings,
     .summary = "The state of every circuit breaker"},
    {.id = "listRequests",
     .method = "GET",
     .path = "/admin/requests",
     .permission = read_usage,
     .summary = "The request log, where it is kept"},
}};

}  // namespace

std::span<AdminOperation const> other_operations() { return all; }

}  // namespace lowart::server
