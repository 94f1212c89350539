#pragma once
/// make_key(): the text of a key, drawn and told once.

#include "admin/administration.hpp"

#include <string_view>

namespace lowart::server {

/// Draws the text of a key (and its signing secret, where it has one), writes the key with its hash, and puts both texts into
/// the answer. `before`: the key that gets new text; null for a new one.
Result<AdminAnswer> make_key(Administration& admin, AdminRequest const& request, std::string_view name,
                             Resource const* before, json::object body);

}  // namespace lowart::server
