#pragma once
/// Admissions without a limiter, for tests only.

#include <lowart/core/admission.hpp>

namespace lowart::testing {

struct AdmissionForTests {
  /// Reserves nothing and settles nowhere.
  static Admission unlimited() noexcept { return Admission(nullptr, 0); }
  /// Settles on `ledger`, which outlives the admission.
  static Admission on(Ledger& ledger, std::int64_t reserved_tokens) noexcept {
    return Admission(&ledger, reserved_tokens);
  }
};

}  // namespace lowart::testing
