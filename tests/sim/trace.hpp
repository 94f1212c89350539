#pragma once
/// Trace: what happened in a run, in order. Its digest tells two runs apart without keeping either.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace lowart::sim {

using Nanos = std::chrono::nanoseconds;

/// Prints what it is told when it is to, and always digests it (FNV-1a).
class Trace {
 public:
  explicit Trace(bool prints) noexcept : prints_(prints) {}

  bool prints() const noexcept { return prints_; }
  std::uint64_t digest() const noexcept { return digest_; }

  /// What is noted from now on does not go into the digest.
  void ends() noexcept { ended_ = true; }

  /// `what` is a literal; `a` and `b` are whatever numbers belong to it.
  void note(Nanos at, std::string_view what, std::int64_t a = 0, std::int64_t b = 0) {
    if (!ended_) digest(at, what, a, b);
    if (!prints_) return;
    double const ms = static_cast<double>(at.count()) / 1e6;
    std::printf("%12.3f ms  %.*s %lld %lld\n", ms, static_cast<int>(what.size()), what.data(),
                static_cast<long long>(a), static_cast<long long>(b));
  }
  /// For eyes only; fillings of a request are left out.
  void text(std::string_view what, std::string_view bytes) const {
    if (!prints_) return;
    std::printf("                 %.*s: ", static_cast<int>(what.size()), what.data());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '\n') std::fputs("\\n", stdout);
      else if (bytes[i] == '\r') std::fputs("\\r", stdout);
      else if (bytes.substr(i, 4) != "xxxx") std::fputc(bytes[i], stdout);
    }
    std::fputc('\n', stdout);
  }

 private:
  void digest(Nanos at, std::string_view what, std::int64_t a, std::int64_t b) noexcept {
    mix(static_cast<std::uint64_t>(at.count()));
    for (char const c : what) mix_byte(static_cast<unsigned char>(c));
    mix(static_cast<std::uint64_t>(a));
    mix(static_cast<std::uint64_t>(b));
  }
  void mix_byte(unsigned char byte) noexcept { digest_ = (digest_ ^ byte) * 0x100000001b3U; }
  void mix(std::uint64_t word) noexcept { digest_ = (digest_ ^ word) * 0x9e3779b97f4a7c15U; }

  bool prints_;
  bool ended_{false};
  std::uint64_t digest_{0xcbf29ce484222325U};
};

}  // namespace lowart::sim
