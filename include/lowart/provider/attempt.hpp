#pragma once
/// AttemptMark: notes one attempt on the call's trail, from its start to its answer or failure.

#include <lowart/core/call.hpp>

namespace lowart {

/// Every leaf provider makes one of these per request it sends; records, logs and metrics are read off the trail.
class AttemptMark {
 public:
  /// `provider` must outlive the call. `model`: as the provider names it; empty where it is not known.
  AttemptMark(Call& call, std::string_view provider, std::string_view model = {})
      : call_(call), index_(call.trail().size()) {
    call.trail().push_back(Attempt{.provider = provider,
                                   .started_at = call.now(),
                                   .ended_at = {},
                                   .failure = {},
                                   .model = call.keep(model)});
  }
  /// The answer has begun.
  void answered() { answered(call_.now()); }
  void answered(TimePoint at) { call_.trail()[index_].ended_at = at; }
  /// Notes and returns the failure, for `co_return mark.failed(std::move(error));`
  tl::unexpected<Error> failed(Error error) {
    auto& attempt = call_.trail()[index_];
    attempt.ended_at = call_.now();
    attempt.failure = error.code();
    return tl::unexpected<Error>(std::move(error));
  }

 private:
  Call& call_;
  std::size_t index_;
};

}  // namespace lowart
