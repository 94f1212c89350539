#pragma once
/// Dialect: which wire language some bytes are in. Its grammar lives in dialect/, one file per language.

#include <array>
#include <cstdint>
#include <string_view>

namespace lowart {

enum class Dialect : std::uint8_t {
  neutral,             ///< Not bytes: our own model.
  openai_chat,         ///< POST /v1/chat/completions
  openai_completions,  ///< POST /v1/completions
};

constexpr std::string_view to_string(Dialect d) noexcept {
  constexpr std::array<std::string_view, 3> names{"neutral", "openai_chat", "openai_completions"};
  return names[static_cast<std::size_t>(d)];
}

}  // namespace lowart
