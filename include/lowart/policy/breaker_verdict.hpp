#pragma once
/// BreakerVerdict: what an error says about a target, and about whom exactly.

#include <lowart/core/error.hpp>

#include <cstdint>

namespace lowart {

/// What an error says about the target.
enum class BreakerVerdict : std::uint8_t {
  nothing,     ///< The client's fault, or nobody's: counts neither way.
  failure,     ///< One failure.
  open,        ///< No call can succeed for now: opens at once, for the rest.
  open_until,  ///< The target named the time (Error::retry_after): opens until then.
};

constexpr BreakerVerdict verdict(Errc code, bool has_retry_after, bool from_upstream) noexcept {
  switch (code) {
    case Errc::connect_failed:
    case Errc::connect_timeout:
    case Errc::first_token_timeout:
    case Errc::between_tokens_timeout:
    case Errc::whole_timeout:
    case Errc::connection_lost:
    case Errc::malformed_reply:
    case Errc::upstream_failed: return BreakerVerdict::failure;
    case Errc::upstream_auth: return BreakerVerdict::open;
    case Errc::quota_exceeded:
      if (!from_upstream) return BreakerVerdict::nothing;
      return has_retry_after ? BreakerVerdict::open_until : BreakerVerdict::open;
    case Errc::rate_limited:
    case Errc::overloaded:
      if (!from_upstream) return BreakerVerdict::nothing;
      return has_retry_after ? BreakerVerdict::open_until : BreakerVerdict::failure;
    case Errc::too_large: return from_upstream ? BreakerVerdict::failure : BreakerVerdict::nothing;
    default: return BreakerVerdict::nothing;
  }
}

inline BreakerVerdict verdict(Error const& error) noexcept {
  return verdict(error.code(), error.retry_after().count() >= 0, error.origin() == Origin::upstream);
}

/// Whose errors a breaker counts. A provider with several keys has breakers of each kind, so that what one key is
/// refused keeps nobody from the others.
struct BreakerScope {
  bool key{true};  ///< Refused credentials (401), a used-up quota: in vain for each model of that key.
  bool model_of_key{true};  ///< A rate limit (429), a model that the key may not use (403).
  bool target{true};        ///< Everything else: in vain with each key.

  constexpr bool covers(Errc code, int upstream_status) const noexcept {
    constexpr int forbidden = 403;
    switch (code) {
      case Errc::upstream_auth: return upstream_status == forbidden ? model_of_key : key;
      case Errc::quota_exceeded: return key;
      case Errc::rate_limited: return model_of_key;
      default: return target;
    }
  }
  bool covers(Error const& error) const noexcept { return covers(error.code(), error.upstream_status()); }
  friend bool operator==(BreakerScope const&, BreakerScope const&) = default;
};

}  // namespace lowart
