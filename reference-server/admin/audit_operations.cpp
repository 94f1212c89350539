/// The audit log: read, exported, verified.

#include "admin/administration.hpp"

#include <lowart/dialect/rfc3339.hpp>

#include <array>

namespace lowart::server {

namespace {

constexpr std::int64_t usual_page = 100;
constexpr std::int64_t largest_page = 1000;

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

constexpr std::array<std::string_view, 2> outcomes{"done", "denied"};
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
using enum Permission;
constexpr std::array<AdminOperation, 3> all{{
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
}};

}  // namespace

std::span<AdminOperation const> audit_operations() { return all; }

}  // namespace lowart::server
