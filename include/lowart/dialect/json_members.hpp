#pragma once
/// JsonMembers: a list of members, in place as long as they are few.

#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

class JsonMembers {
 public:
  void push_back(JsonMember const& member) {
    if (size_ < few_.size()) {
      few_[size_++] = member;
      return;
    }
    if (size_ == few_.size()) many_.assign(few_.begin(), few_.end());
    many_.push_back(member);
    ++size_;
  }
  std::span<JsonMember> view() noexcept { return {size_ <= few_.size() ? few_.data() : many_.data(), size_}; }
  std::span<JsonMember const> view() const noexcept {
    return {size_ <= few_.size() ? few_.data() : many_.data(), size_};
  }

  /// Of several members of one name only the last stays, where it is. Quick for any number of them.
  void keep_last_of_each_name() {
    auto const members = view();
    if (members.size() < 2) return;
    auto const repeats_later = [&](std::size_t at) {
      auto const later = members.subspan(at + 1);
      return std::ranges::find(later, members[at].key, &JsonMember::key) != later.end();
    };
    std::vector<bool> const gone = members.size() <= few_.size() ? std::vector<bool>() : repeated(members);
    std::size_t kept = 0;
    for (std::size_t at = 0; at < members.size(); ++at)
      if (gone.empty() ? !repeats_later(at) : !gone[at]) members[kept++] = members[at];
    truncate(kept);
  }

 private:
  /// Which of many have one of the same name behind them.
  static std::vector<bool> repeated(std::span<JsonMember const> members) {
    std::vector<std::size_t> by_name(members.size());
    for (std::size_t i = 0; i < by_name.size(); ++i) by_name[i] = i;
    std::ranges::sort(by_name, {}, [&](std::size_t i) { return std::pair(members[i].key, i); });
    std::vector<bool> gone(members.size());
    for (std::size_t i = 0; i + 1 < by_name.size(); ++i)
      gone[by_name[i]] = members[by_name[i]].key == members[by_name[i + 1]].key;
    return gone;
  }
  void truncate(std::size_t size) {
    if (size_ > few_.size() && size <= few_.size()) std::copy_n(many_.begin(), size, few_.begin());
    if (size_ > few_.size()) many_.resize(size);
    size_ = size;
  }

  std::array<JsonMember, 10> few_;
  std::vector<JsonMember> many_;
  std::size_t size_{0};
};

}  // namespace lowart::dialect
