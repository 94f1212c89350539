#pragma once
/// Admission: the right to send one call upstream. Law 1: without it, nothing is sent.

#include <lowart/core/money.hpp>

#include <cstdint>
#include <utility>

namespace lowart {

class Call;
class Limiter;

namespace testing {
struct AdmissionForTests;
}

/// What a call may use, or has used.
struct CallUse {
  std::int64_t tokens{0};  ///< Input and output together.
  NanoUsd cost;
  friend bool operator==(CallUse const&, CallUse const&) = default;
};

/// What a limiter reserved for one call.
struct Reservation {
  CallUse most;
  std::int64_t began_utc{0};  ///< Microseconds since 1970: the calendar windows that the call belongs to.
};

/// Where a limiter keeps what it reserved for a call, until the call is settled.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// The call is over: give back what was reserved and charge what was used.
  virtual void settle(Reservation const& reserved, CallUse const& used) noexcept = 0;
};

/// Made by a Limiter only, moved into a Call. Settled once; dropped unsettled it charges nothing.
class Admission {
 public:
  Admission(Admission&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)), reserved_(other.reserved_) {}
  Admission& operator=(Admission&&) = delete;
  ~Admission() { settle({}); }

  Reservation const& reserved() const noexcept { return reserved_; }

  /// Charges `used` instead of the reservation. Later calls do nothing.
  void settle(CallUse const& used) noexcept {
    if (Ledger* ledger = std::exchange(ledger_, nullptr)) ledger->settle(reserved_, used);
  }

 private:
  friend class Call;
  friend class Limiter;
  friend struct testing::AdmissionForTests;
  Admission(Ledger* ledger, Reservation const& reserved) noexcept : ledger_(ledger), reserved_(reserved) {}

  /// The same right for a fork of the call. It settles nothing: what a call used is settled once, by the call itself.
  Admission part() const noexcept { return Admission(nullptr, reserved_); }

  Ledger* ledger_;  ///< Outlives the call; null where nothing is limited.
  Reservation reserved_;
};

}  // namespace lowart
