#pragma once
/// JsonCursor: steps over JSON values without looking into them, 64 bytes at a time.

#include <lowart/dialect/json_block.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart::dialect {

enum class JsonKind : std::uint8_t { object, array, string, number, boolean, null };

/// How a scan ended.
enum class JsonScan : std::uint8_t {
  ok,             ///< The text is one object (or array) and nothing else, as far as a shallow look can tell.
  stopped,        ///< The callback returned false; what follows was not looked at.
  truncated,      ///< The text ends inside a value.
  not_an_object,  ///< The text does not begin with '{' ('[' for arrays).
  trailing,       ///< Something other than white space follows the value.
  too_deep,       ///< Nested deeper than json_depth_limit.
  unbalanced,     ///< A bracket closes that is not open.
  malformed,      ///< A missing comma, colon or quote, a word that is no literal, a number that is none.
};

constexpr std::string_view to_string(JsonScan scan) noexcept {
  switch (scan) {
    case JsonScan::ok: return "ok";
    case JsonScan::stopped: return "stopped";
    case JsonScan::truncated: return "the JSON text is cut off";
    case JsonScan::not_an_object: return "the body is not a JSON object";
    case JsonScan::trailing: return "something follows the JSON value";
    case JsonScan::too_deep: return "the JSON text is nested too deeply";
    case JsonScan::unbalanced: return "a bracket closes that is not open";
    case JsonScan::malformed: return "the JSON text is malformed";
  }
  return "malformed";
}

/// Brackets that may be open at once, the outermost included.
inline constexpr std::size_t json_depth_limit = 512;

/// A position in JSON text, and the steps forward. The scans of json_scan.hpp are made of it.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) noexcept : at_(text.data()), end_(text.data() + text.size()) {}

  bool at_end() const noexcept { return at_ == end_; }
  char const* at() const noexcept { return at_; }
  /// Goes on at a later place of the same text.
  void move_to(char const* at) noexcept { at_ = at; }
  char peek() const noexcept { return at_ == end_ ? '\0' : *at_; }
  void skip_space() noexcept {
    if (at_ != end_ && static_cast<unsigned char>(*at_) > ' ') return;  // mostly there is none
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  /// Steps over a string; at() is at its opening quote. ok or truncated.
  JsonScan skip_string() noexcept;
  /// The same, and gives what stands between the quotes and whether it may have escapes.
  JsonScan take_string(std::string_view& inner, bool& may_be_escaped) noexcept;
  /// Steps over a whole number of at most 16 digits, without sign, fraction and exponent. False: nothing was done, also
  /// when the text ends with the number.
  bool take_count(std::int64_t& value) noexcept;
  /// Steps over an object or array; at() is at its opening bracket. `limit` brackets may be open at once.
  JsonScan skip_nested(std::size_t limit) noexcept;
  /// Steps over any value and says what it was.
  JsonScan skip_value(JsonKind& kind) noexcept;

 private:
  JsonScan skip_literal(std::string_view word) noexcept;
  JsonScan skip_number() noexcept;
  JsonScan enough_or_cut() const noexcept { return at_ == end_ ? JsonScan::truncated : JsonScan::malformed; }

  char const* at_;
  char const* end_;
};

inline JsonScan JsonCursor::skip_string() noexcept {
  auto const left = static_cast<std::size_t>(end_ - at_);
  if (left > json_block::short_size) {
    // Keys and most values end here.
    std::size_t const size = json_block::short_string(at_ + 1);
    if (size != json_block::short_size) {
      at_ += size + 2;
      return JsonScan::ok;
    }
  }
  char const* const quote = json_block::string_end(at_ + std::min<std::size_t>(left, 1), end_);
  at_ = quote != end_ ? quote + 1 : end_;
  return quote != end_ ? JsonScan::ok : JsonScan::truncated;
}

inline JsonScan JsonCursor::take_string(std::string_view& inner, bool& may_be_escaped) noexcept {
  char const* const begin = at_ + 1;
  if (static_cast<std::size_t>(end_ - at_) > json_block::short_size) {
    std::size_t const size = json_block::short_string(begin);
    if (size != json_block::short_size) {
      inner = std::string_view(begin, size);
      may_be_escaped = false;
      at_ = begin + size + 1;
      return JsonScan::ok;
    }
  }
  JsonScan const scan = skip_string();
  if (scan != JsonScan::ok) return scan;
  inner = std::string_view(begin, static_cast<std::size_t>(at_ - begin) - 1);
  may_be_escaped = inner.find('\\') != std::string_view::npos;
  return scan;
}

