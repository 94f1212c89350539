#pragma once
/// JsonWriter: writes JSON text in order, and puts the commas.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

/// What becomes of line ends in JSON that is carried; they can only stand between its tokens.
enum class JsonLines : bool {
  kept,
  joined,  ///< They become spaces: what is written is the data line of an event.
};

/// The name of a member. That of one written in the code needs no escapes, which the compiler sees.
class JsonName {
 public:
  template <std::size_t N>
  consteval JsonName(char const (&literal)[N])  // NOLINT(google-explicit-constructor): stands for its text
      : text_(literal, N - 1), plain_(true) {
    for (char const c : text_) plain_ = plain_ && c >= ' ' && c <= '~' && c != '"' && c != '\\';
  }
  template <class Text>
    requires std::convertible_to<Text const&, std::string_view>
  JsonName(Text const& text) noexcept : text_(text) {}  // NOLINT(google-explicit-constructor): the same

  std::string_view text() const noexcept { return text_; }
  bool is_plain() const noexcept { return plain_; }

 private:
  std::string_view text_;
  bool plain_{false};
};

/// Appends to a string that outlives it. begin and end must pair; names only inside objects.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, JsonLines lines = JsonLines::kept) noexcept
      : out_(&out), lines_(lines) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& begin_object(JsonName name) { return key(name).open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_list() { return open('['); }
  JsonWriter& begin_list(JsonName name) { return key(name).open('['); }
  JsonWriter& end_list() { return close(']'); }

  /// A name; a value must follow.
  JsonWriter& key(JsonName name) {
    if (name.is_plain()) {
      plain_key(name.text());
    } else {
      comma();
      append_json_string(*out_, name.text());
      out_->push_back(':');
    }
    first_ = true;
    return *this;
  }

  JsonWriter& text(std::string_view value) {
    comma();
    append_json_string(*out_, value);
    return *this;
  }
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json) {
    comma();
    std::size_t const begin = out_->size();
    out_->append(json);
    if (lines_ == JsonLines::kept || json.find_first_of("\n\r") == std::string_view::npos) return *this;
    std::replace_if(
        out_->begin() + static_cast<std::ptrdiff_t>(begin), out_->end(),
        [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return *this;
  }
  JsonWriter& count(std::int64_t value) { return raw(std::to_string(value)); }
  JsonWriter& flag(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// The shortest text that reads back as the same number; null when it is none.
  JsonWriter& number(double value) {
    if (!std::isfinite(value)) return null();
    char digits[32];
    auto const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return raw(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }

  JsonWriter& text(JsonName name, std::string_view value) { return key(name).text(value); }
  JsonWriter& raw(JsonName name, std::string_view json) { return key(name).raw(json); }
  JsonWriter& count(JsonName name, std::int64_t value) { return key(name).count(value); }
  JsonWriter& flag(JsonName name, bool value) { return key(name).flag(value); }
  JsonWriter& null(JsonName name) { return key(name).null(); }
  JsonWriter& number(JsonName name, double value) { return key(name).number(value); }

  /// Members that may be absent: nothing is written then.
  JsonWriter& text_if(JsonName name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  JsonWriter& raw_if(JsonName name, RawJson const& json) {
    return json.empty() ? *this : raw(name, json.text);
  }
  JsonWriter& count_if(JsonName name, std::optional<std::int64_t> const& v) {
    return v ? count(name, *v) : *this;
  }
  JsonWriter& flag_if(JsonName name, std::optional<bool> const& v) { return v ? flag(name, *v) : *this; }
  JsonWriter& number_if(JsonName name, std::optional<double> const& v) {
    return v ? number(name, *v) : *this;
  }

  /// Each extra field, except those of the name `but`; a default-made `but` excepts none, "" is a name as
  /// well.
  JsonWriter& extra(std::vector<ExtraField> const& fields, std::string_view but = {}) {
    for (ExtraField const& field : fields)
      if (but.data() == nullptr || field.name != but) raw_if(field.name, field.value);
    return *this;
  }
  /// The members of an object, without its braces.
  JsonWriter& members_of(std::string_view object) {
    scan_object(object, [&](JsonMember const& member) {
      comma();
      out_->push_back('"');
      out_->append(member.key).append("\":");
      first_ = true;
      raw(member.value);
    });
    return *this;
  }

 private:
  void plain_key(std::string_view name) {
    out_->append(first_ ? "\"" : ",\"", first_ ? 1 : 2).append(name).append("\":", 2);
  }
  JsonWriter& open(char bracket) {
    comma();
    out_->push_back(bracket);
    first_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_->push_back(bracket);
    first_ = false;
    return *this;
  }
  void comma() {
    if (!first_) out_->push_back(',');
    first_ = false;
  }

  std::string* out_;
  JsonLines lines_;
  bool first_{true};
};

/// The extra field of that name; null when there is none.
inline RawJson const* find_extra(std::vector<ExtraField> const& fields, std::string_view name) noexcept {
  for (ExtraField const& field : fields)
    if (field.name == name) return &field.value;
  return nullptr;
}

}  // namespace lowart::dialect
