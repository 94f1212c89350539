#pragma once
/// Outbox: the small writes of one turn of a loop, sent one after the other at its end.

#include <lowart/core/config.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace lowart::net {

class Watch;

/// Each write may wake a peer that sleeps on another core of this machine, which costs more than the write itself. Sent
/// back to back the first wakes it for all; and one call finds the other's code still in the cache.
///
/// What is put here was taken, as by a socket's own buffer: whether it arrives shows in what is read next. It waits for
/// the end of the turn, for `most_writes` or for `most_bytes`, whichever comes first.
class Outbox {
 public:
  static constexpr std::size_t most_writes = 32;
  static constexpr std::size_t most_bytes = 512 * 1024;
  /// Larger ones are sent at once: copying them costs more than is won.
  static constexpr std::size_t largest_write = 32 * 1024;

  bool empty() const noexcept { return count_ == 0; }
  /// Copies the pieces, behind what is here already. False: it is too much.
  LOWART_DECL bool put(Watch& watch, std::span<std::string_view const> pieces);
  /// Sends everything. What a socket does not take stays with its watch.
  LOWART_DECL void flush() noexcept;
  /// Lets go of its room while nothing is in it, until the next put(); true where there was some.
  bool tidy() noexcept { return empty() && std::exchange(bytes_, nullptr) != nullptr; }

 private:
  struct Write {
    Watch* watch;
    std::size_t end;  ///< Of its bytes; they begin where those before it end.
  };
  std::size_t end() const noexcept { return count_ == 0 ? 0 : writes_[count_ - 1].end; }

  std::unique_ptr<char[]> bytes_;
  std::array<Write, most_writes> writes_;
  std::size_t count_{0};
};

}  // namespace lowart::net
