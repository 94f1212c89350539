#pragma once
/// JsonBalance: whether an object that arrives in pieces is whole yet.

#include <cstddef>
#include <string_view>

namespace lowart::dialect {

/// Counts brackets outside of strings. Not a validator.
class JsonBalance {
 public:
  void feed(std::string_view text) noexcept {
    for (char const c : text) step(c);
  }
  /// An object has begun and every bracket is closed.
  bool whole() const noexcept { return begun_ && depth_ == 0; }

 private:
  void step(char c) noexcept {
    if (in_string_) {
      if (escaped_) escaped_ = false;
      else if (c == '\\') escaped_ = true;
      else if (c == '"') in_string_ = false;
      return;
    }
    if (c == '"') in_string_ = true;
    else if (c == '{' || c == '[') ++depth_, begun_ = true;
    else if ((c == '}' || c == ']') && depth_ > 0) --depth_;
  }

  std::size_t depth_{0};
  bool begun_{false};
  bool in_string_{false};
  bool escaped_{false};
};

}  // namespace lowart::dialect
