#include "admin/effective.hpp"

#include "registry/config_overlay.hpp"

#include <utility>

namespace lowart::server {

namespace {

/// What is at work of a setting that the file has, or the database (which may be null), or both.
Effective laid_over(ResourceKind kind, std::string const& name, json::object const* in_file,
                    Resource* stored) {
  if (in_file == nullptr) return Effective{std::move(*stored), "database"};
  if (stored == nullptr) {
    Effective made{Resource{.kind = kind, .name = name}, "file"};
    made.resource.body = *in_file;
    return made;
  }
  json::object body = *in_file;
  merge_patch(body, stored->body);
  Effective made{std::move(*stored), "both"};
  made.resource.body = std::move(body);
  return made;
}

}  // namespace

json::object told(Effective const& one) {
  json::object shown = told(one.resource);
  if (!one.source.empty()) shown["source"] = one.source;
  if (one.source == "file") shown.erase("created_at"), shown.erase("updated_at");
  return shown;
}

Result<std::optional<Effective>> effective(Administration& admin, ResourceKind kind, std::string_view name) {
  auto found = admin.registry().find(kind, name);
  if (!found) return tl::unexpected(std::move(found).error());
  if (!is_setting(kind)) return *found ? std::optional(Effective{std::move(**found), {}}) : std::nullopt;
  auto const in_file = entries_of(admin.file(), kind);
  auto const entry = in_file.find(std::string(name));
  bool const has_entry = entry != in_file.end();
  if (!*found && !has_entry) return std::nullopt;
  return laid_over(kind, std::string(name), has_entry ? &entry->second : nullptr,
                   *found ? &**found : nullptr);
}

Result<std::vector<Effective>> all_effective(Administration& admin, ResourceKind kind) {
  std::map<std::string, Resource> stored;
  auto const done =
      admin.registry().for_each(kind, [&](Resource&& one) { stored.emplace(one.name, std::move(one)); });
  if (!done) return tl::unexpected(done.error());
  auto const in_file = entries_of(admin.file(), kind);
  std::map<std::string, Effective> all;
  for (auto& [name, resource] : stored) {
    auto const entry = in_file.find(name);
    all.emplace(name, laid_over(kind, name, entry == in_file.end() ? nullptr : &entry->second, &resource));
  }
  for (auto const& [name, body] : in_file)
    if (!all.contains(name)) all.emplace(name, laid_over(kind, name, &body, nullptr));
  std::vector<Effective> list;
  for (auto& [name, one] : all) list.push_back(std::move(one));
  return list;
}

}  // namespace lowart::server
