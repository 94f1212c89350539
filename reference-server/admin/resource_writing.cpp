#include "admin/resource_writing.hpp"

#include "admin/account_rules.hpp"
#include "admin/effective.hpp"
#include "registry/config_overlay.hpp"
#include "registry/sealed_body.hpp"

#include <string>
#include <utility>

namespace lowart::server {

namespace {

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

Result<void> check_revision(AdminRequest const& request, std::int64_t present) {
  if (!request.revision || *request.revision == present) return {};
  return refuse(Errc::conflict, "revision",
                "revision " + std::to_string(*request.revision) +
                    " was changed by somebody else; now it is " + std::to_string(present) +
                    ": read it again, and change that");
}

}  // namespace

tl::unexpected<Error> not_there(ResourceKind kind, std::string_view name) {
  return refuse(Errc::not_found, "name",
                "there is no " + std::string(singular(kind)) + " '" + std::string(name) + "'");
}

Result<AdminAnswer> write_resource(Administration& admin, AdminRequest const& request, ResourceKind kind,
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

Result<AdminAnswer> patch_resource(Administration& admin, AdminRequest const& request, ResourceKind kind,
                                   json::object const& changes) {
  auto const before = to_change(admin, request, kind);
  if (!before) return tl::unexpected(before.error());
  json::object body = *before ? (*before)->body : json::object();
  merge_patch(body, changes);
  return write_resource(admin, request, kind, request.name, *before ? &**before : nullptr, std::move(body));
}

}  // namespace lowart::server
