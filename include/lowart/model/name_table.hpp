#pragma once
/// NameTable: what belongs to a name, by exact names and patterns.

#include <lowart/model/name_pattern.hpp>

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowart {

/// An exact name wins over every pattern; of the patterns that match, the one that says most (NamePattern::weight), and
/// among equals the one that was added first.
///
/// Cost: one hash look-up; only where that finds nothing, one look at each pattern. No allocation.
template <class T>
class NameTable {
 public:
  NameTable() = default;
  NameTable(NameTable&&) noexcept = default;
  NameTable& operator=(NameTable&&) noexcept = default;

  /// `name` is a pattern where a `*` stands in it. False, and nothing is added, when the same name is there already.
  bool add(std::string name, T value) {
    if (!NamePattern::is_one(name)) {
      if (exact_.contains(name)) return false;
      return exact_.emplace(names_.emplace_back(std::move(name)), std::move(value)).second;
    }
    auto const same = [&](Entry const& entry) { return entry.pattern.text() == name; };
    if (std::any_of(patterns_.begin(), patterns_.end(), same)) return false;
    NamePattern pattern(std::move(name));
    auto const behind = std::find_if(patterns_.begin(), patterns_.end(), [&](Entry const& entry) {
      return entry.pattern.weight() < pattern.weight();
    });
    patterns_.insert(behind, Entry{std::move(pattern), std::move(value)});
    return true;
  }

  /// Null when nothing belongs to the name.
  T const* find(std::string_view name) const {
    if (auto const found = exact_.find(name); found != exact_.end()) return &found->second;
    for (auto const& entry : patterns_)
      if (entry.pattern.matches(name)) return &entry.value;
    return nullptr;
  }

 private:
  struct Entry {
    NamePattern pattern;
    T value;
  };
  std::deque<std::string>
      names_;  ///< What the keys of `exact_` view: it moves none when it grows or is moved.
  std::unordered_map<std::string_view, T> exact_;
  std::vector<Entry> patterns_;  ///< Those that say most first.
};

}  // namespace lowart