inline bool JsonCursor::take_count(std::int64_t& value) noexcept {
  constexpr std::ptrdiff_t most = 17;
  char const* p = at_;
  char const* const stop = end_ - p > most ? p + most : end_;
  std::int64_t count = 0;
  for (; p != stop; ++p) {
    auto const digit = static_cast<unsigned>(*p - '0');
    if (digit > 9) break;
    count = count * 10 + digit;
  }
  auto const digits = p - at_;
  if (digits == 0 || p == stop || (*at_ == '0' && digits > 1)) return false;
  if (*p == '.' || *p == 'e' || *p == 'E') return false;
  value = count;
  at_ = p;
  return true;
}

inline JsonScan JsonCursor::skip_nested(std::size_t limit) noexcept {
  char const closes_with = *at_ == '{' ? '}' : ']';
  std::size_t depth = 0;
  std::uint64_t carry = 0;
  for (char const* p = at_; p < end_; p += json_block::size) {
    json_block::Block const block = json_block::load(p, end_);
    std::uint64_t const quotes = block.equal('"') & ~json_block::escaped(block.equal('\\'), carry);
    std::uint64_t const strings = json_block::prefix_parity(quotes);
    std::uint64_t const opens = block.equal_folded('{') & ~strings;
    std::uint64_t const closes = block.equal_folded('}') & ~strings;
    auto const opened = static_cast<std::size_t>(std::popcount(opens));
    auto const closed = static_cast<std::size_t>(std::popcount(closes));
    bool const goes_on =
        depth > closed && depth + opened <= limit;  // neither end nor limit lies in this block
    if (goes_on) depth = depth + opened - closed;
    for (std::uint64_t rest = goes_on ? 0 : opens | closes; rest != 0; rest &= rest - 1) {
      std::uint64_t const bit = rest & (0 - rest);
      if ((opens & bit) != 0) {
        if (++depth > limit) return JsonScan::too_deep;
      } else if (--depth == 0) {
        char const* const last = p + std::countr_zero(bit);
        at_ = last + 1;
        return *last == closes_with ? JsonScan::ok : JsonScan::unbalanced;
      }
    }
    if ((strings >> 63U) == 0) continue;
    // What is inside the string that the block ends in is of no interest, and the string may be long.
    char const* const rest = p + json_block::size;
    char const* const quote = rest < end_ ? json_block::string_end(rest + carry, end_) : end_;
    if (quote == end_) break;
    p = quote + 1 - json_block::size;
    carry = 0;
  }
  at_ = end_;
  return JsonScan::truncated;
}

inline JsonScan JsonCursor::skip_literal(std::string_view word) noexcept {
  for (char const c : word)
    if (!take(c)) return enough_or_cut();
  return JsonScan::ok;
}

inline JsonScan JsonCursor::skip_number() noexcept {
  auto const digit = [this] { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; };
  auto const digits = [&] {
    bool const any = digit();
    while (digit()) ++at_;
    return any;
  };
  take('-');
  if (!take('0') && !digits()) return enough_or_cut();
  if (take('.') && !digits()) return enough_or_cut();
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return enough_or_cut();
  }
  return JsonScan::ok;
}

inline JsonScan JsonCursor::skip_value(JsonKind& kind) noexcept {
  switch (peek()) {
    case '{': return kind = JsonKind::object, skip_nested(json_depth_limit - 1);
    case '[': return kind = JsonKind::array, skip_nested(json_depth_limit - 1);
    case '"': return kind = JsonKind::string, skip_string();
    case 't': return kind = JsonKind::boolean, skip_literal("true");
    case 'f': return kind = JsonKind::boolean, skip_literal("false");
    case 'n': return kind = JsonKind::null, skip_literal("null");
    default: return kind = JsonKind::number, skip_number();
  }
}

}  // namespace lowart::dialect
