#pragma once
/// UsageRequest: what a GET /v1/usage... asks for, read from its query.

#include <lowart/core/result.hpp>
#include <lowart/gateway/keyring.hpp>
#include <lowart/meter/calendar_window.hpp>
#include <lowart/store/usage_store.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// How single calls are told.
enum class UsageFormat : std::uint8_t { json, csv, json_lines };

/// Owns the names that its filter views: it is handed to the thread of the store.
struct UsageRequest {
  std::string key, user, team, model, provider, operation, conversation, after;
  std::int64_t from{0};  ///< UTC microseconds; [from, until).
  std::int64_t until{0};
  std::optional<UsageDimension> group_by;
  std::optional<Outcome> outcome;
  bool failed_only{false};
  CallFeatures features;
  std::size_t limit{100};
  UsageFormat format{UsageFormat::json};

  UsageFilter filter() const noexcept {
    return UsageFilter{.key = key,
                       .user = user,
                       .team = team,
                       .model = model,
                       .provider = provider,
                       .operation = operation,
                       .from = from,
                       .until = until};
  }
  HistoryQuery history() const noexcept {
    return HistoryQuery{.filter = filter(),
                        .outcome = outcome,
                        .failed_only = failed_only,
                        .features = features,
                        .conversation = conversation,
                        .limit = limit,
                        .after = after};
  }
};

/// A parameter, decoded, and its value.
using UsageParameter = std::pair<std::string, std::string>;

/// Reads a request of who may see all, by the parameters below. Errors: invalid_request, with the parameter.
Result<UsageRequest> read_usage_parameters(std::span<UsageParameter const> parameters, std::int64_t now,
                                           std::int64_t default_from);

/// Reads the query of a request by `key` at `now` (UTC microseconds). Without a word about time it is from `default_from`
/// on until now. `credential`: the key as it was presented; a `key=` with it is no name of one.
///
///   from, until    RFC 3339, or a date (UTC, its beginning)
///   period         day, week or month: the one that now is in, instead of both
///   days           the last so many days, today included, 1 to 366, instead of `from`
///   key, user, team, model, provider, operation, conversation
///   group_by       a UsageDimension
///   outcome        complete, partial, cancelled, failed; failed=true: partial or failed
///   with           features with commas: tools, images ...
///   limit, after   of a page
///   format         json, csv, jsonl
///
/// A key that is not an administrator's sees its own calls; with `user` set to its own user, that user's calls by any key.
/// Errors (origin client, with the parameter): permission_denied; invalid_request, also for a name that is not above.
Result<UsageRequest> read_usage_request(std::string_view query, std::string_view credential,
                                        KeyEntry const& key, std::int64_t now, std::int64_t default_from);

}  // namespace lowart::server
