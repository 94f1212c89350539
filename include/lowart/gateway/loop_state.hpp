#pragma once
/// LoopState: what the doors of one event loop share: its metrics shard, its access log, its request ids.

#include <lowart/gateway/access_log.hpp>
#include <lowart/gateway/keep_content.hpp>
#include <lowart/gateway/metrics.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace lowart {

class ConversationTable;
class NonceTable;
class RequestQueue;

/// `req_` and 24 hexadecimal digits.
class RequestId {
 public:
  explicit RequestId(std::mt19937_64& random) {
    constexpr std::string_view prefix = "req_";
    std::copy(prefix.begin(), prefix.end(), text_.begin());
    std::uint64_t const first = random();
    char* at = text_.data() + prefix.size();
    for (std::uint64_t const bits : {first, first >> 32U, std::uint64_t{random()}}) {
      std::uint64_t const digits = eight_digits(bits);
      std::memcpy(at, &digits, sizeof digits);
      at += sizeof digits;
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
  /// The low 32 bits as text, one digit a byte.
  static constexpr std::uint64_t eight_digits(std::uint64_t bits) noexcept {
    constexpr std::uint64_t each = 0x0101010101010101U;
    std::uint64_t x = bits & 0xffff'ffffU;
    x = (x | x << 16U) & 0x0000'ffff'0000'ffffU;
    x = (x | x << 8U) & 0x00ff'00ff'00ff'00ffU;
    x = (x | x << 4U) & each * 15;
    std::uint64_t const above_nine = (x + each * 6) >> 4U & each;
    return x + each * '0' + above_nine * ('a' - '9' - 1);
  }

  std::array<char, 28> text_{};
};

/// One per event loop; used on its thread.
struct LoopState {
  LoopState(MetricsShard& m, Clock& clock, int log_fd) : metrics(m), log(log_fd, clock) {}
  MetricsShard& metrics;
  AccessLog log;
  std::mt19937_64 random{std::random_device{}()};
  ConversationTable* conversations{nullptr};  ///< Of all loops, outlives them; null: calls belong to none.
  RequestQueue* requests{nullptr};            ///< The same; null: there is no request log.
  NonceTable* nonces{nullptr};                ///< The same; null: no request can be signed here.
  KeepContent const* content{nullptr};        ///< The same; null: what is said is not kept.
};

}  // namespace lowart
