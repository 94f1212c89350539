/// What was changed, by whom, and back again.

#include "admin/administration.hpp"
#include "registry/config_overlay.hpp"
#include "registry/sealed_body.hpp"

#include <lowart/dialect/rfc3339.hpp>

#include <array>
#include <map>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::int64_t usual_page = 100;
constexpr std::int64_t largest_page = 1000;

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
constexpr std::array<Field, 1> rollback_fields{{{.name = "revision_wanted",
                                                 .type = FieldType::integer,
                                                 .about = "Settings become what they were after it",
                                                 .most = INT64_MAX,
                                                 .required = true}}};
constexpr Shape rollback_shape{"Rollback", "Where to", {rollback_fields}};

using enum Permission;
constexpr std::array<AdminOperation, 3> all{{
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
}};

}  // namespace

std::span<AdminOperation const> change_operations() { return all; }

}  // namespace lowart::server
