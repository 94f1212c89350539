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

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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
inline Result<void> add_past(std::vector<LimitSubject> const& subjects, PastOf const& past_of) {
  Result<void> done;
  for (auto const& subject : subjects)
    for (auto const& [period, span] : subject.state->unknown_past()) {
      auto const past = past_of(subject, span);
      if (past) subject.state->add_past(period, span.begin, *past);
      else if (done) done = fail(past.error().code(), subject.state->name() + ": " + past.error().message());
    }
  return done;
}

/// Of many keys, users or teams: one question for all of a kind and a window, in the place of one for each.
class PastOfMany {
 public:
  explicit PastOfMany(SqliteStore& store) : store_(store) {}

  Result<PastUse> operator()(LimitSubject const& subject, CalendarSpan span) {
    auto const [place, is_new] = sums_.try_emplace({subject.kind, span.begin});
    if (is_new) {
      auto const groups =
          store_.grouped(UsageFilter{.from = span.begin, .until = span.end}, dimension_of(subject.kind));
      if (!groups) {
        sums_.erase(place);
        return fail(groups.error());
      }
      for (UsageGroup const& group : *groups) place->second.emplace(group.name, past_of_totals(group.totals));
    }
    auto const found = place->second.find(subject.name);
    return found == place->second.end() ? PastUse() : found->second;
  }

 private:
  static UsageDimension dimension_of(LimitSubject::Kind kind) noexcept {
    if (kind == LimitSubject::Kind::user) return UsageDimension::user;
    return kind == LimitSubject::Kind::team ? UsageDimension::team : UsageDimension::key;
  }
  SqliteStore& store_;
  std::map<std::pair<LimitSubject::Kind, std::int64_t>, std::unordered_map<std::string, PastUse>> sums_;
};

inline Result<void> add_past(std::vector<LimitSubject> const& subjects, SqliteStore& store) {
  constexpr std::size_t many = 64;
  auto const is_account = [](LimitSubject const& subject) {
    return subject.kind <= LimitSubject::Kind::team;
  };
  if (subjects.size() > many && std::ranges::all_of(subjects, is_account))
    return add_past(subjects, PastOf(PastOfMany(store)));
  return add_past(subjects, PastOf([&store](LimitSubject const& subject, CalendarSpan span) {
                    return past_in(store, subject, span);
                  }));
}

inline Result<void> add_past(Snapshot const& snapshot, SqliteStore& store) {
  auto done = add_past(snapshot.subjects, store);
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
inline void add_past_at_start(Folder<SqliteStore>& folder, std::vector<LimitSubject> const& subjects) {
  tell_of_past(folder.ask([&subjects](SqliteStore& store) { return add_past(subjects, store); }));
}
/// For limits that a reload adds; waits for nothing.
inline void add_past_later(Folder<SqliteStore>& folder, std::shared_ptr<Snapshot const> snapshot) {
  folder.query([snapshot](SqliteStore& store) { return add_past(*snapshot, store); },
               [](Result<void> const& done) { tell_of_past(done); });
}

/// The same for accounts.
inline void add_past_later(Folder<SqliteStore>& folder, std::vector<LimitSubject> subjects) {
  if (subjects.empty()) return;
  auto const held = std::make_shared<std::vector<LimitSubject> const>(std::move(subjects));
  folder.query([held](SqliteStore& store) { return add_past(*held, store); },
               [](Result<void> const& done) { tell_of_past(done); });
}

}  // namespace lowart::server
