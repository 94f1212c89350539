/// Users, teams, keys and settings: listed, shown, made, changed, taken away; the same for all kinds.

#include "admin/account_rules.hpp"
#include "admin/administration.hpp"
#include "admin/shapes.hpp"
#include "registry/config_overlay.hpp"
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

/// What changed, member by member, with secrets masked.
json::object difference(json::object before, json::object after) {
  mask_body(before);
  mask_body(after);
  json::object changed;
  for (auto const& member : after) {
    auto const* const was = before.if_contains(member.key());
    if (was == nullptr || *was != member.value())
      changed[member.key()] = json::array{was == nullptr ? json::value() : *was, member.value()};
  }
  for (auto const& member : before)
    if (!after.contains(member.key())) changed[member.key()] = json::array{member.value(), nullptr};
  return changed;
}

/// An entry as it is at work: the file's, and over it the database's.
struct Effective {
  Resource resource;
  std::string_view source;  ///< Empty for what no file has.
};

json::object told(Effective const& one) {
  json::object shown = server::told(one.resource);
  if (!one.source.empty()) shown["source"] = one.source;
  if (one.source == "file") shown.erase("created_at"), shown.erase("updated_at");
  return shown;
}

Result<std::optional<Effective>> effective(Administration& admin, ResourceKind kind, std::string_view name) {
  auto found = admin.registry().find(kind, name);
  if (!found) return tl::unexpected(std::move(found).error());
  if (!is_setting(kind)) {
    if (!*found) return std::nullopt;
    return Effective{std::move(**found), {}};
  }
  auto in_file = entries_of(admin.file(), kind);
  auto const entry = in_file.find(std::string(name));
  bool const has_both = *found && entry != in_file.end();
  if (!*found && entry == in_file.end()) return std::nullopt;
  if (entry == in_file.end()) return Effective{std::move(**found), "database"};
  Effective made{Resource{.kind = kind, .name = std::string(name)}, "file"};
  made.resource.body = entry->second;
  if (!has_both) return made;
  json::object body = std::move(made.resource.body);
  merge_patch(body, (*found)->body);
  made.resource = std::move(**found);
  made.resource.body = std::move(body);
  made.source = "both";
  return made;
}

tl::unexpected<Error> not_there(ResourceKind kind, std::string_view name) {
  Error error(Errc::not_found, "there is no " + std::string(singular(kind)) + " '" + std::string(name) + "'",
              Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param("name"));
}
tl::unexpected<Error> is_there(ResourceKind kind, std::string_view name) {
  Error error(Errc::conflict,
              "there is a " + std::string(singular(kind)) + " '" + std::string(name) + "' already",
              Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param("name"));
}
Result<void> check_revision(AdminRequest const& request, std::int64_t present) {
  if (!request.revision || *request.revision == present) return {};
  Error error(Errc::conflict,
              "revision " + std::to_string(*request.revision) + " was changed by somebody else; now it is " +
                  std::to_string(present) + ": read it again, and change that",
              Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param("revision"));
}

/// Seals, writes and checks a body. Within the act's transaction.
Result<AdminAnswer> write(Administration& admin, AdminRequest const& request, ResourceKind kind,
                          std::string_view name, Resource const* before, json::object body) {
  Resource const place{.kind = kind, .name = std::string(name)};
  json::object const* const was = before == nullptr ? nullptr : &before->body;
  if (is_setting(kind))
    if (auto in_file = entries_of(admin.file(), kind); in_file.contains(place.name)) {
      mask_body(in_file[place.name]);
      leave_to_file(body, was, in_file[place.name]);
    }
  if (auto ok = seal_body(admin.box(), place, body, was); !ok) return tl::unexpected(ok.error());
  if (auto ok = check_account(admin, request.actor, kind, name, was, body); !ok)
    return tl::unexpected(ok.error());
  AdminAnswer answer;
  answer.subject = subject_of(kind, name);
  answer.detail = difference(was == nullptr ? json::object() : *was, body);
  auto const put = admin.registry().put(kind, name, std::move(body), request.actor.name, request.now);
  if (!put) return tl::unexpected(put.error());
  if (is_setting(kind))
    if (auto ok = admin.check_settings(); !ok) return tl::unexpected(ok.error());
  auto const now = effective(admin, kind, name);
  if (!now) return tl::unexpected(now.error());
  answer.body = told(**now);
  return answer;
}

