#include "usage_page.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>

namespace lowart::server {

namespace {

std::int64_t mean_ms(std::int64_t micros, std::int64_t count) noexcept {
  constexpr std::int64_t milli = 1000;
  return count > 0 ? micros / count / milli : 0;
}
std::string hex(CallId id) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::uint64_t const half : {id.high, id.low})
    for (int shift = 60; shift >= 0; shift -= 4)
      text.push_back(digits[half >> static_cast<unsigned>(shift) & 15U]);
  return text;
}
/// A member for each class; those that are tokens, or the others.
template <class Value>
void write_classes(dialect::JsonWriter& w, bool tokens, Value value) {
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    if (is_tokens(c) == tokens) w.count_if(to_string(c), value(c));
  }
}
/// What was not reported is not told as zero.
void write_usage(dialect::JsonWriter& w, Usage const& usage) {
  w.begin_object("tokens");
  write_classes(w, true, [&](UsageClass c) { return usage.get(c); });
  w.count("total", usage.total()).end_object();
  bool has_units = false;
  for (std::size_t i = token_class_count; i < usage_class_count; ++i)
    has_units = has_units || usage.get(static_cast<UsageClass>(i)).has_value();
  if (!has_units) return;
  w.begin_object("units");
  write_classes(w, false, [&](UsageClass c) { return usage.get(c); });
  w.end_object();
}
void write_trail(dialect::JsonWriter& w, std::span<AttemptRecord const> trail) {
  w.begin_list("trail");
  for (AttemptRecord const& attempt : trail) {
    w.begin_object().text("provider", attempt.provider).text_if("model", attempt.model);
    w.count("began_after_us", attempt.began_after).count("duration_us", attempt.duration);
    w.text_if("failure", attempt.failure);
    if (!attempt.usage.empty()) write_usage(w, attempt.usage), w.text("cost_usd", format_usd(attempt.cost));
    w.end_object();
  }
  w.end_list();
}

void append_csv_text(std::string_view text, std::string& out) {
  bool const is_formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  bool const must_quote = is_formula || text.find_first_of("\",\r\n") != std::string_view::npos;
  if (!must_quote) {
    out.append(text);
    return;
  }
  out.append(is_formula ? "\"'" : "\"");
  for (char const c : text) out.append(c == '"' ? 2 : 1, c);
  out.push_back('"');
}

}  // namespace

void write_scope(dialect::JsonWriter& w, std::string_view object, UsageRequest const& asked) {
  w.text("object", object).text("from", dialect::rfc3339_exact(std::max<std::int64_t>(asked.from, 0)));
  w.text("until", dialect::rfc3339_exact(asked.until));
  for (auto const& [name, value] : {std::pair<std::string_view, std::string_view>{"key", asked.key},
                                    {"user", asked.user},
                                    {"team", asked.team},
                                    {"model", asked.model},
                                    {"provider", asked.provider},
                                    {"operation", asked.operation},
                                    {"conversation", asked.conversation}})
    w.text_if(name, value);
}

void write_totals(dialect::JsonWriter& w, UsageTotals const& totals) {
  w.count("request_count", totals.request_count).count("failed_count", totals.failed_count);
  w.count("partial_count", totals.partial_count).count("cached_count", totals.cached_count);
  auto const of = [&](UsageClass c) { return std::optional(totals.tokens[static_cast<std::size_t>(c)]); };
  Usage all;
  for (std::size_t i = 0; i < usage_class_count; ++i) all.set(static_cast<UsageClass>(i), totals.tokens[i]);
  w.begin_object("tokens");
  write_classes(w, true, of);
  w.count("input_total", all.input_total()).count("output_total", all.output_total());
  w.count("total", all.total()).end_object().begin_object("units");
  write_classes(w, false, of);
  w.end_object().text("cost_usd", format_usd(totals.cost));
  w.count("mean_duration_ms", mean_ms(totals.duration, totals.request_count));
  w.count("mean_first_token_ms", mean_ms(totals.first_token, totals.first_token_count));
}

void write_groups(dialect::JsonWriter& w, std::string_view name, std::vector<UsageGroup> const& groups) {
  w.begin_list("data");
  for (UsageGroup const& group : groups) {
    w.begin_object().text(name, group.name);
    write_totals(w, group.totals);
    w.end_object();
  }
  w.end_list();
}

