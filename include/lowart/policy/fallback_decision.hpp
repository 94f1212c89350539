#pragma once
/// Which failures go on to the next target, and what is told when all targets failed. Decides only.

#include <lowart/core/call.hpp>
#include <lowart/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A provider's 404 that is about the model: OpenAI "model_not_found", vLLM "The model `x` does not exist",
/// Ollama "model 'x' not found", Anthropic "model: x". Another target may have it.
inline bool is_model_missing(Error const& error) noexcept {
  auto const names_model = [](std::string_view text) { return text.find("model") != std::string_view::npos; };
  return error.upstream_status() == 404 &&
         (names_model(error.upstream_body()) || names_model(error.upstream_message()));
}

/// True when another target may succeed where this one failed. The client's own faults fail everywhere, and a
/// call that is over is not carried on; everything else is the target's trouble.
inline bool goes_on(Error const& error) noexcept {
  switch (error.code()) {
    case Errc::cancelled:
    case Errc::whole_timeout:
    case Errc::client_deadline:
    case Errc::shutting_down:
    case Errc::invalid_request:
    case Errc::unauthenticated:
    case Errc::permission_denied: return false;
    case Errc::unsupported: return true;  // what this target's dialect cannot say, another's may
    case Errc::upstream_rejected: {
      int const status = error.upstream_status();
      bool const clients_fault = status == 400 || status == 404 || status == 413 || status == 422;
      return !clients_fault || is_model_missing(error);
    }
    default: return error.origin() != Origin::client;
  }
}

/// True when the same provider may answer to other credentials: what was refused, was the account's trouble. Its own
/// trouble (5xx, timeouts) is the same for every key, and so are our limits on it.
inline bool another_key_may_do(Error const& error) noexcept {
  switch (error.code()) {
    case Errc::upstream_auth:
    case Errc::circuit_open: return true;
    case Errc::rate_limited:
    case Errc::quota_exceeded: return error.origin() == Origin::upstream;
    case Errc::upstream_rejected: return error.upstream_status() == 402 || error.upstream_status() == 403;
    default: return false;
  }
}

/// Nothing goes on: the first target's word is the last.
inline bool never_goes_on(Error const&) noexcept { return false; }

/// goes_on, another_key_may_do, never_goes_on, or an own one.
using GoesOn = bool (*)(Error const& error);

/// Gathers what failed while a chain of targets is tried.
class FallbackReport {
 public:
  /// `trail` is the call's, as long as it is when the chain begins.
  explicit FallbackReport(std::size_t trail_size) noexcept : trail_seen_(trail_size) {}

  /// `target` failed with `error`; what it did stands in the trail.
  void add(std::string_view target, Error error, Call const& call) {
    ++failed_;
    auto const& trail = call.trail();
    std::size_t const before = std::min(trail_seen_, trail.size());
    if (before == trail.size()) note(target, error.code());  // Refused before anything was tried.
    for (std::size_t i = before; i < trail.size(); ++i)
      note(trail[i].provider, trail[i].failure.value_or(error.code()));
    trail_seen_ = trail.size();
    most_sent_ = std::max(most_sent_, error.sent());
    if (!best_ || is_better(error, *best_)) best_ = std::move(error);
  }

  /// The one error for the client: code, status and Retry-After of the target that is likely to be back
  /// first, and a message that names what was tried. A chain of one tells its own error. Call add() first.
  Error error() && {
    if (failed_ == 1) return *std::move(best_);
    std::string message = "every target failed: " + tried_;
    if (left_out_ > 0) message += " and " + std::to_string(left_out_) + " more";
    return std::move(*best_).with_message(std::move(message)).with_sent(most_sent_);
  }

 private:
  static constexpr std::size_t longest_list = 512;  ///< Bytes of the list of what was tried.

  void note(std::string_view who, Errc code) {
    if (tried_.size() + who.size() > longest_list) {
      ++left_out_;
      return;
    }
    if (!tried_.empty()) tried_ += ", ";
    tried_ += who;
    tried_ += " (";
    tried_ += to_string(code);
    tried_ += ')';
  }
  /// A known time of recovery beats an unknown one, the earlier one the later; else retryable beats not; else
  /// the later target, which is the one the operator trusts to be there last.
  static bool is_better(Error const& candidate, Error const& best) noexcept {
    bool const known = candidate.retry_after().count() >= 0;
    bool const best_known = best.retry_after().count() >= 0;
    if (known && best_known) return candidate.retry_after() < best.retry_after();
    if (known != best_known) return known;
    return candidate.retryable() || !best.retryable();
  }

  std::size_t trail_seen_;
  std::size_t failed_{0};
  std::size_t left_out_{0};
  std::string tried_;
  std::optional<Error> best_;
  Sent most_sent_{Sent::nothing};
};

}  // namespace lowart
