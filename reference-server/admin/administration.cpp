#include "admin/administration.hpp"

#include "config.hpp"
#include "registry/sealed_body.hpp"

#include <lowart/dialect/json_utf8.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/gateway/query.hpp>
#include <lowart/net/random_token.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace lowart::server {

namespace {

constexpr std::size_t most_body = std::size_t{1} << 20U;
constexpr int deepest_body = 32;

/// Whether a path fits a template; `name` gets what stands for {name}.
bool fits(std::string_view form, std::string_view path, std::string_view& name) {
  while (!form.empty() && !path.empty()) {
    std::string_view const want = form.substr(0, form.find('/', 1)), have = path.substr(0, path.find('/', 1));
    if (want == "/{name}") {
      if (have.size() < 2) return false;
      name = have.substr(1);
    } else if (want != have) {
      return false;
    }
    form.remove_prefix(want.size());
    path.remove_prefix(have.size());
  }
  return form.empty() && path.empty();
}

struct Found {
  AdminOperation const* operation{nullptr};
  std::string_view name;
  std::string allow;  ///< Methods of the path, where `operation` is null.
};

Found find(std::string_view method, std::string_view path) {
  Found found;
  for (auto const table : operation_tables())
    for (AdminOperation const& one : table) {
      std::string_view name;
      if (one.act == nullptr || !fits(one.path, path, name)) continue;
      if (one.method == method) return {&one, name, {}};
      found.allow.append(found.allow.empty() ? "" : ", ").append(one.method);
    }
  return found;
}

tl::unexpected<Error> refuse(std::string_view what, std::string message) {
  Error error(Errc::invalid_request, std::move(message), Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param(std::string(what)));
}

/// The parameters that an operation takes, each checked as its field says.
Result<void> read_query(AdminOperation const& operation, std::string_view query, AdminRequest& request) {
  while (!query.empty()) {
    std::string_view const pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    std::string const name = percent_decoded(pair.substr(0, pair.find('=')));
    bool const has_value = pair.find('=') != std::string_view::npos;
    std::string value = has_value ? percent_decoded(pair.substr(pair.find('=') + 1)) : std::string();
    auto const field = std::ranges::find(operation.query, name, &Field::name);
    if (field == operation.query.end())
      return refuse(name.substr(0, 100), "this path knows no parameter of that name");
    if (request.query.contains(name)) return refuse(name, "'" + name + "' stands twice");
    Shape const one{"Query", {}, {std::span(&*field, 1)}};
    json::value checked(value);
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (field->type == FieldType::integer && error == std::errc() && end == value.data() + value.size())
      checked = number;
    json::object body{{name, checked}};
    if (auto ok = check_body(one, body, BodyUse::patch); !ok) return ok;
    request.query.emplace(name, std::move(value));
  }
  return {};
}

/// Why a body cannot be kept, whatever it means; empty: it can. Numbers beyond a double's range are read as infinite, and
/// could not be read from the database again; what has very many members takes long to lay over a file. Counts `values`.
std::string_view body_problem(json::value const& value, std::size_t& values) {
  constexpr std::size_t most_values = 5000, most_members = 500;
  if (++values > most_values) return "the body has more than 5000 values in it";
  if (auto const* const number = value.if_double(); number != nullptr && !std::isfinite(*number))
    return "the body has a number in it that is too large";
  if (auto const* const list = value.if_array())
    for (auto const& item : *list)
      if (auto const problem = body_problem(item, values); !problem.empty()) return problem;
  auto const* const object = value.if_object();
  if (object == nullptr) return {};
  if (object->size() > most_members) return "the body has an object of more than 500 members in it";
  for (auto const& member : *object)
    if (auto const problem = body_problem(member.value(), values); !problem.empty()) return problem;
  return {};
}

Result<json::object> read_body(std::string_view text) {
  if (text.size() > most_body) return fail(Errc::too_large, "a body has at most 1 MiB", Origin::client);
  json::parse_options options;
  options.max_depth = deepest_body;
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return refuse("body", "the body is not JSON: " + error.message());
  if (!value.is_object()) return refuse("body", "the body is a JSON object");
  std::size_t values = 0;
  if (auto const problem = body_problem(value, values); !problem.empty())
    return refuse("body", std::string(problem));
  return std::move(value.get_object());
}

std::optional<std::int64_t> revision_in(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool const whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

Result<AdminRequest> checked(AdminOperation const& operation, Found const& found, RawRequest const& raw) {
  AdminRequest request;
  request.name = percent_decoded(found.name);
  if (auto ok = read_query(operation, raw.query, request); !ok) return tl::unexpected(ok.error());
  if (!raw.if_match.empty() && raw.if_match != "*") {
    request.revision = revision_in(raw.if_match);
    if (!request.revision) return refuse("if-match", "'if-match' is a revision such as \"17\"");
  }
  if (operation.takes == nullptr) return request;
  // What may all be left out may be left out as a whole.
  auto body = read_body(raw.body.empty() ? std::string_view("{}") : std::string_view(raw.body));
  if (!body) return tl::unexpected(std::move(body).error());
  request.body = std::move(*body);
  if (auto const* revision = request.body.if_contains("revision"); revision != nullptr) {
    if (!revision->is_int64() || revision->get_int64() < 0)
      return refuse("revision", "'revision' is a number from 0 on");
    request.revision = revision->get_int64();
    request.body.erase("revision");
  }
  if (auto ok = check_body(*operation.takes, request.body, operation.use); !ok)
    return tl::unexpected(ok.error());
  return request;
}

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

std::int64_t AdminRequest::number(std::string_view parameter, std::int64_t usual) const {
  auto const text = asked(parameter);
  std::int64_t value = usual;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

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

bool Administration::has(std::string_view path) noexcept {
  bool const is_ours = path.starts_with("/admin/") || path.starts_with("/auth/");
  if (!is_ours) return false;  // calls come by here as well
  for (auto const table : operation_tables())
    for (AdminOperation const& one : table) {
      std::string_view name;
      if (one.act != nullptr && fits(one.path, path, name)) return true;
    }
  return false;
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
  return tl::unexpected<Error>(
      Error(Errc::invalid_request, std::move(all), Origin::client).with_param("body"));
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
  auto const noted = note(request.actor, operation.id, answer->subject, "done", answer->detail, request.now);
  if (!noted) return tl::unexpected(noted.error());
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  return answer;
}

Result<RawAnswer> Administration::perform(Actor const& actor, RawRequest const& raw, std::int64_t now) {
  auto answer = find_and_do(actor, raw, now);
  return answer ? std::move(answer) : tl::unexpected(bounded(std::move(answer).error()));
}

Result<RawAnswer> Administration::find_and_do(Actor const& actor, RawRequest const& raw, std::int64_t now) {
  Found const found = find(raw.method, raw.path);
  if (found.operation == nullptr && !found.allow.empty())
    return tl::unexpected<Error>(
        Error(Errc::method_not_allowed, "this path takes " + found.allow + " only", Origin::client)
            .with_param(found.allow));
  if (found.operation == nullptr)
    return tl::unexpected<Error>(
        Error(Errc::not_found, "nothing is at this path; GET /openapi.json tells all", Origin::client)
            .with_param("path"));
  AdminOperation const& operation = *found.operation;
  if (!actor.may(operation.permission)) {
    Error denied = not_allowed(actor, operation.permission);
    auto const noted = note(actor, operation.id, raw.path, "denied", {{"reason", denied.message()}}, now);
    if (!noted) return tl::unexpected(noted.error());
    return tl::unexpected<Error>(std::move(denied));
  }
  auto request = checked(operation, found, raw);
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
  if (!reads && told_) {
    auto const latest = registry_.latest_revision();
    if (latest) told_(*latest);
  }
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
