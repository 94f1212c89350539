#pragma once
/// NamePattern: a name in which each `*` stands for anything, nothing included. How files write many names as one.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Whether `name` is `pattern`, each `*` of which stands for any text; case counts. No backtracking: a hostile name
/// costs its length times the pattern's.
constexpr bool name_matches(std::string_view pattern, std::string_view name) noexcept {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;  // up to where the last star reaches
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(),
                     [](char c) { return c == '*'; });
}

class NamePattern {
 public:
  explicit NamePattern(std::string text) : text_(std::move(text)) {}

  static constexpr bool is_one(std::string_view text) noexcept {
    return text.find('*') != std::string_view::npos;
  }

  std::string const& text() const noexcept { return text_; }
  bool matches(std::string_view name) const noexcept { return name_matches(text_, name); }
  /// How much it says: the length of what is no star. Of two patterns the one that says more goes first.
  std::size_t weight() const noexcept {
    return text_.size() - static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '*'));
  }
  /// What the star of a pattern with one star stands for in `name`; all of `name` for a pattern with several.
  /// Ask only where it matches.
  std::string_view star_in(std::string_view name) const noexcept {
    std::size_t const star = text_.find('*');
    if (star == std::string::npos || text_.find('*', star + 1) != std::string::npos) return name;
    return name.substr(star, name.size() - (text_.size() - 1));
  }

 private:
  std::string text_;
};

}  // namespace lowart
