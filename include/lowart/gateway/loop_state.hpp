#pragma once
/// LoopState: what the doors of one event loop share: its metrics shard, its access log, its request ids.

#include <lowart/gateway/access_log.hpp>
#include <lowart/gateway/metrics.hpp>

#include <array>
#include <cstdint>
#include <random>
#include <string_view>

namespace lowart {

/// `req_` and 24 hexadecimal digits.
class RequestId {
 public:
  explicit RequestId(std::mt19937_64& random) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view prefix = "req_";
    std::copy(prefix.begin(), prefix.end(), text_.begin());
    std::uint64_t bits = random();
    for (std::size_t i = prefix.size(); i < text_.size(); ++i, bits >>= 4U) {
      if (i == prefix.size() + 16) bits = random();
      text_[i] = digits[bits & 15U];
    }
  }
  std::string_view view() const noexcept { return {text_.data(), text_.size()}; }

  /// Whether a client's own id may be used: 1 to 128 characters that need no escape anywhere.
  static bool acceptable(std::string_view id) noexcept {
    constexpr std::size_t longest = 128;
    if (id.empty() || id.size() > longest) return false;
    for (char const c : id) {
      bool const plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         c == '-' || c == '_' || c == '.' || c == ':';
      if (!plain) return false;
    }
    return true;
  }

 private:
  std::array<char, 28> text_{};
};

/// One per event loop; used on its thread.
struct LoopState {
  LoopState(MetricsShard& m, Clock& clock, int log_fd) : metrics(m), log(log_fd, clock) {}
  MetricsShard& metrics;
  AccessLog log;
  std::mt19937_64 random{std::random_device{}()};
};

}  // namespace lowart
