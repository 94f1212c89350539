#pragma once
/// MultipartForm: looks along a multipart/form-data body (RFC 7578, RFC 2046 section 5.1) as it passes by, for the one
/// field that a gateway has to know: `model`.

#include <lowart/core/result.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace multipart {

inline tl::unexpected<Error> refuse(std::string message, std::string_view param = "") {
  return fail(
      Error(Errc::invalid_request, std::move(message), Origin::client).with_param(std::string(param)));
}

inline char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
inline bool same(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() == lower_case.size() && std::equal(text.begin(), text.end(), lower_case.begin(),
                                                        [](char a, char b) { return lower(a) == b; });
}
inline std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blank = " \t";
  auto const begin = text.find_first_not_of(blank);
  return begin == text.npos ? std::string_view()
                            : text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

/// The parameters of a header field, each as it stands: `name` and what is between its quotes, or its token.
/// Null when they are not in the grammar of RFC 9110 5.6.6, or a quoted text has a backslash that is not `\"` or `\\`.
struct Parameter {
  std::string_view name;
  std::string_view value;
};
inline std::optional<std::vector<Parameter>> read_parameters(std::string_view text) {
  std::vector<Parameter> found;
  while (!(text = trimmed(text)).empty()) {
    if (text.front() != ';') return std::nullopt;
    text = trimmed(text.substr(1));
    if (text.empty()) break;
    auto const equals = text.find('=');
    if (equals == text.npos || equals == 0) return std::nullopt;
    Parameter parameter{text.substr(0, equals), {}};
    text.remove_prefix(equals + 1);
    std::size_t end = 0;
    if (text.starts_with('"')) {
      for (end = 1; end < text.size() && text[end] != '"'; ++end)
        if (text[end] == '\\' && (++end >= text.size() || (text[end] != '"' && text[end] != '\\')))
          return std::nullopt;
      if (end >= text.size()) return std::nullopt;
      parameter.value = text.substr(1, end - 1);
      ++end;
    } else {
      end = std::min(text.find_first_of("; \t"), text.size());
      parameter.value = text.substr(0, end);
    }
    found.push_back(parameter);
    text.remove_prefix(end);
  }
  return found;
}

/// The boundary that a content type of form data names.
inline Result<std::string> boundary_of(std::string_view content_type) {
  constexpr std::size_t longest = 70;  // RFC 2046 5.1.1
  constexpr std::string_view allowed =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
  auto const semicolon = std::min(content_type.find(';'), content_type.size());
  auto const parameters = read_parameters(content_type.substr(semicolon));
  std::optional<std::string_view> boundary;
  if (parameters)
    for (auto const& [name, value] : *parameters) {
      if (!same(name, "boundary")) continue;
      if (boundary) return refuse("the content type names two boundaries", "content-type");
      boundary = value;
    }
  bool const fits = boundary && !boundary->empty() && boundary->size() <= longest &&
                    boundary->find_first_not_of(allowed) == boundary->npos && boundary->back() != ' ';
  if (!fits) return refuse("the content type of a form names no valid boundary", "content-type");
  return std::string(*boundary);
}

}  // namespace multipart

/// Whether a body of this content type is form data.
inline bool is_multipart_form(std::string_view content_type) noexcept {
  auto const end = std::min(content_type.find(';'), content_type.size());
  return multipart::same(multipart::trimmed(content_type.substr(0, end)), "multipart/form-data");
}

/// Feed it the body in pieces of any size; where they are cut makes no difference. Holds a part's header, and the model's
/// name, and nothing else.
///
/// It is stricter than the RFCs where parsers differ, as a provider must not find another model than was billed: no text
/// before the first part or behind the last, no part without content, each part with one Content-Disposition that has one `name`, no extended
/// `name*`, no transfer encoding, one part `model`.
class MultipartForm {
 public:
  static constexpr std::size_t longest_header = 8 * 1024;
  static constexpr std::size_t longest_model = 512;

