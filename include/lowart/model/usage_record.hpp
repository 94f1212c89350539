#pragma once
/// UsageRecord: the one line that a finished call leaves behind.

#include <lowart/core/money.hpp>
#include <lowart/core/usage.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace lowart {

/// How a call ended.
enum class Outcome : std::uint8_t {
  complete,   ///< The provider finished and said so.
  partial,    ///< Content was delivered, then the provider or the connection failed.
  cancelled,  ///< The client left before the end.
  failed,     ///< No content was delivered.
};

constexpr std::string_view to_string(Outcome o) noexcept {
  constexpr std::array<std::string_view, 4> names{"complete", "partial", "cancelled", "failed"};
  return names[static_cast<std::size_t>(o)];
}

/// 128 random bits that name a call; the journal's guard against counting one twice.
struct CallId {
  std::uint64_t high{0};
  std::uint64_t low{0};
  friend bool operator==(CallId, CallId) = default;
};

/// What is kept of one call. The strings are views: they live as long as the call does, and a store copies
/// what it keeps. Times are UTC microseconds since 1970, durations microseconds.
struct UsageRecord {
  CallId id;
  std::int64_t started_at{0};
  std::int64_t duration{0};
  std::int64_t time_to_first_token{-1};  ///< -1: no content arrived.
  std::string_view key;                  ///< Name of the API key, never the key; empty in process.
  std::string_view model;                ///< The model the client asked for.
  std::string_view provider;             ///< The provider that answered last.
  std::string_view upstream_model;
  std::string_view operation;  ///< "chat", "completion", ...
  Usage usage;
  NanoUsd cost;
  std::int32_t attempts{0};  ///< Requests that reached, or tried to reach, a provider.
  std::int32_t status{0};    ///< HTTP status the client saw.
  Outcome outcome{Outcome::failed};
  Provenance provenance{Provenance::none};
  bool streamed{false};
};

}  // namespace lowart
