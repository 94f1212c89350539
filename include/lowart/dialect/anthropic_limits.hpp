#pragma once
/// anthropic-ratelimit-*: when a limit of the provider is renewed, and how a client is told of its own.

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/dialect/upstream_error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// When the provider wants to be asked again: retry-after-ms, else retry-after, else (429 only) the latest reset of the
/// limits that are used up, or of all when none is said to be. `now` is UTC in microseconds since 1970.
template <HeaderLookup F>
std::optional<std::chrono::milliseconds> read_anthropic_retry_after(int status, F const& header,
                                                                    std::int64_t now) {
  if (auto const wait = read_retry_after(status, header, now)) return wait;
  if (status != 429) return std::nullopt;
  constexpr std::array<std::string_view, 4> limits{"requests", "tokens", "input-tokens", "output-tokens"};
  std::optional<std::int64_t> used_up, any;
  for (std::string_view const limit : limits) {
    std::string name("anthropic-ratelimit-");
    name.append(limit);
    auto const reset = parse_rfc3339(header(name + "-reset"));
    if (!reset) continue;
    any = std::max(any.value_or(*reset), *reset);
    if (std::string_view(header(name + "-remaining")) == "0")
      used_up = std::max(used_up.value_or(*reset), *reset);
  }
  auto const at = used_up ? used_up : any;
  if (!at) return std::nullopt;
  return retry_text::limited((*at - now + 999) / 1000);
}

/// Tells one limit of a client in the three fields that its SDKs and throttles read. `kind` is "requests" or "tokens",
/// `reset` how long until it is full again; `put(name, value)` is called with strings that live for the call.
template <class Put>
void tell_anthropic_limit(std::string_view kind, std::int64_t limit, std::int64_t remaining,
                          std::chrono::milliseconds reset, std::int64_t now, Put&& put) {
  std::string name("anthropic-ratelimit-");
  name.append(kind).push_back('-');
  std::size_t const stem = name.size();
  auto const tell = [&](std::string_view what, std::string const& value) {
    name.resize(stem);
    put(std::string_view(name.append(what)), std::string_view(value));
  };
  tell("limit", std::to_string(limit));
  tell("remaining", std::to_string(std::max<std::int64_t>(remaining, 0)));
  tell("reset", rfc3339(now + reset.count() * 1000));
}

}  // namespace lowart::dialect
