#pragma once
/// GET /v1/quota: what limits a key has, what is used of them, and when they are renewed.

#include "snapshot.hpp"

#include <lowart/core/task.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/gateway/doors.hpp>
#include <lowart/gateway/query.hpp>
#include <lowart/meter/limit_text.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace lowart::server {

/// Whether calls with this key may count against the subject's limits.
inline bool counts_for(LimitSubject const& subject, KeyEntry const& key) {
  switch (subject.kind) {
    case LimitSubject::Kind::key:
    case LimitSubject::Kind::user:
    case LimitSubject::Kind::team: return false;  // the key itself has them
    case LimitSubject::Kind::type: return true;
    case LimitSubject::Kind::model:
      return std::any_of(subject.records.begin(), subject.records.end(),
                         [&](std::string const& name) { return key.allows(name); });
  }
  return false;
}

/// Amounts of money are text, exact.
inline void append_limit(dialect::JsonWriter& json, LimitUse const& use, LimitTime const& now) {
  bool const is_money = quantity_of(use.kind) == LimitQuantity::cost;
  auto const amount = [&](dialect::JsonName name, std::int64_t value) {
    std::string const text = limit_amount(use.kind, std::max<std::int64_t>(value, 0));
    if (is_money) json.text(name, text);
    else json.raw(name, text);
  };
  json.begin_object();
  json.text("limit", to_string(use.kind));
  amount("max", use.limit);
  amount("used", use.used);
  if (is_calendar(use.kind)) amount("reserved", use.reserved);
  amount("remaining", use.limit - use.used - use.reserved);
  if (use.resets_utc) {
    json.text("resets_at", dialect::rfc3339(*use.resets_utc));
    json.count("resets_in_ms", std::max<std::int64_t>((*use.resets_utc - now.utc + 999) / 1000, 0));
  }
  json.end_object();
}

inline std::string quota_page(Snapshot const& snapshot, KeyEntry const& key, LimitTime const& now) {
  std::string out;
  dialect::JsonWriter json(out);
  json.begin_object().text("object", "quota").text("key", key.name).begin_list("subjects");
  auto const append = [&](LimitState const& state) {
    json.begin_object().text("subject", state.name()).begin_list("limits");
    for (LimitUse const& use : state.uses(now)) append_limit(json, use, now);
    json.end_list().end_object();
  };
  if (key.limits) append(*key.limits);
  if (key.owner)
    for (auto const& state : key.owner->limits) append(*state);
  for (auto const& subject : snapshot.subjects)
    if (counts_for(subject, key)) append(*subject.state);
  json.end_list().end_object();
  return out;
}

/// The key whose limits are wanted: that which asks, or for an operator's the one of that name.
inline Result<KeyEntry const*> quota_key(Snapshot const& snapshot, KeyEntry const& asks,
                                         std::string_view name) {
  if (name.empty() || name == asks.name) return &asks;
  if (!asks.admin)
    return fail(Errc::permission_denied, "another key's limits are for keys with 'admin: true'",
                Origin::client);
  KeyEntry const* named = nullptr;
  snapshot.keys.for_each([&](KeyEntry const& entry) {
    if (entry.name == name) named = &entry;
  });
  if (named != nullptr) return named;
  return fail(Error(Errc::not_found, "no key has this name", Origin::client).with_param("name"));
}

/// `?name=` and not `?key=`, in which a client may bring its key.
inline Task<void> answer_quota(Doors& doors, Snapshot const& snapshot, KeyEntry const& asks,
                               net::ServerRequest& request, net::Responder& responder) {
  std::string const name = percent_decoded(in_query(request.head().query(), "name"));
  Result<KeyEntry const*> const key = quota_key(snapshot, asks, name);
  if (!key) {
    co_await doors.answer_error(request, responder, key.error());
    co_return;
  }
  std::string const page = quota_page(snapshot, **key, moment_now());
  co_await doors.answer_plain(request, responder, 200, "application/json", page);
}

}  // namespace lowart::server