template <ResourceKind Kind>
Result<AdminAnswer> list(Administration& admin, AdminRequest const& request) {
  auto const limit = static_cast<std::size_t>(request.number("limit", usual_page));
  json::array entries;
  std::string last;
  bool has_more = false;
  if constexpr (is_setting(Kind)) {
    std::map<std::string, bool> names;
    for (auto const& [name, body] : entries_of(admin.file(), Kind)) names[name] = true;
    auto const done = admin.registry().for_each(Kind, [&](Resource&& one) { names[one.name] = true; });
    if (!done) return tl::unexpected(done.error());
    for (auto const& [name, known] : names) {
      if (name <= request.asked("after") || !name.starts_with(request.asked("prefix"))) continue;
      auto const one = effective(admin, Kind, name);
      if (!one) return tl::unexpected(one.error());
      json::object shown = told(**one);
      auto const provider = request.asked("provider");
      if (!provider.empty() && !leads_to(shown, provider)) continue;
      has_more = entries.size() == limit;
      if (has_more) break;
      last = name;
      entries.push_back(std::move(shown));
    }
  } else {
    ResourceFilter const filter{.owner = std::string(request.asked("user")),
                                .team = std::string(request.asked("team")),
                                .status = std::string(request.asked("status")),
                                .prefix = std::string(request.asked("prefix"))};
    auto const page = admin.registry().list(Kind, filter, request.asked("after"), limit);
    if (!page) return tl::unexpected(page.error());
    for (Resource const& one : page->entries) entries.push_back(server::told(one));
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
  if (*found) return is_there(Kind, name);
  fill_in(Kind, body, request.now);
  if constexpr (Kind != ResourceKind::key) return write(admin, request, Kind, name, nullptr, std::move(body));
  else
    return make_key(admin, request, name, std::move(body), [&](json::object made) {
      return write(admin, request, Kind, name, nullptr, std::move(made));
    });
}

/// What the database has of an entry that is changed: for one of the file, nothing yet.
Result<std::optional<Resource>> to_change(Administration& admin, AdminRequest const& request,
                                          ResourceKind kind) {
  auto const found = effective(admin, kind, request.name);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return not_there(kind, request.name);
  auto stored = admin.registry().find(kind, request.name);
  if (!stored) return tl::unexpected(std::move(stored).error());
  if (auto ok = check_revision(request, *stored ? (*stored)->revision : 0); !ok)
    return tl::unexpected(ok.error());
  return std::move(*stored);
}

Result<AdminAnswer> patch_with(Administration& admin, AdminRequest const& request, ResourceKind kind,
                               json::object const& changes) {
  auto const before = to_change(admin, request, kind);
  if (!before) return tl::unexpected(before.error());
  json::object body = *before ? (*before)->body : json::object();
  merge_patch(body, changes);
  return write(admin, request, kind, request.name, *before ? &**before : nullptr, std::move(body));
}

template <ResourceKind Kind>
Result<AdminAnswer> change(Administration& admin, AdminRequest const& request) {
  json::object changes = request.body;
  if (changes.contains("name") && text_in(changes, "name") != request.name)
    return tl::unexpected<Error>(
        Error(Errc::invalid_request, "a name stays: records and reports know it", Origin::client)
            .with_param("name"));
  changes.erase("name");
  return patch_with(admin, request, Kind, changes);
}

template <ResourceKind Kind>
Result<AdminAnswer> replace(Administration& admin, AdminRequest const& request) {
  if (!request.revision)
    return tl::unexpected<Error>(Error(Errc::invalid_request,
                                       "replacing all of it needs the 'revision' that was read, so that "
                                       "nobody's change is lost; PATCH changes "
                                       "single members",
                                       Origin::client)
                                     .with_param("revision"));
  auto const before = to_change(admin, request, Kind);
  if (!before) return tl::unexpected(before.error());
  json::object body = request.body;
  body.erase("name");
  keep_own(Kind, *before ? &(*before)->body : nullptr, body);
  return write(admin, request, Kind, request.name, *before ? &**before : nullptr, std::move(body));
}

template <ResourceKind Kind>
Result<AdminAnswer> remove(Administration& admin, AdminRequest const& request) {
  auto const before = to_change(admin, request, Kind);
  if (!before) return tl::unexpected(before.error());
  if (!*before)
    return tl::unexpected<Error>(
        Error(Errc::conflict,
              "'" + request.name +
                  "' stands in the configuration file: take it out there, or switch it off "
                  "with 'enabled': false",
              Origin::client)
            .with_param("name"));
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

template <ResourceKind Kind>
Result<AdminAnswer> toggle(Administration& admin, AdminRequest const& request) {
  return patch_with(admin, request, Kind, request.body);
}

/// The order in which a model asks its targets: `target` is "provider/model".
Result<AdminAnswer> set_priority(Administration& admin, AdminRequest const& request) {
  auto const now = effective(admin, ResourceKind::model, request.name);
  if (!now) return tl::unexpected(now.error());
  if (!*now) return not_there(ResourceKind::model, request.name);
  json::value targets =
      (*now)->resource.body.contains("targets") ? (*now)->resource.body.at("targets") : json::value();
  if ((*now)->source != "database" && has_variable(targets))
    return tl::unexpected<Error>(
        Error(Errc::conflict,
              "the targets of '" + request.name +
                  "' stand in the configuration file, with variables in them: change their order there",
              Origin::client)
            .with_param("target"));
  std::string_view const wanted = text_in(request.body, "target");
  bool found = false;
  if (auto* const list = targets.if_array())
    for (auto& item : *list) {
      auto* const target = item.if_object();
      if (target == nullptr) continue;
      std::string name(text_in(*target, "provider"));
      if (auto const model = text_in(*target, "model"); !model.empty()) name.append("/").append(model);
      if (name != wanted) continue;
      (*target)["priority"] = request.body.at("priority");
      found = true;
    }
  if (!found)
    return tl::unexpected<Error>(
        Error(Errc::not_found, "the model '" + request.name + "' has no target '" + std::string(wanted) + "'",
              Origin::client)
            .with_param("target"));
  return patch_with(admin, request, ResourceKind::model, {{"targets", std::move(targets)}});
}

Result<AdminAnswer> set_price(Administration& admin, AdminRequest const& request) {
  // First away with what there is: a price that only some members replace would be nobody's.
  auto before = to_change(admin, request, ResourceKind::model);
  if (!before) return tl::unexpected(std::move(before).error());
  json::object body = *before ? (*before)->body : json::object();
  body["price"] = request.body.at("price");
  return write(admin, request, ResourceKind::model, request.name, *before ? &**before : nullptr,
               std::move(body));
}

constexpr std::array<Field, 1> toggle_fields{
    {{.name = "enabled", .type = FieldType::flag, .required = true}}};
constexpr Shape toggle_shape{"Toggle", "On or off", {toggle_fields}};
constexpr std::array<Field, 2> priority_fields{{
    {.name = "target", .type = FieldType::text, .about = "provider/model", .least = 1, .required = true},
    {.name = "priority",
     .type = FieldType::integer,
     .about = "Lower ones are asked first",
     .least = -1'000'000,
     .most = 1'000'000,
     .required = true},
}};
constexpr Shape priority_shape{"TargetPriority", "When a target is asked", {priority_fields}};
constexpr std::array<Field, 1> price_fields{{{.name = "price",
                                              .type = FieldType::any,
                                              .about = "A price card, as `price` of lowart.yaml",
                                              .required = true}}};
constexpr Shape price_shape{"ModelPrice", "What calls cost", {price_fields}};

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
    made.push_back({.id = "toggleProvider",
                    .method = "PUT",
                    .path = "/admin/providers/{name}/toggle",
                    .permission = write_settings,
                    .summary = "Switch a provider on or off",
                    .takes = &toggle_shape,
                    .tells = &shapes::provider,
                    .act = toggle<ResourceKind::provider>});
    made.push_back({.id = "toggleModel",
                    .method = "PUT",
                    .path = "/admin/models/{name}/toggle",
                    .permission = write_settings,
                    .summary = "Switch a model on or off",
                    .takes = &toggle_shape,
                    .tells = &shapes::model,
                    .act = toggle<ResourceKind::model>});
    made.push_back({.id = "setModelPriority",
                    .method = "PUT",
                    .path = "/admin/models/{name}/priority",
                    .permission = write_settings,
                    .summary = "When one of its targets is asked",
                    .takes = &priority_shape,
                    .tells = &shapes::model,
                    .act = set_priority});
    made.push_back({.id = "setModelPrice",
                    .method = "PUT",
                    .path = "/admin/models/{name}/price",
                    .permission = write_prices,
                    .summary = "What its calls cost",
                    .takes = &price_shape,
                    .tells = &shapes::model,
                    .act = set_price});
    return made;
  }();
  return all;
}

}  // namespace lowart::server
