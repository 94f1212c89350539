#pragma once
/// UsageBatch: the records of one row of the usage database.

#include <lowart/store/record_codec.hpp>

#include <algorithm>
#include <vector>

namespace lowart {

/// Encoded records, one after the other, and the range of their starts.
class UsageBatch {
 public:
  /// Bounds what must be decoded for one record of a row.
  static constexpr std::size_t max_records = 2000;
  /// A row with so many is left alone; one with fewer is read as slowly as it is small, and is added to.
  static constexpr std::size_t enough_records = 500;

  UsageBatch() = default;
  UsageBatch(std::span<std::byte const> records, std::size_t count, std::int64_t first_at,
             std::int64_t last_at)
      : bytes_(records.begin(), records.end()), count_(count), first_at_(first_at), last_at_(last_at) {}

  /// `payload` is the record, encoded.
  void add(UsageRecord const& record, std::span<std::byte const> payload) {
    bytes_.insert(bytes_.end(), payload.begin(), payload.end());
    ++count_;
    first_at_ = std::min(first_at_, record.started_at);
    last_at_ = std::max(last_at_, record.started_at);
  }

  bool has_enough() const noexcept { return count_ >= enough_records; }
  bool is_full() const noexcept { return count_ >= max_records; }
  std::size_t count() const noexcept { return count_; }
  std::int64_t first_at() const noexcept {
    return first_at_;
  }  ///< Of the earliest; above last_at() when empty.
  std::int64_t last_at() const noexcept { return last_at_; }
  std::span<std::byte const> bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::size_t count_{0};
  std::int64_t first_at_{std::numeric_limits<std::int64_t>::max()};
  std::int64_t last_at_{std::numeric_limits<std::int64_t>::min()};
};

}  // namespace lowart
