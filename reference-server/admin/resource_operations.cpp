/// Users, teams, keys and settings: listed, shown, made, changed, taken away; the same for all kinds.

#include "admin/account_rules.hpp"
#include "admin/administration.hpp"
#include "admin/effective.hpp"
#include "admin/key_making.hpp"
#include "admin/resource_writing.hpp"
#include "admin/shapes.hpp"
#include "registry/sealed_body.hpp"

#include <array>

namespace lowart::server {

namespace {

constexpr std::int64_t usual_page = 100;
constexpr std::int64_t largest_page = 1000;

constexpr std::array<Field, 7> list_query{{
    {.name = "limit",
     .type = FieldType::integer,
     .about = "Of a page; 100 without",
     .least = 1,
     .most = largest_page},
    {.name = "after", .type = FieldType::text, .about = "The `next` of the page before", .most = 200},
    {.name = "prefix", .type = FieldType::text, .about = "What the name begins with", .most = 128},
    {.name = "status", .type = FieldType::text, .most = 50},
    {.name = "team", .type = FieldType::text, .most = 128},
    {.name = "user", .type = FieldType::text, .about = "Of keys: whose", .most = 128},
    {.name = "provider",
     .type = FieldType::text,
     .about = "Of models: those that it answers for",
     .most = 128},
}};

template <ResourceKind Kind>
Result<AdminAnswer> list(Administration& admin, AdminRequest const& request) {
  auto const limit = static_cast<std::size_t>(request.number("limit", usual_page));
  json::array entries;
  std::string last;
  bool has_more = false;
  if constexpr (is_setting(Kind)) {
    auto const all = all_effective(admin, Kind);
    if (!all) return tl::unexpected(all.error());
    auto const provider = request.asked("provider");
    for (Effective const& one : *all) {
      std::string const& name = one.resource.name;
      if (name <= request.asked("after") || !name.starts_with(request.asked("prefix"))) continue;
      if (!provider.empty() && !leads_to(one.resource.body, provider)) continue;
      has_more = entries.size() == limit;
      if (has_more) break;
      last = name;
      entries.push_back(told(one));
    }
  } else {
    ResourceFilter const filter{.owner = std::string(request.asked("user")),
                                .team = std::string(request.asked("team")),
                                .status = std::string(request.asked("status")),
                                .prefix = std::string(request.asked("prefix"))};
    auto const page = admin.registry().list(Kind, filter, request.asked("after"), limit);
    if (!page) return tl::unexpected(page.error());
    for (Resource const& one : page->entries) entries.push_back(told(one));
    if (!page->entries.empty()) last = page->entries.back().name;
    has_more = page->has_more;
  }
  json::object body{{"object", "list"}, {"data", std::move(entries)}, {"has_more", has_more}};
  if (has_more) body["next"] = last;
  return AdminAnswer{.body = std::move(body)};
}

template <ResourceKind Kind>
Result<AdminAnswer> show(Administration& admin, AdminRequest const& request) {
  auto const found = effective(admin, Kind, request.name);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return not_there(Kind, request.name);
  return AdminAnswer{.body = told(**found)};
}

template <ResourceKind Kind>
Result<AdminAnswer> create(Administration& admin, AdminRequest const& request) {
  json::object body = request.body;
  std::string const name(text_in(body, "name"));
  body.erase("name");
  auto const found = effective(admin, Kind, name);
  if (!found) return tl::unexpected(found.error());
  if (*found)
    return refuse(Errc::conflict, "name",
                  "there is a " + std::string(singular(Kind)) + " '" + name + "' already");
  fill_in(Kind, body, request.now);
  if constexpr (Kind == ResourceKind::key) return make_key(admin, request, name, nullptr, std::move(body));
  else return write_resource(admin, request, Kind, name, nullptr, std::move(body));
}

template <ResourceKind Kind>
Result<AdminAnswer> change(Administration& admin, AdminRequest const& request) {
  json::object changes = request.body;
  if (changes.contains("name") && text_in(changes, "name") != request.name)
    return refuse(Errc::invalid_request, "name", "a name stays: records and reports know it");
  changes.erase("name");
  return patch_resource(admin, request, Kind, changes);
}

template <ResourceKind Kind>
Result<AdminAnswer> replace(Administration& admin, AdminRequest const& request) {
  if (!request.revision)
    return refuse(Errc::invalid_request, "revision",
                  "replacing all of it needs the 'revision' that was read, so that nobody's change is lost; "
                  "PATCH changes "
                  "single members");
  auto const before = to_change(admin, request, Kind);
  if (!before) return tl::unexpected(before.error());
  json::object body = request.body;
  body.erase("name");
  keep_own(Kind, *before ? &(*before)->body : nullptr, body);
  return write_resource(admin, request, Kind, request.name, *before ? &**before : nullptr, std::move(body));
}

template <ResourceKind Kind>
Result<AdminAnswer> remove(Administration& admin, AdminRequest const& request) {
  auto const before = to_change(admin, request, Kind);
  if (!before) return tl::unexpected(before.error());
  if (!*before)
    return refuse(
        Errc::conflict, "name",
        "'" + request.name +
            "' stands in the configuration file: take it out there, or switch it off with 'enabled': false");
  if (auto ok = before_removal(admin, request, Kind, **before); !ok) return tl::unexpected(ok.error());
  auto done = admin.registry().remove(Kind, request.name, request.actor.name, request.now);
  if (!done) return tl::unexpected(std::move(done).error());
  if (is_setting(Kind))
    if (auto ok = admin.check_settings(); !ok) return tl::unexpected(ok.error());
  json::object was = (*before)->body;
  mask_body(was);
  return AdminAnswer{
      .body = {}, .subject = subject_of(Kind, request.name), .detail = {{"was", std::move(was)}}};
}

struct KindText {
  std::string_view list, show, create, change, replace, remove;  ///< Ids of operations.
  std::string_view all, one;                                     ///< Paths.
};
template <ResourceKind Kind>
constexpr std::array<AdminOperation, 6> of_kind(KindText const& text, Permission reads, Permission writes) {
  Shape const& shape = shapes::of(Kind);
  return {{
      {.id = text.list,
       .method = "GET",
       .path = text.all,
       .permission = reads,
       .summary = "List them",
       .tells = &shape,
       .list = true,
       .query = list_query,
       .act = list<Kind>},
      {.id = text.create,
       .method = "POST",
       .path = text.all,
       .permission = writes,
       .summary = "Make one",
       .takes = &shape,
       .use = BodyUse::whole,
       .tells = &shape,
       .status = 201,
       .act = create<Kind>},
      {.id = text.show,
       .method = "GET",
       .path = text.one,
       .permission = reads,
       .summary = "Show one",
       .tells = &shape,
       .act = show<Kind>},
      {.id = text.change,
       .method = "PATCH",
       .path = text.one,
       .permission = writes,
       .summary = "Change some of its members (RFC 7396)",
       .takes = &shape,
       .use = BodyUse::patch,
       .tells = &shape,
       .act = change<Kind>},
      {.id = text.replace,
       .method = "PUT",
       .path = text.one,
       .permission = writes,
       .summary = "Replace all of it",
       .takes = &shape,
       .use = BodyUse::patch,
       .tells = &shape,
       .act = replace<Kind>},
      {.id = text.remove,
       .method = "DELETE",
       .path = text.one,
       .permission = writes,
       .summary = "Take it away",
       .status = 204,
       .act = remove<Kind>},
  }};
}

}  // namespace

std::span<AdminOperation const> resource_operations() {
  using enum Permission;
  static std::vector<AdminOperation> const all = [] {
    std::vector<AdminOperation> made;
    auto const add = [&](auto const& operations) {
      made.insert(made.end(), operations.begin(), operations.end());
    };
    add(of_kind<ResourceKind::user>({"listUsers", "getUser", "createUser", "updateUser", "replaceUser",
                                     "deleteUser", "/admin/users", "/admin/users/{name}"},
                                    read_accounts, write_accounts));
    add(of_kind<ResourceKind::team>({"listTeams", "getTeam", "createTeam", "updateTeam", "replaceTeam",
                                     "deleteTeam", "/admin/teams", "/admin/teams/{name}"},
                                    read_accounts, write_accounts));
    add(of_kind<ResourceKind::key>({"listKeys", "getKey", "createKey", "updateKey", "replaceKey", "deleteKey",
                                    "/admin/keys", "/admin/keys/{name}"},
                                   read_accounts, write_accounts));
    add(of_kind<ResourceKind::provider>(
        {"listProviders", "getProvider", "createProvider", "updateProvider", "replaceProvider",
         "deleteProvider", "/admin/providers", "/admin/providers/{name}"},
        read_settings, write_settings));
    add(of_kind<ResourceKind::model>({"listModels", "getModel", "createModel", "updateModel", "replaceModel",
                                      "deleteModel", "/admin/models", "/admin/models/{name}"},
                                     read_settings, write_settings));
    add(of_kind<ResourceKind::group>({"listGroups", "getGroup", "createGroup", "updateGroup", "replaceGroup",
                                      "deleteGroup", "/admin/groups", "/admin/groups/{name}"},
                                     read_settings, write_settings));
    add(of_kind<ResourceKind::tier>({"listTiers", "getTier", "createTier", "updateTier", "replaceTier",
                                     "deleteTier", "/admin/tiers", "/admin/tiers/{name}"},
                                    read_settings, write_prices));
    add(of_kind<ResourceKind::model_type>(
        {"listModelTypes", "getModelType", "createModelType", "updateModelType", "replaceModelType",
         "deleteModelType", "/admin/model_types", "/admin/model_types/{name}"},
        read_settings, write_settings));
    return made;
  }();
  return all;
}

}  // namespace lowart::server
