#pragma once
/// CsvReader: rows of comma-separated values as RFC 4180 has them. Strict and bounded.

#include <lowart/core/result.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Reads one row after the other.
///
/// A field may stand in quotes, where a quote is doubled and commas and line breaks are text. Lines end with LF or CRLF;
/// a byte order mark at the begin is skipped, and so are empty lines.
///
/// Errors: config_invalid with the line: a quote within a plain field, text behind a closing quote, a quote that is never
/// closed, a CR by itself, a row of more than 1000 fields, a field of more than 64 KiB. After one there are no rows.
class CsvReader {
 public:
  static constexpr std::size_t max_fields = 1000;
  static constexpr std::size_t max_field_bytes = std::size_t{64} * 1024;

  /// The text must stay.
  explicit CsvReader(std::string_view text) noexcept : text_(text) {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    if (text_.starts_with(mark)) at_ = mark.size();
  }

  /// Puts the next row into `fields`. False at the end.
  Result<bool> next(std::vector<std::string>& fields) {
    fields.clear();
    while (at_ < text_.size() && take_line_end()) ++line_;
    if (at_ >= text_.size()) return false;
    row_line_ = ++line_;
    for (;;) {
      if (fields.size() == max_fields) return wrong("has more than 1000 fields");
      char const* const fault = read_field(fields.emplace_back());
      if (fault != nullptr) return wrong(fault);
      if (at_ >= text_.size() || take_line_end()) return true;
      if (text_[at_] == '\r') return wrong("has a CR that ends no line");
      ++at_;  // a comma: whatever else ended the field was a fault
    }
  }
  /// Where the last row began, from 1.
  std::size_t line() const noexcept { return row_line_; }

 private:
  bool take_line_end() noexcept {
    std::string_view const rest = text_.substr(at_);
    std::size_t const length = rest.starts_with("\r\n") ? 2 : rest.starts_with('\n') ? 1 : 0;
    at_ += length;
    return length > 0;
  }
  /// Up to what ends it; what is wrong with it, or null.
  char const* read_field(std::string& field) {
    if (at_ < text_.size() && text_[at_] == '"') return read_quoted(field);
    std::size_t const end = std::min(text_.find_first_of(",\r\n\"", at_), text_.size());
    if (end - at_ > max_field_bytes) return "has a field of more than 64 KiB";
    field.assign(text_, at_, end - at_);
    at_ = end;
    return at_ < text_.size() && text_[at_] == '"' ? "has a quote within a field that does not begin with one"
                                                   : nullptr;
  }
  char const* read_quoted(std::string& field) {
    ++at_;
    for (;;) {
      std::size_t const quote = text_.find('"', at_);
      if (quote == std::string_view::npos) return "has a quote that is never closed";
      if (field.size() + (quote - at_) >= max_field_bytes) return "has a field of more than 64 KiB";
      for (char const c : text_.substr(at_, quote - at_))
        if (c == '\n') ++line_;
      field.append(text_, at_, quote - at_);
      at_ = quote + 1;
      if (at_ >= text_.size() || text_[at_] == ',' || text_[at_] == '\n' || text_[at_] == '\r')
        return nullptr;
      if (text_[at_] != '"') return "has text behind a closing quote";
      field.push_back('"');
      ++at_;
    }
  }
  tl::unexpected<Error> wrong(std::string_view what) {
    at_ = text_.size();
    return fail(Errc::config_invalid, "line " + std::to_string(row_line_) + " " + std::string(what));
  }

  std::string_view text_;
  std::size_t at_{0};
  std::size_t line_{0};
  std::size_t row_line_{0};
};

}  // namespace lowart::dialect
