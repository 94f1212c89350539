#pragma once
/// Registry: users, teams, keys and settings in one SQLite file, with every change that was made.

#include "registry/resource.hpp"

#include <lowart/core/result.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/store/sqlite.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// Which resources; what is empty is not asked for.
struct ResourceFilter {
  std::string owner{};
  std::string team{};
  std::string status{};
  std::string prefix{};  ///< Of the name.
};
struct ResourcePage {
  std::vector<Resource> entries;  ///< By name.
  bool has_more{false};
};
struct Change {
  std::int64_t revision{0};
  std::int64_t at{0};
  std::string actor;
  ResourceKind kind{};
  std::string name;
  std::optional<json::object> before;
  std::optional<json::object> after;
};

/// Threads:  one at a time. Other processes may write the same file.
/// Errors:   Errc::storage_failed with SQLite's message.
class Registry {
 public:
  /// Opens or makes the file and brings it up to date.
  static Result<Registry> open(std::string const& path);

  /// For what stands in the same file, and for transactions around several writes.
  sqlite::Database& database() noexcept { return database_; }

  Result<std::optional<Resource>> find(ResourceKind kind, std::string_view name);
  Result<ResourcePage> list(ResourceKind kind, ResourceFilter const& filter, std::string_view after,
                            std::size_t limit);
  /// Calls `f` for each, by name.
  Result<void> for_each(ResourceKind kind, std::function<void(Resource&&)> const& f);
  Result<std::int64_t> count(ResourceKind kind);

  /// Makes it, or replaces its body, as a new change. Within a transaction of the caller's.
  Result<Resource> put(ResourceKind kind, std::string_view name, json::object body, std::string_view actor,
                       std::int64_t now);
  /// Takes it away, as a new change. Nothing happens where it is not there.
  Result<void> remove(ResourceKind kind, std::string_view name, std::string_view actor, std::int64_t now);

  Result<std::int64_t> latest_revision();
  /// Changes behind `revision`, oldest first, without their bodies.
  Result<std::vector<Change>> changes_after(std::int64_t revision, std::size_t limit);
  /// Changes before `revision` of one resource (or of all settings, without a name), newest first.
  Result<std::vector<Change>> history(std::optional<ResourceKind> kind, std::string_view name,
                                      std::int64_t before, std::size_t limit);

  /// The hash of a key's text; one that it had is forgotten.
  Result<void> set_digest(std::string_view key, net::Sha256 const& digest);
  Result<std::optional<net::Sha256>> digest_of(std::string_view key);
  /// Calls `f` for every key that has one, by name.
  Result<void> for_each_digest(std::function<void(std::string_view, net::Sha256 const&)> const& f);

  /// Changes when another connection wrote to the file.
  Result<std::int64_t> data_version() { return database_.integer("PRAGMA data_version"); }

 private:
  explicit Registry(sqlite::Database database) : database_(std::move(database)) {}
  Result<void> note_change(ResourceKind kind, std::string_view name, std::string_view actor, std::int64_t now,
                           Resource const* before, json::object const* after);
  Result<void> add_to_count(ResourceKind kind, std::int64_t more);

  sqlite::Database database_;
};

}  // namespace lowart::server
