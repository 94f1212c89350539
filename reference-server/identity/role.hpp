#pragma once
/// Roles, and what each may do. Every act of administration asks here, and nowhere else.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::server {

/// Weakest first.
enum class Role : std::uint8_t { viewer, member, billing, admin, owner };
inline constexpr std::array<std::string_view, 5> role_names{"viewer", "member", "billing", "admin", "owner"};

constexpr std::string_view to_string(Role role) noexcept {
  return role_names[static_cast<std::size_t>(role)];
}
constexpr std::optional<Role> role_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < role_names.size(); ++i)
    if (role_names[i] == name) return static_cast<Role>(i);
  return std::nullopt;
}

/// "viewer, member ..."
inline std::string all_roles() {
  std::string all;
  for (auto const name : role_names) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

enum class Permission : std::uint8_t {
  none,            ///< Whoever has a session or a key.
  own_keys,        ///< Make, see and end keys of one's own.
  read_accounts,   ///< See users, teams and keys.
  write_accounts,  ///< Make and change users below admin, teams and keys.
  write_admins,    ///< Make and change admins and owners.
  read_settings,   ///< See providers, models, groups, tiers, breakers, the configuration.
  write_settings,  ///< Change them.
  write_prices,    ///< Change prices and tiers only.
  read_usage,      ///< See the usage of all.
  read_audit,      ///< See and export the audit log.
  write_backups,   ///< Make backups.
  rotate_secrets,  ///< Seal all secrets under another master key; make new signing keys.
};
inline constexpr std::array<std::string_view, 12> permission_names{
    "none",           "own_keys",     "read_accounts", "write_accounts", "write_admins",  "read_settings",
    "write_settings", "write_prices", "read_usage",    "read_audit",     "write_backups", "rotate_secrets"};

constexpr std::string_view to_string(Permission permission) noexcept {
  return permission_names[static_cast<std::size_t>(permission)];
}

namespace role_table {

constexpr std::uint32_t bit(Permission permission) noexcept {
  return 1U << static_cast<unsigned>(permission);
}
constexpr std::uint32_t all_of(std::initializer_list<Permission> list) noexcept {
  std::uint32_t bits = bit(Permission::none);
  for (Permission const one : list) bits |= bit(one);
  return bits;
}
using enum Permission;
inline constexpr std::array<std::uint32_t, role_names.size()> allowed{
    all_of({read_accounts, read_settings, read_usage}), all_of({own_keys}),
    all_of({own_keys, read_accounts, read_settings, read_usage, write_prices}),
    all_of({own_keys, read_accounts, write_accounts, read_settings, write_settings, write_prices, read_usage,
            read_audit, write_backups}),
    all_of({own_keys, read_accounts, write_accounts, write_admins, read_settings, write_settings,
            write_prices, read_usage, read_audit, write_backups, rotate_secrets})};

}  // namespace role_table

/// Whether `role` has `permission`.
constexpr bool may(Role role, Permission permission) noexcept {
  return (role_table::allowed[static_cast<std::size_t>(role)] & role_table::bit(permission)) != 0;
}

/// Which permission it takes to give or take a role, or to change one who has it.
constexpr Permission to_grant(Role role) noexcept {
  return role >= Role::admin ? Permission::write_admins : Permission::write_accounts;
}

/// Who acts.
struct Actor {
  std::string name;  ///< "user ada", "key ops", "console root": as the audit log has it.
  std::string user;  ///< The user's; empty where there is none.
  Role role{Role::viewer};
  std::string address;  ///< From where; empty at the console.
  std::string session;  ///< Its id; empty for keys.

  bool may(Permission permission) const noexcept { return server::may(role, permission); }
};

}  // namespace lowart::server
