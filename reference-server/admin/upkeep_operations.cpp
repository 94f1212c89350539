/// What keeps an installation in order: secrets under another master key, backups.

#include "admin/administration.hpp"
#include "registry/sealed_body.hpp"

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/store/backup.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace lowart::server {

namespace {

// --- secrets

/// Seals a column of texts anew; `place` makes the place of a row's seal of its first column.
Result<std::int64_t> reseal_own_secrets(Administration& admin) {
  auto& database = admin.registry().database();
  auto rows = database.prepare("SELECT name, sealed FROM secret");
  if (!rows) return tl::unexpected(std::move(rows).error());
  std::vector<std::pair<std::string, std::string>> all;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    all.emplace_back(rows->text(0), rows->text(1));
  }
  for (auto const& [name, sealed] : all) {
    auto const fresh = admin.box().reseal(sealed, "secret/" + name);
    if (!fresh) return tl::unexpected(fresh.error());
    auto update = database.prepare("UPDATE secret SET sealed = ? WHERE name = ?");
    if (!update) return tl::unexpected(std::move(update).error());
    if (auto done = update->bind(1, *fresh).bind(2, name).run(); !done)
      return tl::unexpected(std::move(done).error());
  }
  return static_cast<std::int64_t>(all.size());
}

/// One body of `table`, in the column of that name, found by its rowid or key.
struct SealedPlace {
  Resource of;
  std::string column;
  std::int64_t revision;
  std::string text;
};

Result<std::vector<SealedPlace>> sealed_bodies(Administration& admin) {
  std::vector<SealedPlace> places;
  for (auto const& [column, table] :
       {std::pair<std::string, std::string>{"body", "resource"}, {"before", "change"}, {"after", "change"}}) {
    auto rows = admin.registry().database().prepare("SELECT kind, name, revision, " + column + " FROM " +
                                                    table + " WHERE " + column + " LIKE '%$sealed%'");
    if (!rows) return tl::unexpected(std::move(rows).error());
    for (;;) {
      auto const row = rows->step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) break;
      Resource of;
      of.kind = kind_named(rows->text(0)).value_or(ResourceKind::user);
      of.name = rows->text(1);
      places.push_back({std::move(of), column, rows->integer(2), std::string(rows->text(3))});
    }
  }
  return places;
}

/// All that is sealed, sealed anew under the first of today's master keys: also in the history, so that the old key can go.
Result<AdminAnswer> seal_anew(Administration& admin, AdminRequest const&) {
  auto const own = reseal_own_secrets(admin);
  if (!own) return tl::unexpected(own.error());
  auto places = sealed_bodies(admin);
  if (!places) return tl::unexpected(std::move(places).error());
  for (SealedPlace& place : *places) {
    json::object body = json::parse(place.text).as_object();
    auto const changed = reseal_body(admin.box(), place.of, body);
    if (!changed) return tl::unexpected(changed.error());
    std::string const text = json::serialize(body);
    bool const is_resource = place.column == "body";
    auto update = admin.registry().database().prepare(
        is_resource
            ? "UPDATE resource SET body = ? WHERE kind = ? AND name = ?"
            : "UPDATE change SET " + place.column + " = ? WHERE kind = ? AND name = ? AND revision = ?");
    if (!update) return tl::unexpected(std::move(update).error());
    update->bind(1, text).bind(2, plural(place.of.kind)).bind(3, place.of.name);
    if (!is_resource) update->bind(4, place.revision);
    if (auto done = update->run(); !done) return tl::unexpected(std::move(done).error());
  }
  auto const sealed = *own + static_cast<std::int64_t>(places->size());
  json::object body{{"master_key", admin.box().current_key()}, {"sealed", sealed}};
  return AdminAnswer{.body = body, .subject = "secrets", .detail = body};
}

// --- backups

Result<BackupDesk> backup_desk(Administration& admin) {
  if (admin.backups()) return *admin.backups();
  return refuse(Errc::not_found, "path",
                "no backups are made here: see 'backup' in docs/configuration.md, and `lowart backup`");
}

Result<AdminAnswer> list_backups(Administration& admin, AdminRequest const&) {
  auto const desk = backup_desk(admin);
  if (!desk) return tl::unexpected(desk.error());
  json::array list;
  auto names = backups_in(desk->directory);
  std::ranges::reverse(names);
  for (std::string const& name : names)
    list.push_back(
        json::object{{"name", name}, {"time", dialect::rfc3339_exact(backup::time_of(name).value_or(0))}});
  return AdminAnswer{.body =
                         json::object{{"object", "list"}, {"data", std::move(list)}, {"has_more", false}}};
}
Result<AdminAnswer> begin_backup(Administration& admin, AdminRequest const&) {
  auto const desk = backup_desk(admin);
  if (!desk) return tl::unexpected(desk.error());
  desk->begin();
  return AdminAnswer{.body = json::object{{"status", "begun"}}, .subject = "backups"};
}

constexpr std::array<Field, 2> backup_fields{{
    {.name = "name", .type = FieldType::text},
    {.name = "time", .type = FieldType::time},
}};
constexpr Shape backup_shape{"Backup", "A verified backup", {backup_fields}};

using enum Permission;
constexpr std::array<AdminOperation, 3> all{{
    {.id = "rotateSecrets",
     .method = "POST",
     .path = "/admin/secrets/rotate",
     .permission = rotate_secrets,
     .summary = "Seal all secrets under the first of today's master keys",
     .act = seal_anew},
    {.id = "listBackups",
     .method = "GET",
     .path = "/admin/backups",
     .permission = read_settings,
     .summary = "Backups, the newest first",
     .tells = &backup_shape,
     .list = true,
     .act = list_backups},
    {.id = "beginBackup",
     .method = "POST",
     .path = "/admin/backups",
     .permission = write_backups,
     .summary = "Make a backup soon, beside those that are due",
     .status = 202,
     .act = begin_backup},
}};

}  // namespace

std::span<AdminOperation const> upkeep_operations() { return all; }

}  // namespace lowart::server
