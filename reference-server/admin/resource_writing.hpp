#pragma once
/// How resources are written: sealed, checked as a whole, told with what changed.

#include "admin/administration.hpp"

#include <optional>
#include <string_view>

namespace lowart::server {

// All within the act's transaction.

/// Errc::not_found, which names it.
[[nodiscard]] tl::unexpected<Error> not_there(ResourceKind kind, std::string_view name);

/// What the database has of an entry that is to be changed: for one of the file, nothing yet. Errors: not_found; conflict
/// where the caller saw another revision.
Result<std::optional<Resource>> to_change(Administration& admin, AdminRequest const& request,
                                          ResourceKind kind);

/// Seals, writes and checks a body; `before` is what the database has, null for what is new there. The answer is the resource
/// as it is at work then.
Result<AdminAnswer> write_resource(Administration& admin, AdminRequest const& request, ResourceKind kind,
                                   std::string_view name, Resource const* before, json::object body);

/// Changes some members of the one that the request names, as merge_patch() does.
Result<AdminAnswer> patch_resource(Administration& admin, AdminRequest const& request, ResourceKind kind,
                                   json::object const& changes);

}  // namespace lowart::server
