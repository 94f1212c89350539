#pragma once
/// UsageRecord: the one line that a finished call leaves behind.

#include <lowart/core/money.hpp>
#include <lowart/core/usage.hpp>

#include <array>
#include <cstdint>
#include <span>
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

/// What a call asked for, beyond text.
enum class CallFeature : std::uint16_t {
  tools = 1,        ///< Tools were offered.
  tool_calls = 2,   ///< The model called some.
  images = 4,       ///< Pictures were sent.
  audio = 8,        ///< Sound was sent or asked for.
  files = 16,       ///< Documents were sent.
  structured = 32,  ///< JSON or a schema was asked for.
  reasoning = 64,   ///< The model was asked to think.
};
/// Their names, in the order of their bits.
inline constexpr std::array<std::string_view, 7> call_feature_names{
    "tools", "tool_calls", "images", "audio", "files", "structured", "reasoning"};
/// A set of them.
class CallFeatures {
 public:
  constexpr CallFeatures() = default;
  constexpr explicit CallFeatures(std::uint16_t bits) noexcept : bits_(bits) {}
  constexpr bool has(CallFeature f) const noexcept { return (bits_ & static_cast<std::uint16_t>(f)) != 0; }
  constexpr void add(CallFeature f) noexcept {
    bits_ = static_cast<std::uint16_t>(bits_ | static_cast<std::uint16_t>(f));
  }
  constexpr void add(CallFeatures more) noexcept { bits_ = static_cast<std::uint16_t>(bits_ | more.bits_); }
  /// The one whose name stands at `i` of call_feature_names.
  constexpr bool has_at(std::size_t i) const noexcept { return (bits_ >> i & 1U) != 0; }
  constexpr std::uint16_t bits() const noexcept { return bits_; }
  friend constexpr bool operator==(CallFeatures, CallFeatures) = default;

 private:
  std::uint16_t bits_{0};
};

/// One request that was sent, or tried to be sent, for a call.
struct AttemptRecord {
  std::string_view provider;
  std::string_view model;       ///< As the provider names it; empty when it is not known.
  std::int64_t began_after{0};  ///< Microseconds since the call began.
  std::int64_t duration{0};     ///< Until it failed, or its answer began.
  std::string_view failure;     ///< The error's code (to_string(Errc)); empty: it answered.
  Usage usage;  ///< Its own part of the call's usage; the last one's is what the others leave of it.
  NanoUsd cost;
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
  std::string_view user;       ///< Whose key it was; may be empty.
  std::string_view team;       ///< The same.
  std::string_view client;     ///< The client's address, without port; empty: a Unix socket, or in process.
  std::string_view conversation;  ///< Its id; empty: the call belongs to none.
  std::string_view service_tier;  ///< As the provider said; empty: its usual one.
  std::string_view price;         ///< Which price the cost was made of; empty: none was known.
  CallFeatures features;
  /// All attempts in order, where there was more than one or the only one failed; else empty.
  std::span<AttemptRecord const> trail;
  Usage usage;
  NanoUsd cost;
  std::int32_t attempts{0};  ///< Requests that reached, or tried to reach, a provider.
  std::int32_t status{0};    ///< HTTP status the client saw.
  Outcome outcome{Outcome::failed};
  Provenance provenance{Provenance::none};
  bool streamed{false};
};

}  // namespace lowart
