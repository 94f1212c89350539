#pragma once
/// Secret: text that cannot be printed, compared in variable time or serialised by accident.

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A credential. Only reveal() shows it; every use of that word is a place to review.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) noexcept : text_(std::move(text)) {}
  Secret(Secret const&) = default;
  Secret(Secret&& other) noexcept : text_(other.text_) { other.wipe(); }
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~Secret() { wipe(); }

  bool empty() const noexcept { return text_.empty(); }
  std::string_view reveal() const noexcept { return text_; }

  /// Takes time that depends on the lengths only.
  bool equals(std::string_view candidate) const noexcept {
    unsigned char difference = text_.size() == candidate.size() ? 0 : 1;
    for (std::size_t i = 0; i < candidate.size(); ++i) {
      char const mine = text_.empty() ? '\0' : text_[i % text_.size()];
      difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(mine ^ candidate[i]));
    }
    return difference == 0;
  }

  // No operator==, no operator<<, no std::hash, no JSON: see law 10.
  friend bool operator==(Secret const&, Secret const&) = delete;

 private:
  void wipe() noexcept {
    char volatile* p = text_.data();
    for (std::size_t i = 0; i < text_.size(); ++i) p[i] = '\0';
    text_.clear();
  }
  std::string text_;
};

/// The environment variable's value; an empty Secret when it is not set.
inline Secret env_secret(char const* name) {
  char const* value = std::getenv(name);
  return Secret(value == nullptr ? std::string() : std::string(value));
}

}  // namespace lowart
