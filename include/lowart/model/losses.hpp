#pragma once
/// Losses: what of a request another dialect cannot say. Law 6: refused with its name, or dropped and told.

#include <lowart/core/result.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// What weighs a loss: a hint changes cost, speed or bookkeeping; anything else changes what is answered.
enum class Weight : std::uint8_t { hint, meaning };

/// What an operator lets a translation drop. Whatever is dropped is told to the client in `x-lowart-dropped`.
enum class MayDrop : std::uint8_t { nothing, hints, anything };

constexpr std::string_view to_string(MayDrop m) noexcept {
  switch (m) {
    case MayDrop::nothing: return "nothing";
    case MayDrop::hints: return "hints";
    case MayDrop::anything: return "anything";
  }
  return "hints";
}

/// Collects the losses of one translation. The first one that may not be is its error.
class Losses {
 public:
  explicit Losses(MayDrop may_drop = MayDrop::hints) noexcept : may_drop_(may_drop) {}

  /// `field` cannot be said, spelt as the client spelt it ("messages[0].content[1].cache_control"). `why` goes on
  /// after "the field 'x'": "cannot be said to a provider that speaks gemini".
  void lose(Weight weight, std::string field, std::string_view why) {
    bool const may =
        may_drop_ == MayDrop::anything || (may_drop_ == MayDrop::hints && weight == Weight::hint);
    if (may) {
      if (std::find(dropped_.begin(), dropped_.end(), field) == dropped_.end())
        dropped_.push_back(std::move(field));
      return;
    }
    if (refused_) return;
    std::string message = "the field '" + field + "' ";
    refused_.emplace(Errc::unsupported, message.append(why), Origin::client);
    std::move(*refused_).with_param(std::move(field));
  }

  /// The error of the first loss that may not be: Errc::unsupported with the field in param.
  std::optional<Error> const& refused() const noexcept { return refused_; }
  /// What is not said, each field once.
  std::vector<std::string> const& dropped() const noexcept { return dropped_; }
  /// For the header `x-lowart-dropped`: the fields, comma-separated, cut at a sensible length; empty without any.
  std::string header() const {
    constexpr std::size_t longest = 1024;
    std::string text;
    for (std::string const& field : dropped_) {
      if (text.size() + field.size() + 6 > longest) return text.append(", ...");
      if (!text.empty()) text.append(", ");
      for (char const c : field) text += c >= ' ' && c <= '~' ? c : '?';
    }
    return text;
  }

 private:
  MayDrop may_drop_;
  std::vector<std::string> dropped_;
  std::optional<Error> refused_;
};

}  // namespace lowart
