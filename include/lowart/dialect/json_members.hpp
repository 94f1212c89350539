#pragma once
/// JsonMembers: a list of members, in place as long as they are few.

#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

class JsonMembers {
 public:
  JsonMembers() noexcept {}  // leaves the places empty: made for each object of a body
  JsonMembers(JsonMembers&& other) noexcept { *this = std::move(other); }
  JsonMembers& operator=(JsonMembers&& other) noexcept {
    many_ = std::move(other.many_);
    size_ = other.size_;
    if (size_ <= places) std::copy_n(other.few_, size_, few_);
    return *this;
  }

  void push_back(JsonMember const& member) {
    if (size_ >= places) return push_back_to_many(member);
    few_[size_++] = member;
  }
  std::span<JsonMember> view() noexcept { return {size_ <= places ? few_ : many_.data(), size_}; }
  std::span<JsonMember const> view() const noexcept { return {size_ <= places ? few_ : many_.data(), size_}; }

  /// Of several members of one name only the last stays, where it is. Quick for any number of them.
  void keep_last_of_each_name() {
    auto const members = view();
    if (members.size() < 2) return;
    auto const repeats_later = [&](std::size_t at) {
      auto const later = members.subspan(at + 1);
      return std::any_of(later.begin(), later.end(),
                         [&](JsonMember const& other) { return other.key == members[at].key; });
    };
    std::vector<char> const gone = members.size() <= places ? std::vector<char>() : repeated(members);
    std::size_t kept = 0;
    for (std::size_t at = 0; at < members.size(); ++at)
      if (gone.empty() ? !repeats_later(at) : gone[at] == 0) members[kept++] = members[at];
    truncate(kept);
  }

 private:
  static constexpr std::size_t places = 10;

  [[gnu::noinline]] void push_back_to_many(JsonMember const& member) {
    if (size_ == places) many_.assign(few_, few_ + places);
    many_.push_back(member);
    ++size_;
  }
  /// Which of many have one of the same name behind them.
  static std::vector<char> repeated(std::span<JsonMember const> members) {
    std::vector<std::size_t> by_name(members.size());
    for (std::size_t i = 0; i < by_name.size(); ++i) by_name[i] = i;
    std::sort(by_name.begin(), by_name.end(), [&](std::size_t one, std::size_t other) {
      int const order = members[one].key.compare(members[other].key);
      return order != 0 ? order < 0 : one < other;
    });
    std::vector<char> gone(members.size());
    for (std::size_t i = 0; i + 1 < by_name.size(); ++i)
      gone[by_name[i]] = members[by_name[i]].key == members[by_name[i + 1]].key ? 1 : 0;
    return gone;
  }
  void truncate(std::size_t size) {
    if (size_ > places && size <= places) std::copy_n(many_.begin(), size, few_);
    if (size_ > places) many_.resize(size);
    size_ = size;
  }

  union {
    JsonMember few_[places];  // the first size_ of them are there
  };
  std::vector<JsonMember> many_;
  std::size_t size_{0};
};

}  // namespace lowart::dialect
