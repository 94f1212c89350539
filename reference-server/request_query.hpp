#pragma once
/// RequestQuery: what a page of the request log is asked for, read from the query of its URL.

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/gateway/query.hpp>
#include <lowart/store/request_log.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

struct RequestQuery {
  RequestFilter filter;
  std::size_t limit{100};
  std::optional<RequestCursor> after;
};

namespace request_query {

inline tl::unexpected<Error> refuse(std::string_view name, std::string message) {
  return tl::unexpected<Error>(
      Error(Errc::invalid_request, std::move(message), Origin::client).with_param(std::string(name)));
}
inline Result<std::int64_t> number(std::string_view query, std::string_view name, std::int64_t usual,
                                   std::int64_t least, std::int64_t most) {
  auto const text = in_query(query, name);
  if (text.empty()) return usual;
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const whole = error == std::errc() && end == text.data() + text.size();
  if (whole && value >= least && value <= most) return value;
  return refuse(name, "'" + std::string(name) + "' is a number from " + std::to_string(least) + " to " +
                          std::to_string(most));
}
inline Result<std::int64_t> time(std::string_view query, std::string_view name, std::int64_t usual) {
  auto const text = in_query(query, name);
  if (text.empty()) return usual;
  if (auto const at = dialect::parse_rfc3339(percent_decoded(text))) return *at;
  return refuse(name, "'" + std::string(name) + "' is a time such as 2026-11-30T17:00:00Z");
}

}  // namespace request_query

/// Errc::invalid_request names the parameter that is wrong.
inline Result<RequestQuery> read_request_query(std::string_view query) {
  using namespace request_query;
  RequestQuery wish;
  wish.filter.key = percent_decoded(in_query(query, "key"));
  wish.filter.model = percent_decoded(in_query(query, "model"));
  wish.filter.error = percent_decoded(in_query(query, "error"));
  auto const status = number(query, "status", 0, 100, 599);
  auto const limit = number(query, "limit", 100, 1, 1000);
  auto const from = time(query, "from", wish.filter.from);
  auto const until = time(query, "until", wish.filter.until);
  for (auto const* read : {&status, &limit, &from, &until})
    if (!*read) return tl::unexpected<Error>(read->error());
  wish.filter.status = static_cast<int>(*status);
  wish.limit = static_cast<std::size_t>(*limit);
  wish.filter.from = *from;
  wish.filter.until = *until;
  if (auto const cursor = in_query(query, "after"); !cursor.empty()) {
    wish.after = RequestCursor::parse(cursor);
    if (!wish.after) return refuse("after", "'after' is the 'next' of an earlier page");
  }
  return wish;
}

}  // namespace lowart::server
