#pragma once
/// How Google's servers read names: camelCase or snake_case alike, and an element for a list of one.

#include <lowart/dialect/json_object.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
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

/// A camelCase name. Of one written in the code the compiler computes what its other spelling is looked for by.
class GeminiKey {
 public:
  template <std::size_t N>
  consteval GeminiKey(char const (&literal)[N])  // NOLINT(google-explicit-constructor): stands for its text
      : camel_(literal, N - 1), snake_hash_(name_hash(SnakeCase(camel_).view())) {}
  template <class Text>
    requires std::convertible_to<Text const&, std::string_view>
  GeminiKey(Text const& camel) noexcept  // NOLINT(google-explicit-constructor): the same
      : camel_(camel), snake_hash_(name_hash(SnakeCase(camel_).view())) {}

  std::string_view camel() const noexcept { return camel_; }
  std::uint8_t snake_hash() const noexcept { return snake_hash_; }

 private:
  std::string_view camel_;
  std::uint8_t snake_hash_;
};

/// The name under which `object` has the member: as it is, or in snake_case when only that is there.
class GeminiName {
 public:
  GeminiName(JsonObject const& object, GeminiKey key) : name_(key.camel()) {
    if (object.may_have(key.snake_hash())) look_for_snake_case(object);
  }
  operator std::string_view() const noexcept { return name_; }  // NOLINT: stands for its text.

 private:
  void look_for_snake_case(JsonObject const& object) {
    if (object.peek(name_)) return;
    auto const snake = object.peek_if([this](std::string_view key) { return is_snake_case_of(key, name_); });
    if (snake) name_ = snake->key;
  }

  std::string_view name_;
};

/// Whether a member has that name in either spelling.
inline bool gemini_key_is(JsonMember const& member, std::string_view camel) {
  return member.key_is(camel) || member.key_is(SnakeCase(camel));
}

/// Calls `each(JsonMember const&, JsonPath const& path)` for the elements of a list; an object stands for a list of
/// itself, as Google reads it. False when the member is not there, or is neither.
template <class F>
bool take_gemini_list(JsonObject& object, GeminiKey key, F&& each) {
  GeminiName const name(object, key);
  auto const member = object.peek(name);
  if (!member || member->kind != JsonKind::object) return object.take_list(name, each);
  object.take(name);
  each(*member, object.path_of(name));
  return true;
}

}  // namespace lowart::dialect
