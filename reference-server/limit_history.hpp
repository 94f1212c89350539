#pragma once
/// What was used of calendar limits before this process counted: the sums of the records since each window's begin.

#include "event_log.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/limit_rules.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>
#include <lowart/store/usage_store.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

/// The sums of a subject's records of [begin, end).
using PastOf = std::function<Result<PastUse>(LimitSubject const& subject, CalendarSpan span)>;

/// The type of models that an operation asks for, as records name operations; nullopt: none that is limited.
inline std::optional<ModelType> type_of_operation(std::string_view operation) noexcept {
  if (operation == ChatRequest::operation) return ModelType::chat;
  if (operation == EmbeddingRequest::operation) return ModelType::embedding;
  for (std::size_t i = 0; i < operation_kind_count; ++i)
    if (auto const kind = static_cast<OperationKind>(i); operation == to_string(kind))
      return model_type_of(door_of(kind));
  return std::nullopt;
}
inline PastUse past_of_totals(UsageTotals const& all) noexcept {
  PastUse past{.requests = all.request_count, .use = {.tokens = 0, .cost = all.cost}};
  for (std::size_t i = 0; i < token_class_count; ++i)
    past.use.tokens = saturating_add(past.use.tokens, all.tokens[i]);
  return past;
}
/// All calls of a type of models.
template <UsageStore S>
Result<PastUse> past_of_type(S& store, std::string_view type, CalendarSpan span) {
  UsageFilter const filter{.from = span.begin, .until = span.end};
  auto const groups = store.grouped(filter, UsageDimension::operation);
  if (!groups) return fail(groups.error());
  UsageTotals all;
  for (UsageGroup const& group : *groups)
    if (auto const found = type_of_operation(group.name); found && to_string(*found) == type)
      all.add(group.totals);
  return past_of_totals(all);
}
/// All calls that a provider answered.
template <UsageStore S>
Result<PastUse> past_of_provider(S& store, std::string_view provider, CalendarSpan span) {
  UsageFilter const filter{.provider = provider, .from = span.begin, .until = span.end};
  auto const totals = store.totals(filter);
  if (!totals) return fail(totals.error());
  return past_of_totals(*totals);
}

/// The same out of a store.
template <UsageStore S>
Result<PastUse> past_in(S& store, LimitSubject const& subject, CalendarSpan span) {
  using Kind = LimitSubject::Kind;
  if (subject.kind == Kind::type) return past_of_type(store, subject.name, span);
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
  return past_of_totals(all);
}

/// Tells every subject what it has used that it does not know of. The first error, after all were tried.
inline Result<void> add_past(Snapshot const& snapshot, PastOf const& past_of) {
  Result<void> done;
  auto const add = [&](LimitSubject const& subject) {
    for (auto const& [period, span] : subject.state->unknown_past()) {
      auto const past = past_of(subject, span);
      if (past) subject.state->add_past(period, span.begin, *past);
      else if (done) done = fail(past.error().code(), subject.state->name() + ": " + past.error().message());
    }
  };
  for (auto const& subject : snapshot.subjects) add(subject);
  for (auto const& subject : *snapshot.account_subjects) add(subject);
  return done;
}

inline Result<void> add_past(Snapshot const& snapshot, SqliteStore& store) {
  auto done = add_past(snapshot, PastOf([&store](LimitSubject const& subject, CalendarSpan span) {
                         return past_in(store, subject, span);
                       }));
  for (NamedLimit const& named : snapshot.target_limits) {
    if (!named.model.empty()) continue;  // the store has no sums of one target
    LimitState& state = named.limit->state;
    for (auto const& [period, span] : state.unknown_past()) {
      auto const past = past_of_provider(store, named.provider, span);
      if (past) state.add_past(period, span.begin, *past);
      else if (done) done = fail(past.error());
    }
  }
  return done;
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
