#pragma once
/// JsonWriter: writes JSON text in order, and puts the commas.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
///
/// While an object or a list is open, the string is the writer's: it has room for more behind what is written, which
/// goes when the outermost one ends. Until then nobody else may look at the string or write to it.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, JsonLines lines = JsonLines::kept) noexcept
      : out_(&out), lines_(lines) {}
  JsonWriter(JsonWriter&&) = default;  ///< The one moved from must not be used any more.
  JsonWriter& operator=(JsonWriter&&) = delete;

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& begin_object(JsonName name) { return key(name).open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_list() { return open('['); }
  JsonWriter& begin_list(JsonName name) { return key(name).open('['); }
  JsonWriter& end_list() { return close(']'); }

  /// Makes room for so many bytes more at once.
  void reserve(std::size_t bytes) { need(bytes), settle(); }

  /// A name; a value must follow.
  JsonWriter& key(JsonName name) {
    std::string_view const text = name.text();
    need(text.size() + 4);
    if (!first_) *at_++ = ',';
    if (name.is_plain()) {
      *at_++ = '"';
      put(text);
      *at_++ = '"';
    } else {
      string(text);
    }
    *at_++ = ':';
    first_ = true;
    return settle();
  }

  JsonWriter& text(std::string_view value) {
    comma();
    string(value);
    return settle();
  }
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json) {
    need(json.size() + 1);
    if (!std::exchange(first_, false)) *at_++ = ',';
    char* const begin = at_;
    put(json);
    if (lines_ == JsonLines::joined)
      std::replace_if(begin, at_, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return settle();
  }
  JsonWriter& count(std::int64_t value) {
    char digits[20];
    auto const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return raw(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }
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
      need(member.key.size() + 4);
      if (!first_) *at_++ = ',';
      *at_++ = '"';
      put(member.key);  // escapes and all
      *at_++ = '"';
      *at_++ = ':';
      first_ = true;
      raw(member.value);
    });
    return *this;
  }

  /// The bytes of the string so far.
  std::size_t size() const noexcept {
    return at_ == nullptr ? out_->size() : static_cast<std::size_t>(at_ - out_->data());
  }

 private:
  JsonWriter& open(char bracket) {
    comma();
    *at_++ = bracket;
    first_ = true;
    ++depth_;
    return *this;
  }
  JsonWriter& close(char bracket) {
    need(1);
    *at_++ = bracket;
    first_ = false;
    --depth_;
    return settle();
  }
  /// Leaves room for two bytes more.
  void comma() {
    need(3);
    if (!std::exchange(first_, false)) *at_++ = ',';
  }
  /// Outside of everything the string ends with what is written.
  JsonWriter& settle() {
    if (depth_ == 0) give_back();
    return *this;
  }
  void give_back() {
    out_->resize(size());
    at_ = end_ = nullptr;
  }

  /// Room for so many bytes more.
  void need(std::size_t bytes) {
    assert(end_ == nullptr || end_ == out_->data() + out_->size());  // nobody else wrote to it
    if (static_cast<std::size_t>(end_ - at_) < bytes) grow(bytes);
  }
  [[gnu::noinline]] void grow(std::size_t bytes) {
    constexpr std::size_t least = 256;
    std::size_t const used = size();
    out_->resize(used + std::max({bytes, used / 2, least}));
    at_ = out_->data() + used;
    end_ = out_->data() + out_->size();
  }
  /// Bytes for which there is room.
  void put(std::string_view bytes) noexcept { at_ = copy_bytes(at_, bytes); }

  /// A string with its quotes. There is room for these two.
  void string(std::string_view text) {
    *at_++ = '"';
    need(text.size() + 2);
    if (!copy_if_plain(text, at_)) special_string(text);
    *at_++ = '"';
  }
  [[gnu::noinline]] void special_string(std::string_view text) {
    while (!text.empty()) {
      std::size_t const valid = is_valid_utf8(text) ? text.size() : valid_utf8_prefix(text);
      escaped(text.substr(0, valid));
      if (valid == text.size()) return;
      need(text.size() + replacement_character.size() + 2);
      put(replacement_character);
      text.remove_prefix(valid + 1);
    }
  }
  /// Valid UTF-8, with escapes. Leaves room for two bytes more.
  void escaped(std::string_view text) {
    for (std::size_t at = 0;; ++at) {
      need(text.size() - at + 8);
      at = copy_plain(text, at, at_);
      if (at == text.size()) return;
      at_ = write_escape(at_, text[at]);
    }
  }

  std::string* out_;
  char* at_{nullptr};   // where the next byte goes, while the string is ours
  char* end_{nullptr};  // of the room
  std::uint32_t depth_{0};
  JsonLines lines_;
  bool first_{true};
};

/// About the bytes that a conversation takes in any dialect, a little more rather than less.
inline std::size_t estimated_size(Conversation const& c) noexcept {
  constexpr std::size_t each = 112;  // names, ids, brackets
  std::size_t size = 512;
  for (Message const& message : c.messages) {
    size += each;
    for (ContentPart const& part : message.content)
      size += each + part.text.size() + part.media->data.size() + part.call.arguments.size() +
              part.raw.text.size() + part.signature.value.size();
  }
  for (Tool const& tool : c.tools)
    size += each + tool.description.size() + tool.parameters.text.size() + tool.raw.text.size();
  return size;
}

/// The extra field of that name; null when there is none.
inline RawJson const* find_extra(std::vector<ExtraField> const& fields, std::string_view name) noexcept {
  for (ExtraField const& field : fields)
    if (field.name == name) return &field.value;
  return nullptr;
}

}  // namespace lowart::dialect
