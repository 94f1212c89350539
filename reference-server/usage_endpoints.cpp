#include "usage_endpoints.hpp"

#include "usage_page.hpp"
#include "usage_query.hpp"
#include "usage_request.hpp"

#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart::server {

namespace {

constexpr std::int64_t day_micros = 86'400'000'000;
constexpr std::int64_t most_days = 3660;  ///< Of a trend.
constexpr std::string_view overview_path = "/admin/overview";
constexpr std::array<std::string_view, 8> paths{
    "/v1/usage",          "/v1/usage/me",          "/v1/usage/summary", "/v1/usage/models",
    "/v1/usage/by-model", "/v1/usage/daily-trend", "/v1/usage/history", "/v1/usage/export"};

/// From where on sums are told where nothing is said: all there is; of single calls and models the last 30 days or this month.
std::int64_t default_from(std::string_view path, std::int64_t now) {
  constexpr std::int64_t month_of_days = 29;
  if (path == "/v1/usage/daily-trend")
    return calendar_span(LimitPeriod::day, now).begin - month_of_days * day_micros;
  if (path == "/v1/usage/summary") return calendar_span(LimitPeriod::month, now).begin;
  return 0;
}

/// A trend has every day in it: one of more days than that would have to leave some out.
std::optional<Error> refusal_of_days(std::string_view path, UsageRequest const& asked) {
  if (path != "/v1/usage/daily-trend" || asked.until - asked.from <= most_days * day_micros)
    return std::nullopt;
  Error error(Errc::invalid_request,
              "'from' is more than " + std::to_string(most_days) + " days before 'until'; ask for fewer",
              Origin::client);
  return std::move(error).with_param("from");
}

Error only_for_operators() {
  return Error(Errc::permission_denied, "this page is for keys with 'admin: true'", Origin::client);
}

}  // namespace

/// One request here. What it views is the caller's.
struct UsageEndpoints::Visit {
  std::string_view path;
  KeyEntry const& key;
  Snapshot const& snapshot;
  net::ServerRequest& request;
  std::int64_t now;
  UsageRequest asked;
};

bool UsageEndpoints::has(std::string_view path) noexcept {
  return path == overview_path || std::ranges::find(paths, path) != paths.end();
}

Task<void> UsageEndpoints::serve(Doors& doors, Snapshot const& snapshot, KeyEntry const& key,
                                 net::ServerRequest& request, net::Responder& responder) {
  std::string_view const path = request.head().path();
  std::int64_t const now = request.clock().utc_micros();
  if (path == overview_path && !key.admin) {
    co_await doors.answer_error(request, responder, only_for_operators());
    co_return;
  }
  Result<UsageRequest> asked = read_usage_request(request.head().query(), presented_key(request.head()), key,
                                                  now, default_from(path, now));
  if (!asked) {
    co_await doors.answer_error(request, responder, asked.error());
    co_return;
  }
  if (auto refused = refusal_of_days(path, *asked)) {
    co_await doors.answer_error(request, responder, *refused);
    co_return;
  }
  Visit visit{path, key, snapshot, request, now, std::move(*asked)};
  if (path == "/v1/usage/me") {
    bool const is_session = key.name.empty();
    visit.asked.key = key.name;
    visit.asked.user = is_session ? key.user() : std::string_view();
    visit.asked.team.clear();
    visit.asked.group_by = UsageDimension::model;
  }
  if (path == "/v1/usage/export") {
    co_await send_export(doors, visit, responder);
    co_return;
  }
  Result<std::string> const body = co_await page(visit);
  if (!body) co_await doors.answer_error(request, responder, body.error());
  else co_await doors.answer_plain(request, responder, 200, "application/json", *body);
}

Task<Result<std::string>> UsageEndpoints::page(Visit const& visit) {
  if (visit.path == "/v1/usage/history") return history(visit);
  if (visit.path == "/v1/usage/daily-trend") return trend(visit);
  if (visit.path == overview_path) return overview(visit);
  bool const by_model = visit.path == "/v1/usage/models" || visit.path == "/v1/usage/by-model";
  if (by_model) return groups(visit, UsageDimension::model);
  return sums(visit);
}

/// Sums, and groups where they were asked for; of /me by model.
Task<Result<std::string>> UsageEndpoints::sums(Visit const& visit) {
  auto question = [asked = visit.asked](SqliteStore& store) { return find_summary(store, asked); };
  Result<UsageSummary> const found =
      co_await ask_store(folder_, visit.request.executor(), std::move(question));
  if (!found) co_return fail(found.error());
  if (visit.path != "/v1/usage/me") co_return summary_page(visit.asked, *found);
  std::string out;
  dialect::JsonWriter w(out);
  w.begin_object();
  write_scope(w, "usage", visit.asked);
  write_totals(w, found->totals);
  w.begin_list("models");
  for (UsageGroup const& group : found->groups) {
    w.begin_object().text("model", group.name);
    write_totals(w, group.totals);
    w.end_object();
  }
  w.end_list().end_object();
  co_return out;
}

Task<Result<std::string>> UsageEndpoints::groups(Visit const& visit, UsageDimension dimension) {
  auto question = [asked = visit.asked, dimension](SqliteStore& store) {
    return store.grouped(asked.filter(), dimension);
  };
  Result<std::vector<UsageGroup>> found =
      co_await ask_store(folder_, visit.request.executor(), std::move(question));
  if (!found) co_return fail(found.error());
  sort_by_cost(*found);
  std::string out;
  dialect::JsonWriter w(out);
  w.begin_object();
  write_scope(w, "list", visit.asked);
  write_groups(w, to_string(dimension), *found);
  w.end_object();
  co_return out;
}

