#pragma once
/// Redactor: replaces what must not be kept: addresses, numbers of phones and cards, keys, and an operator's patterns.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

namespace redact {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_word(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/// What is found: text[from, from + size).
struct Found {
  std::size_t from{0};
  std::size_t size{0};
};

/// The next e-mail address at or behind `at`: an @ between a name and a host with a dot.
inline std::optional<Found> email(std::string_view text, std::size_t at) noexcept {
  auto const in_name = [](char c) { return is_word(c) || c == '.' || c == '+' || c == '%'; };
  for (auto sign = text.find('@', at); sign != std::string_view::npos; sign = text.find('@', sign + 1)) {
    std::size_t from = sign, end = sign + 1;
    while (from > at && in_name(text[from - 1])) --from;
    while (end < text.size() && (is_word(text[end]) || text[end] == '.')) ++end;
    while (end > sign && text[end - 1] == '.') --end;  // that of the sentence
    auto const host = text.substr(sign + 1, end - sign - 1);
    auto const dot = host.rfind('.');
    bool const is_host = dot != std::string_view::npos && dot > 0 && host.size() - dot > 2;
    if (from < sign && is_host) return Found{from, end - from};
  }
  return std::nullopt;
}

/// A run of digits with at most one separator between two of them, and the digits alone.
struct Number {
  Found place;
  std::string digits;
  bool plus{false};
  std::string groups;  ///< How many digits stand together, each as one more digit: "334" of 555-123-4567.
};
inline std::optional<Number> next_number(std::string_view text, std::size_t at) {
  constexpr std::size_t most_digits = 24;
  auto const separates = [](char c) {
    return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/';
  };
  for (; at < text.size(); ++at) {
    bool const begins = is_digit(text[at]) && (at == 0 || !is_word(text[at - 1]) || text[at - 1] == '-');
    if (!begins) continue;
    Number number;
    number.plus = at > 0 && text[at - 1] == '+';
    std::size_t end = at;
    for (std::size_t i = at; i < text.size() && number.digits.size() < most_digits; ++i) {
      if (is_digit(text[i])) {
        bool const apart = i != end || number.groups.empty();
        if (apart) number.groups.push_back('0');
        if (number.groups.back() < '9') ++number.groups.back();
        number.digits.push_back(text[i]);
        end = i + 1;
      } else if (!separates(text[i]) || i - end > 1) {
        break;
      }
    }
    std::size_t const from = number.plus ? at - 1 : at;
    number.place = Found{from, end - from};
    bool const ends = end == text.size() || !is_word(text[end]) || text[end] == '-';
    if (ends) return number;
    at = end;
  }
  return std::nullopt;
}
/// The check digit of payment cards.
constexpr bool has_luhn_sum(std::string_view digits) noexcept {
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int const digit = digits[digits.size() - 1 - i] - '0';
    int const twice = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += i % 2 == 0 ? digit : twice;
  }
  return sum % 10 == 0;
}
inline bool is_card(Number const& n) noexcept {
  return n.digits.size() >= 13 && n.digits.size() <= 19 && !n.plus && has_luhn_sum(n.digits);
}
/// `+` and a country, ten digits in groups of three, three and four, or a mobile number of China.
inline bool is_phone(Number const& n) noexcept {
  std::size_t const size = n.digits.size();
  if (n.plus) return size >= 8 && size <= 15;
  bool const of_china = size == 11 && n.digits[0] == '1' && n.digits[1] >= '3';
  return of_china || n.groups == "334" || n.groups == "1334";
}
template <bool (*is_it)(Number const&) noexcept>
std::optional<Found> number(std::string_view text, std::size_t at) {
  while (auto const found = next_number(text, at)) {
    if (is_it(*found)) return found->place;
    at = found->place.from + found->place.size;
  }
  return std::nullopt;
}

/// A word that begins as keys of known services do and is long enough to be one, or a private key in PEM.
inline std::optional<Found> key(std::string_view text, std::size_t at) noexcept {
  constexpr std::size_t shortest = 20;
  constexpr std::array<std::string_view, 14> prefixes{"sk-",   "sk_",  "pk_",         "rk_",    "ghp_",
                                                      "gho_",  "ghs_", "github_pat_", "glpat-", "xoxb-",
                                                      "xoxp-", "AKIA", "ASIA",        "AIza"};
  constexpr std::string_view begin = "-----BEGIN ", end = "-----END ";
  while (at < text.size()) {
    if (text.substr(at).starts_with(begin)) {
      if (text.substr(at, 64).find("PRIVATE KEY") != std::string_view::npos) {
        auto const last = text.find(end, at);
        auto const stop = last == std::string_view::npos ? last : text.find("-----", last + end.size());
        return Found{at, (stop == std::string_view::npos ? text.size() : stop + 5) - at};
      }
      at += begin.size();
      continue;
    }
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    auto const word_end =
        std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_word);
    auto const size = static_cast<std::size_t>(word_end - text.begin()) - at;
    auto const word = text.substr(at, size);
    bool const known =
        std::any_of(prefixes.begin(), prefixes.end(), [&](auto p) { return word.starts_with(p); });
    if (known && size >= shortest) return Found{at, size};
    at += size == 0 ? 1 : word.starts_with('-') ? 1 : size;
  }
  return std::nullopt;
}

}  // namespace redact