  /// `boundary`: see multipart::boundary_of().
  explicit MultipartForm(std::string const& boundary)
      : delimiter_("\r\n--" + boundary), falls_back_(delimiter_.size()) {
    // Knuth, Morris, Pratt: how much of the delimiter still matches when the next byte does not.
    for (std::size_t i = 1, k = 0; i < delimiter_.size(); ++i) {
      while (k > 0 && delimiter_[i] != delimiter_[k]) k = falls_back_[k - 1];
      if (delimiter_[i] == delimiter_[k]) ++k;
      falls_back_[i] = k;
    }
  }

  /// Errors: invalid_request with `param`, the first of which is final.
  Result<void> feed(std::string_view bytes) {
    char const* at = bytes.data();
    char const* const end = at + bytes.size();
    while (at != end) {
      char const* const from = at;
      Result<void> const taken = take(at, end);
      passed_ += static_cast<std::uint64_t>(at - from);
      if (!taken) return taken;
    }
    return {};
  }
  /// At the end of the body. Errors: invalid_request when the form is not complete.
  Result<void> finish() const {
    if (place_ == Place::end) return {};
    return multipart::refuse("the form ends before its last boundary");
  }

  /// The part `model` was seen whole.
  bool has_model() const noexcept { return model_is_whole_; }
  std::string const& model() const noexcept { return model_; }
  /// Where its text begins, in bytes from the beginning of the body.
  std::uint64_t model_at() const noexcept { return model_at_; }

 private:
  enum class Place : std::uint8_t { first, header, content, behind, end };

  Result<void> take(char const*& at, char const* end) {
    switch (place_) {
      case Place::first: return take_first(*at++);
      case Place::header: return take_header(*at++);
      case Place::content: return take_content(at, end);
      case Place::behind: return take_behind(*at++);
      case Place::end: break;
    }
    if (epilogue_ >= 2 || *at != "\r\n"[epilogue_])
      return multipart::refuse("the form has text behind its last boundary");
    ++epilogue_;
    ++at;
    return {};
  }

  /// The first delimiter stands at the very beginning, without its line end.
  Result<void> take_first(char c) {
    if (c != delimiter_[matched_]) return multipart::refuse("the form does not begin with its boundary");
    if (++matched_ == delimiter_.size()) begin_behind();
    return {};
  }
  void begin_behind() {
    place_ = Place::behind;
    behind_.clear();
    matched_ = 0;
  }
  /// What stands behind a boundary: a line end, or "--" for the last one.
  Result<void> take_behind(char c) {
    behind_.push_back(c);
    if (behind_.size() < 2) return {};
    if (behind_ == "--") place_ = Place::end;
    else if (behind_ == "\r\n") begin_header();
    else return multipart::refuse("a boundary of the form is followed by something else than a line end");
    return {};
  }
  void begin_header() {
    place_ = Place::header;
    header_ = "\r\n";  // so that a header without fields ends as every other does
  }