Task<Result<std::string>> UsageEndpoints::trend(Visit const& visit) {
  auto question = [asked = visit.asked](SqliteStore& store) {
    return store.grouped(asked.filter(), UsageDimension::day);
  };
  Result<std::vector<UsageGroup>> found =
      co_await ask_store(folder_, visit.request.executor(), std::move(question));
  if (!found) co_return fail(found.error());
  std::vector<UsageGroup> days;
  std::int64_t day = calendar_span(LimitPeriod::day, std::max<std::int64_t>(visit.asked.from, 0)).begin;
  auto next = found->begin();
  while (day < visit.asked.until) {
    std::string name = dialect::rfc3339(day).substr(0, std::string_view("2026-11-30").size());
    bool const has_calls = next != found->end() && next->name == name;
    days.push_back({std::move(name), has_calls ? next->totals : UsageTotals{}});
    if (has_calls) ++next;
    day = calendar_span(LimitPeriod::day, day).end;
  }
  std::string out;
  dialect::JsonWriter w(out);
  w.begin_object();
  write_scope(w, "list", visit.asked);
  write_groups(w, "date", days);
  w.end_object();
  co_return out;
}

Task<Result<std::string>> UsageEndpoints::history(Visit const& visit) {
  auto question = [asked = visit.asked](SqliteStore& store) { return store.history(asked.history()); };
  Result<RecordPage> const found = co_await ask_store(folder_, visit.request.executor(), std::move(question));
  if (!found) co_return fail(Error(found.error()).with_param("after"));
  co_return history_page(visit.asked, *found);
}

/// Page after page, each sent before the next is read: the whole is nowhere in memory. An error in the middle breaks the
/// answer off, which every client sees.
Task<void> UsageEndpoints::send_export(Doors& doors, Visit const& visit, net::Responder& responder) {
  bool const is_csv = visit.asked.format != UsageFormat::json_lines;
  auto const executor = visit.request.executor();
  UsageRequest asked = visit.asked;
  asked.limit = HistoryQuery::max_limit;
  std::string out = is_csv ? csv_head() : std::string();
  std::vector<AttemptRecord> trail;
  for (bool last = false; !last;) {
    auto question = [asked](SqliteStore& store) { return store.history(asked.history()); };
    Result<RecordPage> const found = co_await ask_store(folder_, executor, std::move(question));
    if (!found && responder.begun()) {
      responder.abort();
      co_return;
    }
    if (!found) {
      Error const error = Error(found.error()).with_param("after");
      co_await doors.answer_error(visit.request, responder, error);
      co_return;
    }
    for (KeptRecord const& kept : found->records) {
      UsageRecord const record = kept.get(trail);
      if (is_csv) {
        append_csv(record, out);
        continue;
      }
      dialect::JsonWriter w(out);
      write_record(w, record);
      out.push_back('\n');
    }
    asked.after = found->next;
    last = found->next.empty();
    if (!responder.begun()) {
      responder.field("content-disposition",
                      is_csv ? "attachment; filename=\"usage.csv\"" : "attachment; filename=\"usage.jsonl\"");
      responder.begin(200, is_csv ? "text/csv; charset=utf-8" : "application/x-ndjson");
    }
    Result<void> const sent = co_await responder.write(out, last);
    if (!sent) co_return;
    out.clear();
  }
}

Task<Result<std::string>> UsageEndpoints::overview(Visit const& visit) {
  struct Found {
    UsageTotals today, month;
    std::int64_t users_today{0}, keys_today{0};
    std::vector<UsageGroup> spenders;
  };
  auto question = [now = visit.now](SqliteStore& store) -> Result<Found> {
    UsageFilter const today{.from = calendar_span(LimitPeriod::day, now).begin};
    UsageFilter const month{.from = calendar_span(LimitPeriod::month, now).begin};
    Found found;
    auto const of_today = store.totals(today);
    auto const of_month = store.totals(month);
    auto const users = store.distinct(today, UsageDimension::user);
    auto const keys = store.distinct(today, UsageDimension::key);
    auto spenders = store.grouped(month, UsageDimension::key);
    for (Error const* error : {of_today ? nullptr : &of_today.error(), of_month ? nullptr : &of_month.error(),
                               users ? nullptr : &users.error(), keys ? nullptr : &keys.error(),
                               spenders ? nullptr : &std::as_const(spenders).error()})
      if (error != nullptr) return fail(*error);
    return Found{*of_today, *of_month, *users, *keys, std::move(*spenders)};
  };
  Result<Found> found = co_await ask_store(folder_, visit.request.executor(), std::move(question));
  if (!found) co_return fail(found.error());
  constexpr std::size_t most_spenders = 10;
  sort_by_cost(found->spenders);
  found->spenders.resize(std::min(found->spenders.size(), most_spenders));
  LiveCounts const live = live_();
  std::string out;
  dialect::JsonWriter w(out);
  w.begin_object().text("object", "overview").text("at", dialect::rfc3339_exact(visit.now));
  w.begin_object("today");
  write_totals(w, found->today);
  w.end_object().begin_object("month");
  write_totals(w, found->month);
  w.end_object()
      .count("active_users_today", found->users_today)
      .count("active_keys_today", found->keys_today);
  w.count("total_keys", static_cast<std::int64_t>(visit.snapshot.keys.size()));
  w.count("active_sessions", live.connections);
  if (live.tracks_conversations)
    w.count("live_conversations", live.live_conversations)
        .count("conversations_begun", live.begun_conversations);
  w.begin_list("top_spenders");
  for (UsageGroup const& group : found->spenders) {
    w.begin_object().text("key", group.name).text("cost_usd", format_usd(group.totals.cost));
    w.count("request_count", group.totals.request_count).end_object();
  }
  w.end_list().end_object();
  co_return out;
}

}  // namespace lowart::server
