#pragma once
/// Rare: a part of a value that mostly says nothing.

#include <memory>
#include <utility>

namespace lowart {

/// A T that is kept apart, and only once something was written into it: a pointer instead of sizeof(T) where most values
/// say nothing there. Copied and compared as a T; one that was never written reads as T().
template <class T>
class Rare {
 public:
  Rare() noexcept = default;
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare&&) noexcept = default;
  Rare(Rare const& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Rare& operator=(Rare const& other) { return *this = Rare(other); }

  T const& operator*() const noexcept { return value_ ? *value_ : nothing(); }
  T const* operator->() const noexcept { return &**this; }
  /// To write into. Good until this is assigned to or goes.
  T& edit() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }

  friend bool operator==(Rare const& a, Rare const& b) { return *a == *b; }

 private:
  static T const& nothing() noexcept {
    static T const value;
    return value;
  }
  std::unique_ptr<T> value_;
};

}  // namespace lowart
