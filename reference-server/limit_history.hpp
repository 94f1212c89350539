#pragma once
/// What was used of calendar limits before this process counted: the sums of the records since each window's begin.

#include "event_log.hpp"
#include "snapshot.hpp"

#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>
#include <lowart/store/usage_store.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace lowart::server {

/// The sums of a subject's records of [begin, end).
using PastOf = std::function<Result<PastUse>(LimitSubject const& subject, CalendarSpan span)>;

/// The same out of a store. Errc::unsupported for a type of models, which the store has no sums of.
template <UsageStore S>
Result<PastUse> past_in(S& store, LimitSubject const& subject, CalendarSpan span) {
  if (subject.kind == LimitSubject::Kind::type)
    return fail(Errc::unsupported, "there are no sums of types of models");
  using Kind = LimitSubject::Kind;
  bool const is_of_people = subject.kind == Kind::user || subject.kind == Kind::team;
  std::vector<std::string> const own_name{subject.name};
  UsageTotals all;
  for (std::string const& name : is_of_people ? own_name : subject.records) {
    UsageFilter filter{.from = span.begin, .until = span.end};
    switch (subject.kind) {
      case Kind::user: filter.user = name; break;
      case Kind::team: filter.team = name; break;
      case Kind::model: filter.model = name; break;
      default: filter.key = name;
    }
    auto const totals = store.totals(filter);
    if (!totals) return fail(totals.error());
    all.add(*totals);
  }
  PastUse past{.requests = all.request_count, .use = {.tokens = 0, .cost = all.cost}};
  for (std::size_t i = 0; i < token_class_count; ++i)
    past.use.tokens = saturating_add(past.use.tokens, all.tokens[i]);
  return past;
}

/// Tells every subject what it has used that it does not know of. The first error, after all were tried.
inline Result<void> add_past(Snapshot const& snapshot, PastOf const& past_of) {
  Result<void> done;
  for (auto const& subject : snapshot.subjects)
    for (auto const& [period, span] : subject.state->unknown_past()) {
      auto const past = past_of(subject, span);
      if (past) subject.state->add_past(period, span.begin, *past);
      else if (done) done = fail(past.error().code(), subject.state->name() + ": " + past.error().message());
    }
  return done;
}

inline Result<void> add_past(Snapshot const& snapshot, SqliteStore& store) {
  return add_past(snapshot, PastOf([&store](LimitSubject const& subject, CalendarSpan span) {
                    return past_in(store, subject, span);
                  }));
}
inline void tell_of_past(Result<void> const& done) {
  if (!done) log_event(Level::warning, "limits_past_unknown", {{"error", done.error().message()}});
}
/// Waits for it: the folder has all of the journal in the store by then, and nobody has called yet.
inline void add_past_at_start(Folder<SqliteStore>& folder, Snapshot const& snapshot) {
  tell_of_past(folder.ask([&snapshot](SqliteStore& store) { return add_past(snapshot, store); }));
}
/// For limits that a reload adds; waits for nothing.
inline void add_past_later(Folder<SqliteStore>& folder, std::shared_ptr<Snapshot const> snapshot) {
  folder.query([snapshot](SqliteStore& store) { return add_past(*snapshot, store); },
               [](Result<void> const& done) { tell_of_past(done); });
}

}  // namespace lowart::server
