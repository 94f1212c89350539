#pragma once
/// Admission: the right to send one call upstream. Law 1: without it, nothing is sent.

#include <cstdint>
#include <utility>

namespace lowart {

class Call;
class Limiter;

namespace testing {
struct AdmissionForTests;
}

/// What a limiter reserved for a call, until the call is settled.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// The call is over: give back what was reserved and charge what was used.
  virtual void settle(std::int64_t reserved_tokens, std::int64_t used_tokens) noexcept = 0;
};

/// Made by a Limiter only, moved into a Call. Settled once; dropped unsettled it charges nothing.
class Admission {
 public:
  Admission(Admission&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)), reserved_tokens_(other.reserved_tokens_) {}
  Admission& operator=(Admission&&) = delete;
  ~Admission() { settle(0); }

  std::int64_t reserved_tokens() const noexcept { return reserved_tokens_; }

  /// Charges `used_tokens` instead of the reservation. Later calls do nothing.
  void settle(std::int64_t used_tokens) noexcept {
    if (Ledger* ledger = std::exchange(ledger_, nullptr)) ledger->settle(reserved_tokens_, used_tokens);
  }

 private:
  friend class Call;
  friend class Limiter;
  friend struct testing::AdmissionForTests;
  Admission(Ledger* ledger, std::int64_t reserved_tokens) noexcept
      : ledger_(ledger), reserved_tokens_(reserved_tokens) {}

  /// The same right for a fork of the call. It settles nothing: what a call used is settled once, by the call itself.
  Admission part() const noexcept { return Admission(nullptr, reserved_tokens_); }

  Ledger* ledger_;  ///< Outlives the call; null where nothing is limited.
  std::int64_t reserved_tokens_;
};

}  // namespace lowart
