#pragma once
/// WholeBody: the body of a provider's whole answer, gathered within a bound.

#include <lowart/model/whole_reply.hpp>
#include <lowart/net/transport.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Copies only what comes in several pieces.
///
///     for (bool more = true; more;) {
///       Result<std::span<char>> piece;
///       if (!body.read_now(piece)) piece = co_await body.read();
///       if (!piece) ...
///       more = body.take(*piece);
///     }
class WholeBody final : public ReplyBytes {
 public:
  WholeBody(ArenaPtr<net::Exchange> exchange, std::size_t most_bytes, Call& call)
      : exchange_(std::move(exchange)),
        length_(exchange_->content_length()),
        most_bytes_(most_bytes),
        gathered_(call.memory()) {}

  Task<Result<std::span<char>>> read() { return exchange_->read(); }
  bool read_now(Result<std::span<char>>& piece) { return exchange_->read_now(piece); }
  /// Takes the next piece; true when more is to be read. An empty one is the end.
  bool take(std::span<char> piece) {
    if (piece.empty()) return false;
    std::string_view const bytes(piece.data(), piece.size());
    too_large_ = gathered_.size() + bytes.size() > most_bytes_;
    if (too_large_) return false;
    if (gathered_.empty() && length_ == bytes.size()) {
      text_ = bytes;  // all of it in one piece: no copy
      exchange_->finish();
      return false;
    }
    if (gathered_.empty() && length_) gathered_.reserve(std::min(*length_, most_bytes_));
    gathered_.append(bytes);
    text_ = gathered_;
    return true;
  }
  /// What was gathered is not all, as that is over the bound.
  bool too_large() const noexcept { return too_large_; }
  static Error too_large_error() {
    return Error(Errc::too_large, "the provider's reply is over the size limit", Origin::upstream)
        .with_sent(Sent::yes);
  }
  /// What was gathered.
  std::string_view text() const noexcept override { return text_; }

 private:
  ArenaPtr<net::Exchange> exchange_;
  std::optional<std::uint64_t> length_;
  std::size_t most_bytes_;
  std::pmr::string gathered_;  ///< Used when the reply came in several pieces.
  std::string_view text_;
  bool too_large_{false};
};

}  // namespace lowart
