#pragma once
/// How Google's servers read names: camelCase or snake_case alike, and an element for a list of one.

#include <lowart/dialect/json_object.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// The other spelling of a camelCase name: "topP" is "top_p". Names longer than the buffer stay as they are cut.
class SnakeCase {
 public:
  constexpr explicit SnakeCase(std::string_view camel) noexcept {
    for (char const c : camel) {
      if (size_ + 2 > text_.size()) return;
      bool const upper = c >= 'A' && c <= 'Z';
      if (upper) text_[size_++] = '_';
      text_[size_++] = upper ? static_cast<char>(c | 0x20) : c;
    }
  }
  constexpr std::string_view view() const noexcept { return {text_.data(), size_}; }
  constexpr operator std::string_view() const noexcept { return view(); }  // NOLINT: stands for its text.

 private:
  std::array<char, 48> text_{};
  std::size_t size_{0};
};

/// Whether a key is the other spelling of a camelCase name.
constexpr bool is_snake_case_of(std::string_view key, std::string_view camel) noexcept {
  std::size_t at = 0;
  for (char const c : camel) {
    bool const upper = c >= 'A' && c <= 'Z';
    if (upper && (at == key.size() || key[at++] != '_')) return false;
    if (at == key.size() || key[at++] != (upper ? static_cast<char>(c | 0x20) : c)) return false;
  }
  return at == key.size();
}

/// The name under which `object` has the member: as it is, or in snake_case when only that is there.
class GeminiName {
 public:
  GeminiName(JsonObject const& object, std::string_view camel) : name_(camel) {
    if (object.peek(camel)) return;
    auto const snake = object.peek_if([=](std::string_view key) { return is_snake_case_of(key, camel); });
    if (snake) name_ = snake->key;
  }
  operator std::string_view() const noexcept { return name_; }  // NOLINT: stands for its text.

 private:
  std::string_view name_;
};

/// Whether a member has that name in either spelling.
inline bool gemini_key_is(JsonMember const& member, std::string_view camel) {
  return member.key_is(camel) || member.key_is(SnakeCase(camel));
}

/// Calls `each(JsonMember const&, JsonPath const& path)` for the elements of a list; an object stands for a list of
/// itself, as Google reads it. False when the member is not there, or is neither.
template <class F>
bool take_gemini_list(JsonObject& object, std::string_view camel, F&& each) {
  GeminiName const name(object, camel);
  auto const member = object.peek(name);
  if (!member || member->kind != JsonKind::object) return object.take_list(name, each);
  object.take(name);
  each(*member, object.path_of(name));
  return true;
}

}  // namespace lowart::dialect