void write_record(dialect::JsonWriter& w, UsageRecord const& record) {
  w.begin_object().text("id", hex(record.id)).text("started_at", dialect::rfc3339_exact(record.started_at));
  w.count("duration_us", record.duration);
  if (record.time_to_first_token >= 0) w.count("time_to_first_token_us", record.time_to_first_token);
  w.text("key", record.key).text_if("user", record.user).text_if("team", record.team);
  w.text_if("client", record.client).text("operation", record.operation).text("model", record.model);
  w.text_if("provider", record.provider).text_if("upstream_model", record.upstream_model);
  w.text_if("service_tier", record.service_tier).text_if("conversation", record.conversation);
  w.count("status", record.status).text("outcome", to_string(record.outcome));
  w.text("provenance", to_string(record.provenance)).flag("streamed", record.streamed);
  w.begin_list("features");
  for (std::size_t i = 0; i < call_feature_names.size(); ++i)
    if (record.features.has_at(i)) w.text(call_feature_names[i]);
  w.end_list();
  write_usage(w, record.usage);
  w.text("cost_usd", format_usd(record.cost)).text_if("price", record.price);
  w.count("attempts", record.attempts);
  if (!record.trail.empty()) write_trail(w, record.trail);
  w.end_object();
}

std::string summary_page(UsageRequest const& asked, UsageSummary const& summary) {
  std::string out;
  dialect::JsonWriter w(out);
  w.begin_object();
  write_scope(w, "usage", asked);
  write_totals(w, summary.totals);
  if (asked.group_by) {
    w.text("group_by", to_string(*asked.group_by));
    write_groups(w, to_string(*asked.group_by), summary.groups);
  }
  w.end_object();
  return out;
}

std::string history_page(UsageRequest const& asked, RecordPage const& page) {
  std::string out;
  dialect::JsonWriter w(out);
  w.begin_object();
  write_scope(w, "list", asked);
  w.begin_list("data");
  std::vector<AttemptRecord> trail;
  for (KeptRecord const& kept : page.records) write_record(w, kept.get(trail));
  w.end_list().flag("has_more", !page.next.empty());
  if (page.next.empty()) w.null("next");
  else w.text("next", page.next);
  w.end_object();
  return out;
}

void sort_by_cost(std::vector<UsageGroup>& groups) {
  std::ranges::sort(groups, [](UsageGroup const& a, UsageGroup const& b) {
    return std::tie(b.totals.cost, b.totals.request_count, a.name) <
           std::tie(a.totals.cost, a.totals.request_count, b.name);
  });
}

std::string csv_head() {
  std::string line =
      "id,started_at,duration_us,time_to_first_token_us,key,user,team,client,operation,model,provider,"
      "upstream_model,service_tier,conversation,status,outcome,provenance,streamed,attempts";
  for (std::size_t i = 0; i < usage_class_count; ++i)
    line.append(",").append(to_string(static_cast<UsageClass>(i)));
  return line.append(",cost_usd,price\r\n");
}

void append_csv(UsageRecord const& record, std::string& out) {
  out.append(hex(record.id)).append(",").append(dialect::rfc3339_exact(record.started_at));
  out.append(",").append(std::to_string(record.duration)).append(",");
  if (record.time_to_first_token >= 0) out.append(std::to_string(record.time_to_first_token));
  for (std::string_view const text :
       {record.key, record.user, record.team, record.client, record.operation, record.model, record.provider,
        record.upstream_model, record.service_tier, record.conversation})
    out.append(","), append_csv_text(text, out);
  out.append(",").append(std::to_string(record.status)).append(",").append(to_string(record.outcome));
  out.append(",").append(to_string(record.provenance)).append(record.streamed ? ",true," : ",false,");
  out.append(std::to_string(record.attempts));
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    out.append(",");
    if (auto const n = record.usage.get(static_cast<UsageClass>(i))) out.append(std::to_string(*n));
  }
  out.append(",").append(format_usd(record.cost)).append(",");
  append_csv_text(record.price, out);
  out.append("\r\n");
}

}  // namespace lowart::server
