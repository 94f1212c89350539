#pragma once
/// LimitRules: the limits that are not of a key, and what is known of models to reserve by.

#include <lowart/core/money.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/meter/encoding.hpp>
#include <lowart/meter/limit_state.hpp>
#include <lowart/meter/output_estimate.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/model/name_table.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace lowart {

/// What models are asked for, as far as limits tell them apart.
enum class ModelType : std::uint8_t { chat, embedding, image, audio, rerank, moderation };
inline constexpr std::size_t model_type_count = 6;

constexpr std::string_view to_string(ModelType type) noexcept {
  constexpr std::array<std::string_view, model_type_count> names{"chat",  "embedding", "image",
                                                                 "audio", "rerank",    "moderation"};
  return names[static_cast<std::size_t>(type)];
}
/// nullopt for counts of tokens and for what passes through.
constexpr std::optional<ModelType> model_type_of(DoorKind door) noexcept {
  switch (door) {
    case DoorKind::embeddings: return ModelType::embedding;
    case DoorKind::moderations: return ModelType::moderation;
    case DoorKind::rerank: return ModelType::rerank;
    case DoorKind::images: return ModelType::image;
    case DoorKind::audio: return ModelType::audio;
    case DoorKind::count_tokens:
    case DoorKind::passthrough: return std::nullopt;
    default: return ModelType::chat;
  }
}

/// Immutable once it serves; any thread.
struct LimitRules {
  /// What is known of a model, by the names that clients have for it.
  struct Model {
    std::shared_ptr<LimitState> limits;  ///< Of all calls for it; null: none.
    std::function<NanoUsd(Usage const&)>
        costs;                               ///< Where its dearest target answers; null: nothing is known.
    Encoding const* encoding{nullptr};       ///< Null: not known.
    std::shared_ptr<OutputEstimate> output;  ///< What its answers have had; null: nobody learns it.
  };

  std::array<std::shared_ptr<LimitState>, model_type_count> types{};  ///< By ModelType; null: none.
  NameTable<std::shared_ptr<Model const>> models;
  bool models_are_limited{false};  ///< Some of them.
  /// Told of each first warning and refusal of a day's, week's or month's limit, on the thread of the call.
  std::function<void(LimitNotice const&)> on_notice;

  LimitState* of_type(DoorKind door) const noexcept {
    auto const type = model_type_of(door);
    return type ? types[static_cast<std::size_t>(*type)].get() : nullptr;
  }
  Model const* find(std::string_view model) const {
    auto const* const found = models.find(model);
    return found == nullptr ? nullptr : found->get();
  }
};

}  // namespace lowart
