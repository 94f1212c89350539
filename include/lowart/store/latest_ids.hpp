#pragma once
/// LatestIds: which calls were seen lately.

#include <lowart/model/usage_record.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace lowart {

struct CallIdHash {
  std::size_t operator()(CallId id) const noexcept {
    auto const mixed = (id.low ^ (id.high * 0x9E37'79B9'7F4A'7C15u)) * 0xD6E8'FEB8'6659'FD93u;
    return mixed ^ (mixed >> 32);
  }
};

/// Knows at least the latest `reach` of the ids that were added, and at most twice as many.
///
/// Two sets that take turns: when the young one is full, the old one is emptied and becomes the young one. So
/// nothing is ever erased, and an id costs a look into each.
class LatestIds {
 public:
  static constexpr std::size_t reach = 4096;

  /// Says whether the id is new.
  bool add(CallId id) {
    if (id == CallId{}) return true;  // Zero marks an empty place, and a record that was given no id.
    if (old_[place(old_, id)] == id) return false;
    auto& slot = young_[place(young_, id)];
    if (slot == id) return false;
    slot = id;
    if (++young_count_ == reach) {
      std::swap(young_, old_);
      young_.assign(places, CallId{});
      young_count_ = 0;
    }
    return true;
  }

 private:
  static constexpr std::size_t places = 2 * reach;  // Half full at most, so that runs stay short.

  /// Where the id is, or where it would go.
  static std::size_t place(std::vector<CallId> const& set, CallId id) noexcept {
    auto at = CallIdHash{}(id) % places;
    while (set[at] != CallId{} && set[at] != id) at = (at + 1) % places;
    return at;
  }

  std::vector<CallId> young_ = std::vector<CallId>(places);
  std::vector<CallId> old_ = std::vector<CallId>(places);
  std::size_t young_count_{0};
};

}  // namespace lowart
