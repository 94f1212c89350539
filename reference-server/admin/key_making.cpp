#include "admin/key_making.hpp"

#include "admin/resource_writing.hpp"

#include <lowart/net/random_token.hpp>

#include <string>
#include <utility>

namespace lowart::server {

namespace {

/// As much of a key as people may see, to tell it from others: 36 bits of it.
constexpr std::size_t shown_of_key = 12;

}  // namespace

Result<AdminAnswer> make_key(Administration& admin, AdminRequest const& request, std::string_view name,
                             Resource const* before, json::object body) {
  Secret const key(net::new_api_key());
  std::string signing_secret;
  body["prefix"] = key.reveal().substr(0, shown_of_key);
  if (auto const* is_signed = body.if_contains("signed"); is_signed != nullptr && is_signed->get_bool()) {
    signing_secret = net::random_base62(net::token_length);
    body["signing_secret"] = signing_secret;
  }
  auto answer = write_resource(admin, request, ResourceKind::key, name, before, std::move(body));
  if (!answer) return answer;
  if (auto done = admin.registry().set_digest(name, admin.digest_of(key.reveal())); !done)
    return tl::unexpected(std::move(done).error());
  json::object& told = answer->body.as_object();
  told["key"] = key.reveal();
  if (!signing_secret.empty()) told["signing_secret"] = signing_secret;
  return answer;
}

}  // namespace lowart::server