  Result<void> take_header(char c) {
    header_.push_back(c);
    if (header_.size() > longest_header)
      return multipart::refuse("the header of a part of the form is too long");
    if (c != '\n' || !header_.ends_with("\r\n\r\n")) return {};
    Result<std::string_view> const name =
        read_header(std::string_view(header_).substr(2, header_.size() - 4));
    if (!name) return fail(name.error());
    is_model_ = *name == "model";
    if (!is_model_ && multipart::same(*name, "model"))
      return multipart::refuse("the part 'model' of the form is written in capitals", "model");
    if (is_model_ && (model_is_whole_ || model_at_ != 0))
      return multipart::refuse("the form names 'model' twice: which one is meant is ambiguous", "model");
    if (is_model_) model_at_ = passed_ + 1;
    place_ = Place::content;
    content_at_ = passed_ + 1;
    matched_ = 2;  // to some, the header's own line end begins a delimiter
    return {};
  }
  /// The part's name. `lines` end with a line end each.
  static Result<std::string_view> read_header(std::string_view lines) {
    std::optional<std::string_view> name;
    bool disposed = false;
    while (!lines.empty()) {
      auto const end = lines.find("\r\n");
      std::string_view const line = lines.substr(0, end);
      lines.remove_prefix(end + 2);
      auto const colon = line.find(':');
      bool const is_field = colon != line.npos && colon > 0 && line.find_first_of("\r\n \t") >= colon &&
                            line.find('\n') == line.npos && line.find('\r') == line.npos;
      if (!is_field) return multipart::refuse("the header of a part of the form is not valid");
      std::string_view const field = line.substr(0, colon);
      if (multipart::same(field, "content-transfer-encoding"))
        return multipart::refuse(
            "a part of the form has a transfer encoding, which RFC 7578 has no place for");
      if (!multipart::same(field, "content-disposition")) continue;
      if (std::exchange(disposed, true)) return multipart::refuse("a part of the form has two dispositions");
      Result<std::string_view> const read = read_disposition(multipart::trimmed(line.substr(colon + 1)));
      if (!read) return read;
      name = *read;
    }
    if (!name) return multipart::refuse("a part of the form has no name");
    return *name;
  }
  static Result<std::string_view> read_disposition(std::string_view value) {
    constexpr std::string_view type = "form-data";
    auto const parameters = multipart::same(value.substr(0, type.size()), type)
                                ? multipart::read_parameters(value.substr(type.size()))
                                : std::nullopt;
    if (!parameters) return multipart::refuse("the disposition of a part of the form is not valid");
    std::optional<std::string_view> name;
    for (auto const& [key, text] : *parameters) {
      bool const is_other = multipart::same(key, "filename") || multipart::same(key, "filename*");
      if (is_other) continue;
      if (!multipart::same(key, "name") || name || text.find_first_of("\\;") != text.npos)
        return multipart::refuse(
            "the disposition of a part of the form has something beside a name and a filename");
      name = text;
    }
    if (!name) return multipart::refuse("a part of the form has no name");
    return *name;
  }

  /// Up to the next delimiter.
  Result<void> take_content(char const*& at, char const* end) {
    if (is_model_) return take_model(*at++);
    char const* const from = at;
    while (at != end) {
      if (matched_ == 0) {
        auto const* const found =
            static_cast<char const*>(std::memchr(at, delimiter_[0], static_cast<std::size_t>(end - at)));
        if (found == nullptr) return at = end, Result<void>();
        at = found;
      }
      if (!match(*at++)) continue;
      bool const has_content =
          passed_ + static_cast<std::uint64_t>(at - from) >= content_at_ + delimiter_.size();
      if (!has_content) return refuse_no_content();
      return begin_behind(), Result<void>();
    }
    return {};
  }
  Result<void> take_model(char c) {
    model_.push_back(c);
    bool const ends = match(c);
    if (ends && model_.size() < delimiter_.size()) return refuse_no_content();
    if (ends) {
      model_.resize(model_.size() - delimiter_.size());
      model_is_whole_ = true;
      begin_behind();
      if (model_.empty()) return multipart::refuse("'model' is empty", "model");
    }
    if (model_.size() > longest_model + delimiter_.size() || (ends && model_.size() > longest_model))
      return multipart::refuse("'model' is longer than any model's name", "model");
    return {};
  }
  /// RFC 2046 lets a part end behind its header, without the empty line; then what we take for that line begins the
  /// next part.
  static Result<void> refuse_no_content() {
    return multipart::refuse("a boundary of the form stands where the content of a part begins");
  }
  /// True when the delimiter is complete with this byte.
  bool match(char c) noexcept {
    while (matched_ > 0 && c != delimiter_[matched_]) matched_ = falls_back_[matched_ - 1];
    if (c == delimiter_[matched_]) ++matched_;
    return matched_ == delimiter_.size();
  }

  std::string delimiter_;
  std::vector<std::size_t> falls_back_;
  std::string header_;
  std::string model_;
  std::string behind_;
  std::uint64_t passed_{0};
  std::uint64_t model_at_{0};
  std::uint64_t content_at_{0};
  std::size_t matched_{2};  ///< Bytes of the delimiter; the line end of the first one is implied.
  std::size_t epilogue_{0};
  Place place_{Place::first};
  bool is_model_{false};
  bool model_is_whole_{false};
};

}  // namespace lowart::dialect
