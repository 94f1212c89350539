#pragma once
/// What users, teams and keys must be beyond their shape, and what goes with them.

#include "admin/administration.hpp"

namespace lowart::server {

/// What a new resource has where nothing is said.
void fill_in(ResourceKind kind, json::object& body, std::int64_t now);
/// What of a body is the server's own, and stays when the rest is replaced.
void keep_own(ResourceKind kind, json::object const* before, json::object& body);

/// Whether `actor` may make such a change, and all that the body names is there. Settings are checked as a whole instead.
Result<void> check_account(Administration& admin, Actor const& actor, ResourceKind kind,
                           std::string_view name, json::object const* before, json::object const& body);
/// Whether `actor` may end a key: its own, and those of others unless they act with a role that is an owner's to give.
Result<void> may_end_key(Administration& admin, Actor const& actor, json::object const& key);
/// Takes along what cannot be without it, or refuses with Errc::conflict.
Result<void> before_removal(Administration& admin, AdminRequest const& request, ResourceKind kind,
                            Resource const& resource);

/// Errc::not_found where there is none.
Result<Resource> existing(Administration& admin, ResourceKind kind, std::string_view name);
/// Errc::permission_denied for who acts for no user.
Result<void> needs_user(AdminRequest const& request);

/// Whether a model's targets name a provider.
bool leads_to(json::value const& model, std::string_view provider);

}  // namespace lowart::server
