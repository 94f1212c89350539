#include "admin/administration.hpp"

#include "admin/request_reading.hpp"
#include "config.hpp"
#include "registry/sealed_body.hpp"

#include <lowart/dialect/json_utf8.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/net/random_token.hpp>

#include <algorithm>

namespace lowart::server {

namespace {

Error not_allowed(Actor const& actor, Permission permission) {
  std::string message =
      "this takes the permission '" + std::string(to_string(permission)) + "', which the role '";
  message.append(to_string(actor.role)).append("' does not have");
  return Error(Errc::permission_denied, std::move(message), Origin::client);
}

/// Of what a stranger sent: what is not UTF-8 would spoil every page that shows it.
std::string_view text_of(std::string_view sent) noexcept {
  return sent.substr(0, dialect::valid_utf8_prefix(sent));
}

/// Messages tell what was sent, which may be a MiB.
Error bounded(Error error) {
  constexpr std::size_t most_message = 1000, most_param = 200;
  if (error.message().size() > most_message)
    error =
        std::move(error).with_message(std::string(text_of(error.message().substr(0, most_message))) + " ...");
  if (error.param().size() > most_param)
    error = std::move(error).with_param(std::string(text_of(error.param().substr(0, most_param))));
  return error;
}

AuditEntry entry_of(Actor const& actor, std::string_view act, std::string_view subject,
                    std::string_view outcome, json::object detail, std::int64_t now) {
  constexpr std::size_t most_detail = 4096;
  AuditEntry entry;
  entry.at = now;
  entry.actor = actor.name;
  entry.address = actor.address;
  entry.act = act;
  entry.subject = text_of(subject.substr(0, 300));
  entry.outcome = outcome;
  entry.detail = json::serialize(detail);
  if (entry.detail.size() > most_detail) entry.detail = R"({"cut":true})";
  return entry;
}

}  // namespace

json::object told(Resource const& resource) {
  json::object shown{{"name", resource.name},
                     {"revision", resource.revision},
                     {"created_at", dialect::rfc3339_exact(resource.created_at)},
                     {"updated_at", dialect::rfc3339_exact(resource.updated_at)}};
  json::object body = resource.body;
  mask_body(body);
  for (auto& member : body) shown[member.key()] = std::move(member.value());
  return shown;
}

Administration::Administration(Parts parts, Registry registry)
    : parts_(std::move(parts)), registry_(std::move(registry)), audit_(registry_.database()) {}

Result<std::unique_ptr<Administration>> Administration::open(Parts parts, std::int64_t now) {
  auto registry = Registry::open(parts.data + "/lowart.db");
  if (!registry) return tl::unexpected(std::move(registry).error());
  std::unique_ptr<Administration> made(new Administration(std::move(parts), std::move(*registry)));
  auto const pepper = made->own_secret("key_hash", now);
  if (!pepper) return tl::unexpected(pepper.error());
  made->key_hash_ = net::KeyHash(pepper->reveal());
  return made;
}

Result<Secret> Administration::own_secret(std::string_view name, std::int64_t now) {
  std::string const place = "secret/" + std::string(name);
  auto row = registry_.database().prepare("SELECT sealed FROM secret WHERE name = ?");
  if (!row) return tl::unexpected(std::move(row).error());
  auto const stepped = row->bind(1, name).step();
  if (!stepped) return tl::unexpected(stepped.error());
  if (*stepped) return box().open(row->text(0), place);
  constexpr std::size_t bytes = 32;
  Secret made(net::random_bytes(bytes));
  std::string const sealed = box().seal(made.reveal(), place);
  auto insert =
      registry_.database().prepare("INSERT INTO secret (name, sealed, created_at) VALUES (?, ?, ?)");
  if (!insert) return tl::unexpected(std::move(insert).error());
  if (auto done = insert->bind(1, name).bind(2, sealed).bind(3, now).run(); !done)
    return tl::unexpected(std::move(done).error());
  return made;
}

Result<std::vector<Resource>> Administration::overlay() {
  std::vector<Resource> all;
  Result<void> opened;
  for (std::size_t i = 0; i < resource_kind_count; ++i) {
    auto const kind = static_cast<ResourceKind>(i);
    if (!is_setting(kind)) continue;
    auto const done = registry_.for_each(kind, [&](Resource&& one) {
      if (opened) opened = open_body(box(), one, one.body);
      all.push_back(std::move(one));
    });
    if (!done) return tl::unexpected(done.error());
  }
  if (!opened) return tl::unexpected(opened.error());
  // As they were made, so that a group can name those that are older.
  std::ranges::sort(
      all, {}, [](Resource const& one) { return std::pair(one.created_at, std::string_view(one.name)); });
  return all;
}

Result<void> Administration::check_settings() {
  auto const laid_over = overlay();
  if (!laid_over) return tl::unexpected(laid_over.error());
  ConfigResult const read = read_config(file(), *laid_over);
  if (read.config) return {};
  constexpr std::size_t most = 5;
  std::string all;
  for (std::size_t i = 0; i < std::min(most, read.problems.size()); ++i)
    all.append(all.empty() ? "" : "; ").append(read.problems[i].message);
  return refuse(Errc::invalid_request, "body", std::move(all));
}

Result<void> Administration::note(Actor const& actor, std::string_view act, std::string_view subject,
                                  std::string_view outcome, json::object detail, std::int64_t now) {
  auto const done = audit_.append(entry_of(actor, act, subject, outcome, std::move(detail), now));
  return done ? Result<void>() : tl::unexpected(done.error());
}

Result<AdminAnswer> Administration::within_transaction(AdminOperation const& operation,
                                                       AdminRequest const& request) {
  auto transaction = sqlite::Transaction::begin(registry_.database());
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  auto answer = operation.act(*this, request);
  if (!answer) return answer;
  if (!answer->refusal) {
    auto const noted =
        note(request.actor, operation.id, answer->subject, "done", answer->detail, request.now);
    if (!noted) return tl::unexpected(noted.error());
  }
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  if (answer->refusal) return tl::unexpected<Error>(*std::move(answer->refusal));
  return answer;
}

Result<RawAnswer> Administration::perform(Actor const& actor, RawRequest const& raw, std::int64_t now) {
  auto answer = find_and_do(actor, raw, now);
  return answer ? std::move(answer) : tl::unexpected(bounded(std::move(answer).error()));
}

Result<RawAnswer> Administration::find_and_do(Actor const& actor, RawRequest const& raw, std::int64_t now) {
  FoundOperation const found = find_operation(raw.method, raw.path);
  if (found.operation == nullptr && !found.allow.empty())
    return refuse(Errc::method_not_allowed, found.allow, "this path takes " + found.allow + " only");
  if (found.operation == nullptr)
    return refuse(Errc::not_found, "path", "nothing is at this path; GET /openapi.json tells all");
  AdminOperation const& operation = *found.operation;
  if (!actor.may(operation.permission)) {
    Error denied = not_allowed(actor, operation.permission);
    auto const noted = note(actor, operation.id, raw.path, "denied", {{"reason", denied.message()}}, now);
    if (!noted) return tl::unexpected(noted.error());
    return tl::unexpected<Error>(std::move(denied));
  }
  auto request = read_request(operation, found.name, raw);
  if (!request) return tl::unexpected(std::move(request).error());
  request->actor = actor;
  request->now = now;
  bool const reads = operation.method == "GET";
  auto answer = reads ? operation.act(*this, *request) : within_transaction(operation, *request);
  if (!answer && answer.error().code() == Errc::permission_denied) {
    auto const noted =
        note(actor, operation.id, raw.path, "denied", {{"reason", answer.error().message()}}, now);
    if (!noted) return tl::unexpected(noted.error());
  }
  if (!answer) return tl::unexpected(std::move(answer).error());
  RawAnswer out;
  out.status = operation.status;
  out.content_type = operation.content_type;
  out.body =
      answer->text.empty() && out.status != 204 ? json::serialize(answer->body) : std::move(answer->text);
  if (auto const* object = answer->body.if_object())
    if (auto const* revision = object->if_contains("revision"); revision != nullptr && revision->is_int64())
      out.etag = "\"" + std::to_string(revision->get_int64()) + "\"";
  return out;
}

}  // namespace lowart::server
