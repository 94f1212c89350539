#pragma once
/// Secrets in the body of a resource: sealed for the database, opened for use, masked for people.

#include "registry/resource.hpp"

#include <lowart/core/result.hpp>
#include <lowart/net/secret_box.hpp>

#include <string>
#include <string_view>

namespace lowart::server {

/// What stands in the place of a secret that is shown. Sent back, it means the secret that is there.
inline constexpr std::string_view masked = "***";

/// Whether a member of this name holds a secret, wherever in a body it stands.
bool is_secret_name(std::string_view name) noexcept;

/// Seals every secret of `body`; where one is masked, that of `before` stays. The seal is bound to the resource and to the
/// place in it. Errc::invalid_request for a mask that stands for nothing, and for what only looks like a seal.
Result<void> seal_body(net::SecretBox const& box, Resource const& of, json::object& body,
                       json::object const* before);

/// The reverse, for a body as the database has it.
Result<void> open_body(net::SecretBox const& box, Resource const& of, json::object& body);

/// Seals what is sealed under the box's present master key. True when something changed.
Result<bool> reseal_body(net::SecretBox const& box, Resource const& of, json::object& body);

/// Takes out of `body` what the file says in a way that only the file can, and `stored` does not: secrets, which were told
/// as masks, and texts with variables. `shown`: what the file says, masked.
void leave_to_file(json::object& body, json::object const* stored, json::object const& shown);

/// Whether a text in it has a `${`, which means something in the file only.
bool has_variable(json::value const& value);

/// Puts a mask in the place of every secret, sealed or not.
void mask_body(json::object& body);

}  // namespace lowart::server
