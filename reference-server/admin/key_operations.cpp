/// Keys that end or get new text, and keys of one's own.

#include "admin/account_rules.hpp"
#include "admin/administration.hpp"
#include "admin/key_making.hpp"
#include "admin/resource_writing.hpp"
#include "admin/shapes.hpp"

#include <lowart/dialect/rfc3339.hpp>

#include <array>
#include <utility>

namespace lowart::server {

namespace {

/// New text for a key that stays what it is: its name, its limits and what is used of them.
Result<AdminAnswer> regenerate(Administration& admin, AdminRequest const& request, Resource key) {
  if (text_in(key.body, "status") == "revoked") key.body["status"] = "active";
  json::object body = key.body;
  body["regenerated_at"] = dialect::rfc3339_exact(request.now);
  return make_key(admin, request, key.name, &key, std::move(body));
}
Result<AdminAnswer> revoke(Administration& admin, AdminRequest const& request, Resource key) {
  key.body["status"] = "revoked";
  auto const put =
      admin.registry().put(ResourceKind::key, key.name, std::move(key.body), request.actor.name, request.now);
  if (!put) return tl::unexpected(put.error());
  return AdminAnswer{.body = told(*put), .subject = subject_of(ResourceKind::key, key.name)};
}

Result<AdminAnswer> regenerate_key(Administration& admin, AdminRequest const& request) {
  auto key = existing(admin, ResourceKind::key, request.name);
  return key ? regenerate(admin, request, *std::move(key)) : tl::unexpected(std::move(key).error());
}
Result<AdminAnswer> revoke_key(Administration& admin, AdminRequest const& request) {
  auto key = existing(admin, ResourceKind::key, request.name);
  if (!key) return tl::unexpected(std::move(key).error());
  if (auto ok = may_end_key(admin, request.actor, key->body); !ok) return tl::unexpected(ok.error());
  return revoke(admin, request, *std::move(key));
}

// --- keys of one's own

Result<Resource> own_key(Administration& admin, AdminRequest const& request) {
  if (auto ok = needs_user(request); !ok) return tl::unexpected(ok.error());
  auto key = existing(admin, ResourceKind::key, request.name);
  if (key && text_in(key->body, "user") != request.actor.user)
    return refuse(Errc::not_found, "name", "there is no key '" + request.name + "' of yours");
  return key;
}

Result<AdminAnswer> list_own_keys(Administration& admin, AdminRequest const& request) {
  constexpr std::size_t most = 1000;
  if (auto ok = needs_user(request); !ok) return tl::unexpected(ok.error());
  auto const page = admin.registry().list(ResourceKind::key, {.owner = request.actor.user}, {}, most);
  if (!page) return tl::unexpected(page.error());
  json::array keys;
  for (Resource const& key : page->entries) keys.push_back(told(key));
  return AdminAnswer{
      .body = json::object{{"object", "list"}, {"data", std::move(keys)}, {"has_more", page->has_more}}};
}
/// Its name begins with the user's, so that nobody takes another's.
Result<AdminAnswer> create_own_key(Administration& admin, AdminRequest const& request) {
  constexpr std::int64_t most = 100;
  if (auto ok = needs_user(request); !ok) return tl::unexpected(ok.error());
  auto const page = admin.registry().list(ResourceKind::key, {.owner = request.actor.user}, {}, most);
  if (!page) return tl::unexpected(page.error());
  if (page->entries.size() >= most) return refuse(Errc::conflict, "name", "a user has at most 100 keys");
  std::string const name = request.actor.user + "/" + std::string(text_in(request.body, "name"));
  auto const found = admin.registry().find(ResourceKind::key, name);
  if (!found) return tl::unexpected(found.error());
  if (*found) return refuse(Errc::conflict, "name", "there is a key '" + name + "' already");
  json::object body = request.body;
  body.erase("name");
  body["user"] = request.actor.user;
  fill_in(ResourceKind::key, body, request.now);
  return make_key(admin, request, name, nullptr, std::move(body));
}
Result<AdminAnswer> revoke_own_key(Administration& admin, AdminRequest const& request) {
  auto key = own_key(admin, request);
  return key ? revoke(admin, request, *std::move(key)) : tl::unexpected(std::move(key).error());
}
Result<AdminAnswer> regenerate_own_key(Administration& admin, AdminRequest const& request) {
  auto key = own_key(admin, request);
  if (key && text_in(key->body, "status") == "revoked")
    return refuse(Errc::conflict, "name", "a key that was revoked stays so; make a new one");
  return key ? regenerate(admin, request, *std::move(key)) : tl::unexpected(std::move(key).error());
}

constexpr std::array<Field, 6> own_key_fields{{
    {.name = "name", .type = FieldType::name, .about = "Yours is put in front: user/name", .required = true},
    {.name = "models", .type = FieldType::names, .most = 200},
    {.name = "addresses", .type = FieldType::names, .most = 100},
    {.name = "expires_at", .type = FieldType::time},
    {.name = "signed", .type = FieldType::flag},
    {.name = "metadata", .type = FieldType::map},
}};
constexpr Shape own_key_shape{"OwnKey", "A key that a user makes for itself", {own_key_fields}};

using enum Permission;
constexpr std::array<AdminOperation, 6> all{{
    {.id = "regenerateKey",
     .method = "POST",
     .path = "/admin/keys/{name}/regenerate",
     .permission = write_accounts,
     .summary = "New text for a key; its limits and what is used of them stay",
     .tells = &shapes::key,
     .act = regenerate_key},
    {.id = "revokeKey",
     .method = "POST",
     .path = "/admin/keys/{name}/revoke",
     .permission = write_accounts,
     .summary = "End a key at once, on every core",
     .tells = &shapes::key,
     .act = revoke_key},
    {.id = "listOwnKeys",
     .method = "GET",
     .path = "/auth/keys",
     .permission = own_keys,
     .summary = "One's own keys",
     .tells = &shapes::key,
     .list = true,
     .act = list_own_keys},
    {.id = "createOwnKey",
     .method = "POST",
     .path = "/auth/keys",
     .permission = own_keys,
     .summary = "A key for oneself",
     .takes = &own_key_shape,
     .tells = &shapes::key,
     .status = 201,
     .act = create_own_key},
    {.id = "revokeOwnKey",
     .method = "POST",
     .path = "/auth/keys/{name}/revoke",
     .permission = own_keys,
     .summary = "End a key of one's own",
     .tells = &shapes::key,
     .act = revoke_own_key},
    {.id = "regenerateOwnKey",
     .method = "POST",
     .path = "/auth/keys/{name}/regenerate",
     .permission = own_keys,
     .summary = "New text for a key of one's own",
     .tells = &shapes::key,
     .act = regenerate_own_key},
}};

}  // namespace

std::span<AdminOperation const> key_operations() { return all; }

}  // namespace lowart::server
