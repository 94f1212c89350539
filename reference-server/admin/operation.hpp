#pragma once
/// AdminOperation: one act of administration: where it is, what it takes, who may do it, and how it is done.

#include "admin/shape.hpp"
#include "identity/role.hpp"

#include <lowart/core/result.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

class Administration;

/// An act as it is asked for, checked against its operation.
struct AdminRequest {
  Actor actor;
  std::string name;                                       ///< What stands for {name} in the path, decoded.
  std::map<std::string, std::string, std::less<>> query;  ///< Decoded; those that the operation takes.
  json::object body;
  std::optional<std::int64_t> revision;  ///< What the caller saw last.
  std::int64_t now{0};                   ///< Microseconds since 1970.

  std::string_view asked(std::string_view parameter) const noexcept {
    auto const found = query.find(parameter);
    return found == query.end() ? std::string_view() : std::string_view(found->second);
  }
  std::int64_t number(std::string_view parameter, std::int64_t usual) const;
};

/// What an act came to. For the audit log: whom it was about, and what it changed.
struct AdminAnswer {
  json::value body{};
  std::string subject{};
  json::object detail{};
  std::string text{};  ///< Instead of `body`, of the operation's `content_type`.
  /// The act is refused, and what it has written stays nevertheless: how often a password was wrong.
  std::optional<Error> refusal{};
};

using AdminAct = Result<AdminAnswer> (*)(Administration&, AdminRequest const&);

struct AdminOperation {
  std::string_view id{};      ///< "createUser"
  std::string_view method{};  ///< "GET"; all that is not is noted in the audit log.
  std::string_view path{};    ///< "/admin/users/{name}"
  Permission permission{Permission::none};
  std::string_view summary{};
  Shape const* takes{nullptr};  ///< The body; null: none.
  BodyUse use{BodyUse::whole};
  Shape const* tells{nullptr};  ///< Null: some object.
  bool list{false};             ///< Of `tells`.
  std::span<Field const> query{};
  int status{200};
  std::string_view content_type{"application/json"};
  AdminAct act{nullptr};  ///< Null: answered by another part of the server.
};

/// Of all kinds of resources.
std::span<AdminOperation const> resource_operations();
/// Switches, the order of targets, prices.
std::span<AdminOperation const> setting_operations();
/// Keys that end or get new text, and keys of one's own.
std::span<AdminOperation const> key_operations();
/// Passwords, sessions, and what they are for.
std::span<AdminOperation const> session_operations();
/// History and rollback of settings.
std::span<AdminOperation const> change_operations();
std::span<AdminOperation const> audit_operations();
/// Secrets and backups.
std::span<AdminOperation const> upkeep_operations();
/// What other parts of the server answer below /admin and /auth, for the OpenAPI document.
std::span<AdminOperation const> other_operations();

/// All of these.
inline std::array<std::span<AdminOperation const>, 8> operation_tables() {
  return {resource_operations(), setting_operations(), key_operations(),    session_operations(),
          change_operations(),   audit_operations(),   upkeep_operations(), other_operations()};
}

/// An act that is refused: whose fault it is, and where.
[[nodiscard]] inline tl::unexpected<Error> refuse(Errc code, std::string_view param, std::string message) {
  return tl::unexpected<Error>(
      Error(code, std::move(message), Origin::client).with_param(std::string(param)));
}

}  // namespace lowart::server
