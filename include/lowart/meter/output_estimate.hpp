#pragma once
/// OutputEstimate: how many tokens a model's answers have, learned from those it gave.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

namespace lowart {

/// Follows what nine of ten answers stay within. Each answer moves the figure: up by nine parts where it was longer, down
/// by one where not, so that it rests where one in ten is longer. Parts are shares of the figure itself, so it is near
/// after some tens of answers whatever their length, and keeps following.
///
/// Concurrency: any thread; of two answers that end at once one may be missed, which changes nothing much.
class OutputEstimate {
 public:
  /// `tokens`: of one answer whose request set no limit.
  void observe(std::int64_t tokens) noexcept {
    std::int64_t const seen = seen_.fetch_add(1, std::memory_order_relaxed);
    std::int64_t const length = std::clamp<std::int64_t>(tokens, 0, most) * scale;
    std::int64_t const now = figure_.load(std::memory_order_relaxed);
    if (seen == 0) return figure_.store(std::max(length, scale), std::memory_order_relaxed);
    std::int64_t const part = std::max<std::int64_t>(now / (seen < first_few ? 36 : 144), 1);
    std::int64_t const next = length > now ? now + 9 * part : now - part;
    figure_.store(std::clamp<std::int64_t>(next, scale, most * scale), std::memory_order_relaxed);
  }
  /// nullopt until enough answers are known.
  std::optional<std::int64_t> tokens() const noexcept {
    if (seen_.load(std::memory_order_relaxed) < enough) return std::nullopt;
    return (figure_.load(std::memory_order_relaxed) + scale - 1) / scale;
  }

 private:
  static constexpr std::int64_t scale = 1024;
  static constexpr std::int64_t most = std::int64_t{1} << 24U;
  static constexpr std::int64_t first_few = 100;
  static constexpr std::int64_t enough = 20;

  std::atomic<std::int64_t> figure_{0};
  std::atomic<std::int64_t> seen_{0};
};

}  // namespace lowart
