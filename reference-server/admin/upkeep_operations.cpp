/// History and rollback of settings, the audit log, secrets under another master key.

#include "admin/administration.hpp"
#include "admin/shapes.hpp"
#include "registry/config_overlay.hpp"
#include "registry/sealed_body.hpp"

#include <lowart/dialect/csv.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/net/random_token.hpp>
#include <lowart/store/backup.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace lowart::server {

namespace {

constexpr std::int64_t usual_page = 100;
constexpr std::int64_t largest_page = 1000;

tl::unexpected<Error> refuse(Errc code, std::string_view param, std::string message) {
  return tl::unexpected<Error>(
      Error(code, std::move(message), Origin::client).with_param(std::string(param)));
}

// --- what changed

json::value shown(std::optional<json::object> body) {
  if (!body) return {};
  mask_body(*body);
  return std::move(*body);
}
json::object told(Change change) {
  return {{"revision", change.revision},
          {"time", dialect::rfc3339_exact(change.at)},
          {"actor", change.actor},
          {"kind", plural(change.kind)},
          {"name", change.name},
          {"before", shown(std::move(change.before))},
          {"after", shown(std::move(change.after))}};
}

Result<AdminAnswer> list_changes(Administration& admin, AdminRequest const& request) {
  std::optional<ResourceKind> kind;
  if (auto const asked = request.asked("kind"); !asked.empty()) kind = kind_named(asked);
  auto const limit = static_cast<std::size_t>(request.number("limit", usual_page));
  auto changes =
      admin.registry().history(kind, request.asked("name"), request.number("before", INT64_MAX), limit + 1);
  if (!changes) return tl::unexpected(std::move(changes).error());
  bool const has_more = changes->size() > limit;
  if (has_more) changes->pop_back();
  json::object body{{"object", "list"}, {"has_more", has_more}};
  if (has_more) body["next"] = std::to_string(changes->back().revision);
  json::array list;
  for (Change& change : *changes) list.push_back(told(std::move(change)));
  body["data"] = std::move(list);
  return AdminAnswer{.body = std::move(body)};
}

/// All settings as they are at work.
Result<AdminAnswer> show_settings(Administration& admin, AdminRequest const&) {
  json::object all;
  std::string const file = admin.file();
  for (std::size_t i = 0; i < resource_kind_count; ++i) {
    auto const kind = static_cast<ResourceKind>(i);
    if (!is_setting(kind)) continue;
    auto entries = entries_of(file, kind);
    auto const done =
        admin.registry().for_each(kind, [&](Resource&& one) { merge_patch(entries[one.name], one.body); });
    if (!done) return tl::unexpected(done.error());
    json::object of_kind;
    for (auto& [name, body] : entries) {
      mask_body(body);
      of_kind[name] = std::move(body);
    }
    all[plural(kind)] = std::move(of_kind);
  }
  auto const latest = admin.registry().latest_revision();
  if (!latest) return tl::unexpected(latest.error());
  return AdminAnswer{.body = json::object{{"revision", *latest}, {"settings", std::move(all)}}};
}

/// Puts all settings back to what they were after a revision, as new changes.
Result<AdminAnswer> roll_back(Administration& admin, AdminRequest const& request) {
  constexpr std::size_t most = 10'000;
  std::int64_t const target = request.body.at("revision_wanted").get_int64();
  auto const latest = admin.registry().latest_revision();
  if (!latest) return tl::unexpected(latest.error());
  if (target > *latest)
    return refuse(Errc::invalid_request, "revision_wanted",
                  "there are revisions up to " + std::to_string(*latest));
  auto changes = admin.registry().history({}, {}, INT64_MAX, most);
  if (!changes) return tl::unexpected(std::move(changes).error());
  if (changes->size() == most && changes->back().revision > target)
    return refuse(Errc::invalid_request, "revision_wanted", "that is more than 10,000 changes ago");
  // The oldest change behind the target tells what each was then.
  std::map<std::pair<ResourceKind, std::string>, std::optional<json::object>> then;
  for (Change& change : *changes)
    if (change.revision > target) then[{change.kind, change.name}] = std::move(change.before);
  json::array names;
  for (auto& [which, body] : then) {
    auto const& [kind, name] = which;
    Result<void> done;
    if (!body) {
      done = admin.registry().remove(kind, name, request.actor.name, request.now);
    } else {
      auto const put = admin.registry().put(kind, name, std::move(*body), request.actor.name, request.now);
      if (!put) done = tl::unexpected(put.error());
    }
    if (!done) return tl::unexpected(std::move(done).error());
    names.push_back(json::value(std::string(plural(kind)) + "/" + name));
  }
  if (auto ok = admin.check_settings(); !ok) return tl::unexpected(ok.error());
  auto const now = admin.registry().latest_revision();
  if (!now) return tl::unexpected(now.error());
  AdminAnswer answer;
  answer.subject = "settings";
  answer.detail = {{"to_revision", target}, {"changed", names}};
  answer.body = json::object{{"revision", *now}, {"changed", std::move(names)}};
  return answer;
}

// --- the audit log

std::string digits_of(net::Sha256 const& hash) {
  std::string digits;
  net::append_hex(digits, hash);
  return digits;
}
json::object told(AuditEntry const& entry) {
  boost::system::error_code not_json;
  json::value detail = json::parse(entry.detail, not_json);
  return {{"seq", entry.seq},
          {"time", dialect::rfc3339_exact(entry.at)},
          {"actor", entry.actor},
          {"address", entry.address},
          {"act", entry.act},
          {"subject", entry.subject},
          {"outcome", entry.outcome},
          {"detail", std::move(detail)},
          {"hash", digits_of(entry.hash)}};
}

AuditFilter filter_of(AdminRequest const& request) {
  AuditFilter filter{.actor = std::string(request.asked("actor")),
                     .act = std::string(request.asked("act")),
                     .subject = std::string(request.asked("subject")),
                     .outcome = std::string(request.asked("outcome"))};
  if (auto const from = dialect::parse_rfc3339(request.asked("from"))) filter.from = *from;
  if (auto const until = dialect::parse_rfc3339(request.asked("until"))) filter.until = *until;
  filter.before = request.number("before", INT64_MAX);
  return filter;
}

Result<AdminAnswer> list_audit(Administration& admin, AdminRequest const& request) {
  auto const limit = static_cast<std::size_t>(request.number("limit", usual_page));
  auto entries = admin.audit().list(filter_of(request), limit + 1);
  if (!entries) return tl::unexpected(std::move(entries).error());
  bool const has_more = entries->size() > limit;
  if (has_more) entries->pop_back();
  json::object body{{"object", "list"}, {"has_more", has_more}};
  if (has_more) body["next"] = std::to_string(entries->back().seq);
  json::array list;
  for (AuditEntry const& entry : *entries) list.push_back(told(entry));
  body["data"] = std::move(list);
  return AdminAnswer{.body = std::move(body)};
}

/// JSON lines, newest first: with their hashes, so that the chain can be checked elsewhere.
Result<AdminAnswer> export_audit(Administration& admin, AdminRequest const& request) {
  constexpr std::size_t most = 100'000;
  auto const entries = admin.audit().list(filter_of(request), most);
  if (!entries) return tl::unexpected(entries.error());
  AdminAnswer answer;
  for (AuditEntry const& entry : *entries) answer.text.append(json::serialize(told(entry))).push_back('\n');
  if (answer.text.empty()) answer.text = "\n";
  return answer;
}

Result<AdminAnswer> verify_audit(Administration& admin, AdminRequest const& request) {
  auto const verdict = admin.audit().verify(request.asked("expect"));
  if (!verdict) return tl::unexpected(verdict.error());
  json::object body{
      {"intact", verdict->broken_at == 0}, {"entries", verdict->entries}, {"head", digits_of(verdict->head)}};
  if (verdict->broken_at != 0) body["broken_at"] = verdict->broken_at, body["reason"] = verdict->reason;
  return AdminAnswer{.body = std::move(body)};
}

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

// --- tables

constexpr std::array<std::string_view, resource_kind_count> kinds{"users",  "teams",  "keys",  "providers",
                                                                  "groups", "models", "tiers", "model_types"};
constexpr std::array<Field, 4> change_query{{
    {.name = "kind", .type = FieldType::choice, .about = "Without: all settings", .choices = kinds},
    {.name = "name", .type = FieldType::text, .most = 128},
    {.name = "before",
     .type = FieldType::integer,
     .about = "Older than this revision",
     .least = 1,
     .most = INT64_MAX},
    {.name = "limit", .type = FieldType::integer, .least = 1, .most = largest_page},
}};
constexpr std::array<Field, 7> change_fields{{
    {.name = "revision", .type = FieldType::integer, .most = INT64_MAX},
    {.name = "time", .type = FieldType::time},
    {.name = "actor", .type = FieldType::text},
    {.name = "kind", .type = FieldType::choice, .choices = kinds},
    {.name = "name", .type = FieldType::text},
    {.name = "before", .type = FieldType::any, .about = "null: it was not there"},
    {.name = "after", .type = FieldType::any, .about = "null: it is not there"},
}};
constexpr Shape change_shape{"Change", "One change of a resource", {change_fields}};
constexpr std::array<std::string_view, 3> outcomes{"done", "denied", "failed"};
constexpr std::array<Field, 8> audit_query{{
    {.name = "actor", .type = FieldType::text},
    {.name = "act", .type = FieldType::text, .about = "The id of an operation, such as createUser"},
    {.name = "subject", .type = FieldType::text, .about = "Such as users/ada"},
    {.name = "outcome", .type = FieldType::choice, .choices = outcomes},
    {.name = "from", .type = FieldType::time},
    {.name = "until", .type = FieldType::time},
    {.name = "before",
     .type = FieldType::integer,
     .about = "Older than this number",
     .least = 1,
     .most = INT64_MAX},
    {.name = "limit", .type = FieldType::integer, .least = 1, .most = largest_page},
}};
constexpr std::array<Field, 9> audit_fields{{
    {.name = "seq", .type = FieldType::integer, .most = INT64_MAX},
    {.name = "time", .type = FieldType::time},
    {.name = "actor", .type = FieldType::text},
    {.name = "address", .type = FieldType::text},
    {.name = "act", .type = FieldType::text},
    {.name = "subject", .type = FieldType::text},
    {.name = "outcome", .type = FieldType::choice, .choices = outcomes},
    {.name = "detail", .type = FieldType::any},
    {.name = "hash", .type = FieldType::text, .about = "SHA-256 over the entry and the hash before it"},
}};
constexpr Shape audit_shape{"AuditEntry", "Who did what", {audit_fields}};
constexpr std::array<Field, 1> verify_query{
    {{.name = "expect",
      .type = FieldType::text,
      .about = "A hash noted earlier: whether its entry is still there",
      .least = 64,
      .most = 64}}};
constexpr std::array<Field, 5> verdict_fields{{
    {.name = "intact", .type = FieldType::flag},
    {.name = "entries", .type = FieldType::integer, .most = INT64_MAX},
    {.name = "head", .type = FieldType::text},
    {.name = "broken_at", .type = FieldType::integer, .most = INT64_MAX},
    {.name = "reason", .type = FieldType::text},
}};
constexpr Shape verdict_shape{"AuditVerdict", "Whether the audit log is what was written", {verdict_fields}};
constexpr std::array<Field, 1> rollback_fields{{{.name = "revision_wanted",
                                                 .type = FieldType::integer,
                                                 .about = "Settings become what they were after it",
                                                 .most = INT64_MAX,
                                                 .required = true}}};
constexpr Shape rollback_shape{"Rollback", "Where to", {rollback_fields}};

constexpr std::array<Field, 2> backup_fields{{
    {.name = "name", .type = FieldType::text},
    {.name = "time", .type = FieldType::time},
}};
constexpr Shape backup_shape{"Backup", "A verified backup", {backup_fields}};

using enum Permission;
constexpr std::array<AdminOperation, 9> all{{
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
    {.id = "listChanges",
     .method = "GET",
     .path = "/admin/config/history",
     .permission = read_settings,
     .summary = "What was changed, with before and after",
     .tells = &change_shape,
     .list = true,
     .query = change_query,
     .act = list_changes},
    {.id = "getConfig",
     .method = "GET",
     .path = "/admin/config",
     .permission = read_settings,
     .summary = "All settings as they are at work: the file, and over it the database",
     .act = show_settings},
    {.id = "rollBack",
     .method = "POST",
     .path = "/admin/config/rollback",
     .permission = write_settings,
     .summary = "Put all settings back to what they were",
     .takes = &rollback_shape,
     .act = roll_back},
    {.id = "listAudit",
     .method = "GET",
     .path = "/admin/audit",
     .permission = read_audit,
     .summary = "Who did what",
     .tells = &audit_shape,
     .list = true,
     .query = audit_query,
     .act = list_audit},
    {.id = "exportAudit",
     .method = "GET",
     .path = "/admin/audit/export",
     .permission = read_audit,
     .summary = "The audit log as JSON lines",
     .query = audit_query,
     .content_type = "application/jsonl",
     .act = export_audit},
    {.id = "verifyAudit",
     .method = "GET",
     .path = "/admin/audit/verify",
     .permission = read_audit,
     .summary = "Whether the audit log is what was written",
     .tells = &verdict_shape,
     .query = verify_query,
     .act = verify_audit},
    {.id = "rotateSecrets",
     .method = "POST",
     .path = "/admin/secrets/rotate",
     .permission = rotate_secrets,
     .summary = "Seal all secrets under the first of today's master keys",
     .act = seal_anew},
}};

}  // namespace

std::span<AdminOperation const> upkeep_operations() { return all; }

}  // namespace lowart::server
