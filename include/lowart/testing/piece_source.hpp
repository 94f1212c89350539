#pragma once
/// PieceSource: a request's body in pieces that a test has written down.

#include <lowart/core/body_source.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::testing {

/// Gives its pieces, which are not empty, in order; fails behind them when told to.
class PieceSource final : public BodySource {
 public:
  explicit PieceSource(std::vector<std::string> pieces, bool tells_length = true, bool rewinds = true)
      : pieces_(std::move(pieces)), tells_length_(tells_length), rewinds_(rewinds) {}

  PieceSource& then_fail(Error error) { return error_ = std::move(error), *this; }
  /// Says another length than it has.
  PieceSource& lies(std::uint64_t length) { return told_ = length, *this; }
  std::size_t rewound() const noexcept { return rewound_; }

  bool rewind() override {
    if (!can_rewind()) return false;
    rewound_ += next_ > 0 ? 1U : 0U;
    next_ = 0;
    return true;
  }
  bool can_rewind() const noexcept override { return rewinds_ || next_ == 0; }
  std::optional<std::uint64_t> length() const noexcept override {
    if (!tells_length_) return std::nullopt;
    std::uint64_t sum = 0;
    for (auto const& piece : pieces_) sum += piece.size();
    return told_.value_or(sum);
  }
  Task<Result<std::string_view>> next(Call&) override {
    if (next_ < pieces_.size()) co_return std::string_view(pieces_[next_++]);
    if (error_) co_return fail(*error_);
    co_return std::string_view();
  }

 private:
  std::vector<std::string> pieces_;
  bool tells_length_;
  bool rewinds_;
  std::optional<std::uint64_t> told_;
  std::optional<Error> error_;
  std::size_t next_{0};
  std::size_t rewound_{0};
};

}  // namespace lowart::testing
