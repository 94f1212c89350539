#include "usage_request.hpp"

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/gateway/query.hpp>
#include <lowart/meter/price_card.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

namespace lowart::server {

namespace {

tl::unexpected<Error> wrong(std::string_view name, std::string message) {
  Error error(Errc::invalid_request, "'" + std::string(name) + "' " + std::move(message), Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param(std::string(name)));
}
tl::unexpected<Error> denied(std::string_view name, std::string_view whose) {
  Error error(
      Errc::permission_denied,
      "this key may not see the usage of another " + std::string(whose) + "; a key with 'admin: true' may",
      Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param(std::string(name)));
}

std::optional<std::int64_t> read_time(std::string_view text) {
  if (auto const day = parse_day(text)) return day;
  return dialect::parse_rfc3339(text);
}

template <class Enum, std::size_t N>
std::optional<Enum> named(std::string_view text) {
  for (std::size_t i = 0; i < N; ++i)
    if (text == to_string(static_cast<Enum>(i))) return static_cast<Enum>(i);
  return std::nullopt;
}

std::optional<CallFeatures> read_features(std::string_view list) {
  CallFeatures features;
  while (!list.empty()) {
    std::string_view const name = list.substr(0, list.find(','));
    auto const found = std::ranges::find(call_feature_names, name);
    if (found == call_feature_names.end()) return std::nullopt;
    features.add(static_cast<CallFeature>(1U << (found - call_feature_names.begin())));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
  }
  return features;
}

/// Reads one query, parameter by parameter; the first that is wrong ends it.
class Parameters {
 public:
  Parameters(UsageRequest& request, std::int64_t now) : request_(request), now_(now) {}

  Result<void> take(std::string_view name, std::string value) {
    if (!seen_.emplace(name).second) return wrong(name, "stands twice");
    if (std::string* const text = text_named(name)) {
      if (value.empty()) return wrong(name, "is empty");
      *text = std::move(value);
      return {};
    }
    if (name == "from" || name == "until") return take_time(name, value);
    if (name == "period") return take_period(value);
    if (name == "days" || name == "limit") return take_number(name, value);
    return take_word(name, value);
  }

 private:
  std::string* text_named(std::string_view name) {
    for (auto const& [known, text] : std::initializer_list<std::pair<std::string_view, std::string*>>{
             {"key", &request_.key},
             {"user", &request_.user},
             {"team", &request_.team},
             {"model", &request_.model},
             {"provider", &request_.provider},
             {"operation", &request_.operation},
             {"conversation", &request_.conversation},
             {"after", &request_.after}})
      if (name == known) return text;
    return nullptr;
  }
  Result<void> take_time(std::string_view name, std::string_view value) {
    auto const time = read_time(value);
    if (!time) return wrong(name, "must be a date like 2026-11-30, or a time like 2026-11-30T12:00:00Z");
    (name == "from" ? request_.from : request_.until) = *time;
    return {};
  }
  Result<void> take_period(std::string_view value) {
    auto const period = named<LimitPeriod, 3>(value);
    if (!period) return wrong("period", "must be day, week or month");
    CalendarSpan const span = calendar_span(*period, now_);
    request_.from = span.begin;
    request_.until = span.end;
    return {};
  }
  Result<void> take_number(std::string_view name, std::string_view value) {
    std::int64_t const most = name == "days" ? 366 : static_cast<std::int64_t>(HistoryQuery::max_limit);
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 1 || number > most)
      return wrong(name, "must be a whole number from 1 to " + std::to_string(most));
    if (name == "limit") request_.limit = static_cast<std::size_t>(number);
    else request_.from = calendar_span(LimitPeriod::day, now_).begin - (number - 1) * day_micros;
    return {};
  }
  Result<void> take_word(std::string_view name, std::string_view value) {
    if (name == "group_by") {
      request_.group_by = named<UsageDimension, usage_dimension_count>(value);
      if (!request_.group_by)
        return wrong(name, "must be key, user, team, model, provider, operation, hour, day or month");
    } else if (name == "outcome") {
      request_.outcome = named<Outcome, 4>(value);
      if (!request_.outcome) return wrong(name, "must be complete, partial, cancelled or failed");
    } else if (name == "failed") {
      if (value != "true" && value != "false") return wrong(name, "must be true or false");
      request_.failed_only = value == "true";
    } else if (name == "with") {
      auto const features = read_features(value);
      if (!features)
        return wrong(name, "must name tools, tool_calls, images, audio, files, structured or reasoning");
      request_.features = *features;
    } else if (name == "format") {
      if (value != "json" && value != "csv" && value != "jsonl")
        return wrong(name, "must be json, csv or jsonl");
      request_.format = value == "csv"     ? UsageFormat::csv
                        : value == "jsonl" ? UsageFormat::json_lines
                                           : UsageFormat::json;
    } else {
      return wrong(name, "is no parameter of this page");
    }
    return {};
  }
  static constexpr std::int64_t day_micros = 86'400'000'000;

  UsageRequest& request_;
  std::int64_t now_;
  std::set<std::string, std::less<>> seen_;
};

/// Narrows the request to what the key may see.
Result<void> narrow(UsageRequest& request, KeyEntry const& key) {
  if (key.admin) return {};
  if (!request.team.empty() && request.team != key.team()) return denied("team", "team");
  if (!request.user.empty() && request.user != key.user()) return denied("user", "user");
  if (!request.key.empty() && request.key != key.name && !key.name.empty()) return denied("key", "key");
  bool const is_session = key.name.empty();  // which sees all of its user's
  if (is_session) request.user = key.user();
  else if (request.user.empty()) request.key = key.name;
  return {};
}

}  // namespace

Result<UsageRequest> read_usage_parameters(std::span<UsageParameter const> parameters, std::int64_t now,
                                           std::int64_t default_from) {
  UsageRequest request;
  request.from = default_from;
  request.until = now + 1;
  Parameters taking(request, now);
  for (auto const& [name, value] : parameters)
    if (auto taken = taking.take(name, value); !taken) return tl::unexpected(taken.error());
  if (request.from >= request.until) return wrong("from", "must be before 'until'");
  return request;
}

Result<UsageRequest> read_usage_request(std::string_view query, std::string_view credential,
                                        KeyEntry const& key, std::int64_t now, std::int64_t default_from) {
  std::vector<UsageParameter> parameters;
  while (!query.empty()) {
    std::string_view const pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    std::string_view const name = pair.substr(0, pair.find('='));
    bool const is_credential =
        name == "key" && pair.substr(std::min(name.size() + 1, pair.size())) == credential;
    if (pair.empty() || is_credential) continue;
    parameters.emplace_back(name, percent_decoded(pair.substr(std::min(name.size() + 1, pair.size()))));
  }
  auto request = read_usage_parameters(parameters, now, default_from);
  if (!request) return request;
  if (auto narrowed = narrow(*request, key); !narrowed) return tl::unexpected(narrowed.error());
  return request;
}

}  // namespace lowart::server
