#pragma once
/// DoorKind: what a client can ask for, and in which language. DoorSet: where a model is offered.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lowart {

enum class DoorKind : std::uint8_t {
  chat,          ///< POST /v1/chat/completions
  completions,   ///< POST /v1/completions
  responses,     ///< POST /v1/responses
  messages,      ///< POST /v1/messages
  gemini,        ///< POST /v1beta/models/{model}:generateContent and :streamGenerateContent
  ollama,        ///< POST /api/chat and /api/generate
  embeddings,    ///< in OpenAI's, Gemini's and Ollama's language
  count_tokens,  ///< in Anthropic's, OpenAI's and Gemini's language
  moderations,   ///< POST /v1/moderations
  rerank,        ///< POST /v1/rerank
  images,        ///< POST /v1/images/generations, /edits and /variations
  audio,         ///< POST /v1/audio/speech, /transcriptions and /translations
  passthrough,   ///< /passthrough/{provider}/...; of providers, not of models
};
inline constexpr std::size_t door_count = 13;

/// The name of a door in a configuration and in errors.
constexpr std::string_view to_string(DoorKind door) noexcept {
  constexpr std::array<std::string_view, door_count> names{
      "chat",         "completions", "responses", "messages", "gemini", "ollama",     "embeddings",
      "count_tokens", "moderations", "rerank",    "images",   "audio",  "passthrough"};
  return names[static_cast<std::size_t>(door)];
}

/// The door of that name; nullopt when there is none.
constexpr std::optional<DoorKind> door_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < door_count; ++i)
    if (auto const door = static_cast<DoorKind>(i); to_string(door) == name) return door;
  return std::nullopt;
}

/// Some of the doors.
class DoorSet {
 public:
  constexpr DoorSet() noexcept = default;
  constexpr DoorSet(std::initializer_list<DoorKind> doors) noexcept {
    for (DoorKind const door : doors) add(door);
  }
  /// Those at which models are offered: passthrough is of providers.
  static constexpr DoorSet all() noexcept {
    DoorSet set;
    for (std::size_t i = 0; i < door_count; ++i)
      if (auto const door = static_cast<DoorKind>(i); door != DoorKind::passthrough) set.add(door);
    return set;
  }
  /// Those at which a conversation is answered: whoever serves one serves all, by translation.
  static constexpr DoorSet of_chat() noexcept {
    return {DoorKind::chat,     DoorKind::completions, DoorKind::responses,
            DoorKind::messages, DoorKind::gemini,      DoorKind::ollama};
  }

  /// Those at which bytes go as they came, and vendors have one language.
  static constexpr DoorSet of_operations() noexcept {
    return {DoorKind::moderations, DoorKind::rerank, DoorKind::images, DoorKind::audio};
  }

  constexpr void add(DoorKind door) noexcept { bits_ |= bit(door); }
  constexpr bool has(DoorKind door) const noexcept { return (bits_ & bit(door)) != 0; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr DoorSet operator|(DoorSet other) const noexcept { return DoorSet(bits_ | other.bits_); }
  constexpr DoorSet operator&(DoorSet other) const noexcept { return DoorSet(bits_ & other.bits_); }
  constexpr DoorSet operator-(DoorSet other) const noexcept {
    return DoorSet(bits_ & ~unsigned{other.bits_});
  }
  constexpr bool operator==(DoorSet const&) const noexcept = default;

  /// "chat, embeddings", in the order of DoorKind.
  std::string text() const {
    std::string list;
    for (std::size_t i = 0; i < door_count; ++i)
      if (auto const door = static_cast<DoorKind>(i); has(door))
        list.append(list.empty() ? "" : ", ").append(to_string(door));
    return list;
  }

 private:
  constexpr explicit DoorSet(unsigned bits) noexcept : bits_(static_cast<std::uint32_t>(bits)) {}
  static constexpr unsigned bit(DoorKind door) noexcept { return 1U << static_cast<unsigned>(door); }

  std::uint32_t bits_{0};
};

}  // namespace lowart
