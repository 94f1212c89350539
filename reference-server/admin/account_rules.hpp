#pragma once
/// What users, teams and keys must be beyond their shape, and what goes with them.

#include "admin/administration.hpp"

#include <functional>

namespace lowart::server {

/// What a new resource has where nothing is said.
void fill_in(ResourceKind kind, json::object& body, std::int64_t now);
/// What of a body is the server's own, and stays when the rest is replaced.
void keep_own(ResourceKind kind, json::object const* before, json::object& body);

/// Whether `actor` may make such a change, and all that the body names is there. Settings are checked as a whole instead.
Result<void> check_account(Administration& admin, Actor const& actor, ResourceKind kind,
                           std::string_view name, json::object const* before, json::object const& body);
/// Takes along what cannot be without it, or refuses with Errc::conflict.
Result<void> before_removal(Administration& admin, AdminRequest const& request, ResourceKind kind,
                            Resource const& resource);

/// Draws the text of a key (and its signing secret, where it has one), and puts them into the answer of `write`.
Result<AdminAnswer> make_key(Administration& admin, AdminRequest const& request, std::string_view name,
                             json::object body,
                             std::function<Result<AdminAnswer>(json::object)> const& write);

/// Whether a model's targets name a provider.
bool leads_to(json::value const& model, std::string_view provider);

}  // namespace lowart::server
