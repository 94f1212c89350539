#pragma once
/// Admissions without a limiter, for tests only.

#include <lowart/core/admission.hpp>

#include <cstdint>

namespace lowart::testing {

struct AdmissionForTests {
  /// Reserves nothing and settles nowhere.
  static Admission unlimited() noexcept { return Admission(nullptr, {}); }
  /// Settles on `ledger`, which outlives the admission.
  static Admission on(Ledger& ledger, std::int64_t reserved_tokens) noexcept {
    Reservation reserved;
    reserved.most.tokens = reserved_tokens;
    return Admission(&ledger, reserved);
  }
};

}  // namespace lowart::testing