/// What stands for each kind is its name in brackets: `[email]`. It looks for what is usual, in linear time, and misses
/// what is unusual: no promise that nothing personal is left.
///
/// Patterns are ECMAScript regular expressions, matched without backtracking, so that no text can make one take
/// exponential time or much stack; those with back-references are refused. Immutable: any thread.
class Redactor {
 public:
  enum class Kind : std::uint8_t { email, phone, card, key };
  static std::optional<Kind> kind_named(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 4> names{"email", "phone", "card", "key"};
    auto const found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<Kind>(found - names.begin());
  }

  void add(Kind kind) { kinds_[static_cast<std::size_t>(kind)] = true; }
  /// False: `pattern` is none that can be used. Matches become `with`, in which $1 is the first group.
  bool add(std::string const& pattern, std::string with) {
    try {
      patterns_.emplace_back(std::regex(pattern, flags), std::move(with));
    } catch (std::regex_error const&) {
      return false;
    }
    return true;
  }

  std::string redact(std::string text) const {
    if (has(Kind::key)) replace(text, &redact::key, "[key]");
    if (has(Kind::email)) replace(text, &redact::email, "[email]");
    if (has(Kind::card)) replace(text, &redact::number<&redact::is_card>, "[card]");
    if (has(Kind::phone)) replace(text, &redact::number<&redact::is_phone>, "[phone]");
    for (auto const& [pattern, with] : patterns_) {
      try {
        text = replace_matches(text, pattern, with);
      } catch (std::regex_error const&) {
        return "[not kept: a pattern was too complex for the text]";
      }
    }
    return text;
  }

 private:
#if defined(__GLIBCXX__)
  static constexpr auto flags = std::regex::ECMAScript | std::regex_constants::__polynomial;
#else
  static constexpr auto flags = std::regex::ECMAScript;
#endif
  bool has(Kind kind) const noexcept { return kinds_[static_cast<std::size_t>(kind)]; }
  template <class Find>
  static void replace(std::string& text, Find find, std::string_view with) {
    auto found = find(text, 0);
    if (!found) return;
    std::string out;
    std::size_t at = 0;
    for (; found; found = find(text, at)) {
      out.append(text, at, found->from - at).append(with);
      at = found->from + found->size;
    }
    text = out.append(text, at);
  }

  /// Looks at a window of the text at a time, so that a pattern such as `[a-z]+@corp` costs no more than the text's length
  /// times the window, whatever the text is. Matches of up to half a window are found wherever they are.
  static std::string replace_matches(std::string const& text, std::regex const& pattern,
                                     std::string const& with) {
    constexpr std::size_t window = 1024;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t const end = std::min(text.size(), at + window);
      auto const begin = text.begin() + static_cast<std::ptrdiff_t>(at);
      auto how = std::regex_constants::match_default | std::regex_constants::match_not_null;
      if (at > 0) how |= std::regex_constants::match_prev_avail;
      if (end < text.size()) how |= std::regex_constants::match_not_eol;
      std::smatch match;
      bool const found =
          std::regex_search(begin, text.begin() + static_cast<std::ptrdiff_t>(end), match, pattern, how);
      auto const from = found ? static_cast<std::size_t>(match.position(0)) : 0;
      if (found && (from < window / 2 || end == text.size())) {
        out.append(text, at, from).append(match.format(with));
        at += from + static_cast<std::size_t>(match.length(0));
      } else {
        std::size_t const step = end == text.size() ? end - at : window / 2;
        out.append(text, at, step);
        at += step;
      }
    }
    return out;
  }

  std::array<bool, 4> kinds_{};
  std::vector<std::pair<std::regex, std::string>> patterns_;
};

}  // namespace lowart
