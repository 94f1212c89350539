#pragma once
/// Counts the tokens of a text that comes in parts, exactly as if it had come at once.

#include <algorithm>
#include <cstddef>
#include <lowart/meter/encoding.hpp>
#include <lowart/meter/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Keeps only the end of the text, as far as what comes next could still change its tokens: the last word or
/// run of spaces, usually. Time is linear in the text however finely it is cut. Not thread-safe.
class TokenCounter {
 public:
  /// `encoding` must outlive this.
  explicit TokenCounter(Encoding const& encoding) noexcept : encoding_{&encoding} {}

  /// Adds the next part, which may end anywhere, also inside a character.
  void feed(std::string_view part) {
    append_utf8(part);
    if (open_.size() < try_at_) return;
    Encoding::Settled const settled = encoding_->count_settled(open_);
    tokens_ += settled.tokens;
    open_.erase(0, settled.bytes);
    try_at_ =
        std::max(open_.size() * 2, batch);  // looking again at a long word for each byte would be quadratic
  }

  /// The tokens so far, if the text ended here. May be asked at any time and feeding may go on; costs as much
  /// as counting the open end.
  [[nodiscard]] std::size_t count() const {
    if (half_character_.empty()) return tokens_ + encoding_->count(open_);
    return tokens_ + encoding_->count(open_ + half_character_);
  }

 private:
  static constexpr std::size_t batch = 256;

  /// Puts `part` behind the open end: repaired, and without a character cut off at its end, which waits.
  void append_utf8(std::string_view part) {
    while (!half_character_.empty() && !part.empty()) {
      half_character_ += part.front();
      part.remove_prefix(1);
      if (unicode::utf8_step(half_character_).cut_off) continue;
      std::string const done = std::exchange(half_character_, {});
      append_complete(done);
    }
    append_complete(part);
  }

  void append_complete(std::string_view text) {
    while (!text.empty()) {
      std::size_t const good = unicode::valid_utf8_prefix(text);
      open_.append(text.substr(0, good));
      text.remove_prefix(good);
      if (text.empty()) return;
      unicode::Utf8Step const step = unicode::utf8_step(text);
      if (step.cut_off) {
        half_character_ = text;
        return;
      }
      open_.append("\xEF\xBF\xBD");
      text.remove_prefix(step.bytes);
    }
  }

  Encoding const* encoding_;
  std::size_t tokens_ = 0;
  std::size_t try_at_ = batch;
  std::string open_;
  std::string half_character_;
};

}  // namespace lowart
