#include "registry/sealed_body.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::string_view seal_member = "$sealed";
constexpr std::array<std::string_view, 11> secret_names{
    "api_key",       "api_keys", "client_secret",  "key",  "private_key", "secret", "secret_access_key",
    "session_token", "password", "signing_secret", "token"};

/// Told of every value that a member with a secret's name holds, or a list in such a member, where it stands, and what
/// stands there in another body (null: nothing does).
using Visit = std::function<Result<void>(json::value&, std::string const& path, json::value const* other)>;

json::value const* member_of(json::value const* in, std::string_view name) noexcept {
  auto const* const object = in == nullptr ? nullptr : in->if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}
json::value const* item_of(json::value const* in, std::size_t at) noexcept {
  auto const* const list = in == nullptr ? nullptr : in->if_array();
  return list == nullptr ? nullptr : list->if_contains(at);
}

Result<void> each_secret(json::value& value, std::string const& path, bool is_secret,
                         json::value const* other, Visit const& visit) {
  if (is_secret && !value.is_array() && !value.is_null()) return visit(value, path, other);
  if (auto* const list = value.if_array())
    for (std::size_t i = 0; i < list->size(); ++i)
      if (auto ok =
              each_secret((*list)[i], path + "/" + std::to_string(i), is_secret, item_of(other, i), visit);
          !ok)
        return ok;
  if (auto* const object = value.if_object())
    for (auto& member : *object) {
      std::string const name(member.key());
      auto ok =
          each_secret(member.value(), path + "/" + name, is_secret_name(name), member_of(other, name), visit);
      if (!ok) return ok;
    }
  return {};
}
Result<void> each_secret(json::object& body, json::object const* other, Visit const& visit) {
  for (auto& member : body) {
    std::string const name(member.key());
    auto const* const there = other == nullptr ? nullptr : other->if_contains(name);
    if (auto ok = each_secret(member.value(), "/" + name, is_secret_name(name), there, visit); !ok) return ok;
  }
  return {};
}

std::string place_of(Resource const& of, std::string const& path) {
  return std::string(plural(of.kind)) + "/" + of.name + path;
}
std::string_view seal_in(json::value const& value) noexcept {
  auto const* const object = value.if_object();
  return object == nullptr ? std::string_view() : text_in(*object, seal_member);
}
tl::unexpected<Error> wrong(std::string const& path, std::string message) {
  return tl::unexpected<Error>(
      Error(Errc::invalid_request, "'" + path + "' " + std::move(message), Origin::client).with_param(path));
}

}  // namespace

bool is_secret_name(std::string_view name) noexcept {
  return std::ranges::find(secret_names, name) != secret_names.end();
}

Result<void> seal_body(net::SecretBox const& box, Resource const& of, json::object& body,
                       json::object const* before) {
  return each_secret(
      body, before,
      [&](json::value& value, std::string const& path, json::value const* kept) -> Result<void> {
        if (kept != nullptr && *kept == value) return {};  // sealed already, and left alone
        auto const* const text = value.if_string();
        if (text == nullptr) return wrong(path, "is a text: a secret is sent as it is, and sealed here");
        if (std::string_view(*text) == masked) {
          if (kept == nullptr) return wrong(path, "is masked, and there is no secret that could stay");
          value = *kept;
          return {};
        }
        if (text->size() > net::SecretBox::most_bytes) return wrong(path, "is too long for a secret");
        value = json::object{{seal_member, box.seal(std::string_view(*text), place_of(of, path))}};
        return {};
      });
}

Result<void> open_body(net::SecretBox const& box, Resource const& of, json::object& body) {
  return each_secret(
      body, nullptr, [&](json::value& value, std::string const& path, json::value const*) -> Result<void> {
        std::string const sealed(seal_in(value));
        if (sealed.empty()) return {};
        auto const opened = box.open(sealed, place_of(of, path));
        if (!opened) return fail(Errc::storage_failed, place_of(of, path) + ": " + opened.error().message());
        value = opened->reveal();
        return {};
      });
}

Result<bool> reseal_body(net::SecretBox const& box, Resource const& of, json::object& body) {
  bool changed = false;
  auto const done = each_secret(
      body, nullptr, [&](json::value& value, std::string const& path, json::value const*) -> Result<void> {
        std::string const sealed(seal_in(value));
        if (sealed.empty()) return {};
        auto fresh = box.reseal(sealed, place_of(of, path));
        if (!fresh) return fail(Errc::storage_failed, place_of(of, path) + ": " + fresh.error().message());
        changed = changed || *fresh != sealed;
        value = json::object{{seal_member, *fresh}};
        return {};
      });
  if (!done) return tl::unexpected(done.error());
  return changed;
}

void mask_body(json::object& body) {
  static_cast<void>(each_secret(
      body, nullptr, [](json::value& value, std::string const&, json::value const*) -> Result<void> {
        value = masked;
        return {};
      }));
}

}  // namespace lowart::server
