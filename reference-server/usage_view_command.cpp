#include "usage_view_command.hpp"

#include "admin/command_table.hpp"
#include "admin/console.hpp"
#include "open_accounts.hpp"
#include "snapshot.hpp"
#include "usage_page.hpp"
#include "usage_records.hpp"
#include "usage_request.hpp"

#include <lowart/store/usage_reader.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

namespace {

struct ViewFlags {
  ServeFlags serve;
  std::vector<UsageParameter> asked;  ///< As a query has them.
  bool json{false};
};

constexpr std::string_view flag_of(std::string_view parameter) noexcept {
  return parameter == "group_by" ? "by" : parameter;
}

/// Of the parameter, in the words of the command line.
int refuse_flag(Error const& error) {
  std::string const quoted = "'" + error.param() + "'";
  std::string text = error.message();
  if (!error.param().empty() && text.starts_with(quoted))
    text = "--" + std::string(flag_of(error.param())) + text.substr(quoted.size());
  return refuse_usage(text);
}

Result<UsageReader> open_reader(ViewFlags const& flags) {
  auto const data = data_directory(flags.serve);
  if (!data) return tl::unexpected(data.error());
  auto const path = usage_database_in(*data);
  if (!path) return tl::unexpected(path.error());
  return UsageReader::open(*path);
}

json::object sums_of(UsageTotals const& totals) {
  Usage all;
  for (std::size_t i = 0; i < usage_class_count; ++i) all.set(static_cast<UsageClass>(i), totals.tokens[i]);
  return {{"calls", totals.request_count}, {"failed", totals.failed_count},
          {"cached", totals.cached_count}, {"input", all.input_total()},
          {"output", all.output_total()},  {"cost_usd", format_usd(totals.cost)}};
}

/// Who costs most comes first; the last line is of all.
void print_groups(UsageRequest const& asked, UsageSummary summary) {
  std::string_view const name = to_string(*asked.group_by);
  std::array<std::string_view, 7> const members{name,    "calls",  "failed",  "cached",
                                                "input", "output", "cost_usd"};
  CommandTable table({members.begin(), members.end()});
  sort_by_cost(summary.groups);
  for (UsageGroup const& group : summary.groups) {
    if (table.size() == asked.limit) break;
    auto row = sums_of(group.totals);
    row[name] = group.name.empty() ? "(none)" : group.name;
    table.add(row, members);
  }
  std::size_t const left = summary.groups.size() - table.size();
  auto all = sums_of(summary.totals);
  all[name] = "(all)";
  table.add(all, members);
  std::fputs(table.text().c_str(), stdout);
  if (left > 0) std::fprintf(stderr, "there are %zu more: --limit N shows more of them\n", left);
}

void print_totals(UsageRequest const& asked, UsageTotals const& totals) {
  json::object told{{"from", dialect::rfc3339(asked.from)}, {"until", dialect::rfc3339(asked.until)}};
  for (auto const& member : sums_of(totals)) told.insert(member);
  print_answer(told, false);
}

void print_calls(RecordPage const& page) {
  constexpr std::array<std::string_view, 11> members{"started_at", "key",      "user",       "model",
                                                     "provider",   "status",   "outcome",    "input",
                                                     "output",     "cost_usd", "duration_ms"};
  constexpr std::int64_t milli = 1000;
  CommandTable table({members.begin(), members.end()});
  std::vector<AttemptRecord> trail;
  for (KeptRecord const& kept : page.records) {
    UsageRecord const call = kept.get(trail);
    json::object const row{{"started_at", dialect::rfc3339_exact(call.started_at)},
                           {"key", call.key},
                           {"user", call.user},
                           {"model", call.model},
                           {"provider", call.provider},
                           {"status", call.status},
                           {"outcome", to_string(call.outcome)},
                           {"input", call.usage.input_total()},
                           {"output", call.usage.output_total()},
                           {"cost_usd", format_usd(call.cost)},
                           {"duration_ms", call.duration / milli}};
    table.add(row, members);
  }
  std::fputs(table.text().c_str(), stdout);
  if (!page.next.empty()) std::fprintf(stderr, "there are more: --after '%s' goes on\n", page.next.c_str());
}

int show_summary(ViewFlags const& flags) {
  std::int64_t const now = moment_now().utc;
  auto const asked = read_usage_parameters(flags.asked, now, calendar_span(LimitPeriod::month, now).begin);
  if (!asked) return refuse_flag(asked.error());
  auto reader = open_reader(flags);
  if (!reader) return refuse(reader.error());
  auto found = find_summary(*reader, *asked);
  if (!found) return refuse(found.error());
  if (flags.json) std::printf("%s\n", summary_page(*asked, *found).c_str());
  else if (asked->group_by) print_groups(*asked, std::move(*found));
  else print_totals(*asked, found->totals);
  return exit_code::done;
}

int show_history(ViewFlags const& flags) {
  auto const asked = read_usage_parameters(flags.asked, moment_now().utc, 0);
  if (!asked) return refuse_flag(asked.error());
  auto reader = open_reader(flags);
  if (!reader) return refuse(reader.error());
  auto const page = reader->history(asked->history());
  if (!page && page.error().code() == Errc::invalid_request)
    return refuse_flag(Error(page.error()).with_param("after"));
  if (!page) return refuse(page.error());
  if (flags.json) std::printf("%s\n", history_page(*asked, *page).c_str());
  else print_calls(*page);
  return exit_code::done;
}

/// An option that is a parameter of the page.
CLI::Option* add_parameter(CLI::App& command, std::shared_ptr<ViewFlags> const& flags,
                           std::string const& name, std::string const& about) {
  return command.add_option_function<std::string>(
      "--" + std::string(flag_of(name)),
      [flags, name](std::string const& value) { flags->asked.emplace_back(name, value); }, about);
}

void add_view(Commands& commands, CLI::App& command, std::shared_ptr<ViewFlags> const& flags,
              int (*show)(ViewFlags const&)) {
  command.add_option("--config", flags->serve.config_path, "The configuration")->capture_default_str();
  command.add_option("--data", flags->serve.data, "The data directory, instead of the configuration's");
  auto* const period = add_parameter(command, flags, "period", "This day, week or month (UTC)");
  auto* const from = add_parameter(command, flags, "from", "The first day (UTC), 2026-01-31, or a time");
  auto* const until = add_parameter(command, flags, "until", "The day after the last");
  period->excludes(from)->excludes(until);
  for (std::string const name : {"key", "user", "team", "model", "provider", "operation"})
    add_parameter(command, flags, name, "Only calls of this " + name);
  command.add_flag("--json", flags->json, "Print what the HTTP page answers");
  command.footer("It reads the database, also beside a gateway; calls of its last second may be missing.");
  commands.on(&command, [flags, show] { return show(*flags); });
}

}  // namespace

void add_usage_views(Commands& commands, CLI::App& usage) {
  auto const of_summary = std::make_shared<ViewFlags>();
  auto* const summary =
      usage.add_subcommand("summary", "Calls, tokens and cost of a time, this month unless said");
  add_parameter(*summary, of_summary, "group_by",
                "A line for each key, user, team, model, provider, operation, hour, day or month");
  add_parameter(*summary, of_summary, "limit", "So many lines of the table, 1 to 1000, not 100; the dearest");
  add_view(commands, *summary, of_summary, show_summary);

  auto const of_history = std::make_shared<ViewFlags>();
  auto* const history = usage.add_subcommand("history", "Single calls, the newest first");
  add_parameter(*history, of_history, "limit", "So many calls, 1 to 1000, not 100");
  add_parameter(*history, of_history, "after", "Go on where a page ended: its `next`");
  add_view(commands, *history, of_history, show_history);
}

}  // namespace lowart::server
