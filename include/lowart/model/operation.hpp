#pragma once
/// OperationRequest: calls that vendors answer in one language only: moderation, reranking, images, speech.

#include <lowart/core/body_source.hpp>
#include <lowart/core/call.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/model/door_set.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

enum class OperationKind : std::uint8_t {
  moderation,  ///< Is this text or image harmful?
  rerank,      ///< Which documents fit a query best? The language that Cohere, Jina, Voyage, vLLM ... share.
  image,       ///< Make an image from words.
  image_edit,  ///< Change an image by words.
  image_variation,  ///< Make an image that is like one.
  speech,           ///< Say a text.
  transcription,    ///< Write down what is said.
  translation,      ///< The same in English.
};
inline constexpr std::size_t operation_kind_count = 8;

/// As it stands in records, metrics and errors.
constexpr std::string_view to_string(OperationKind kind) noexcept {
  constexpr std::array<std::string_view, operation_kind_count> names{
      "moderation",      "rerank", "image",         "image_edit",
      "image_variation", "speech", "transcription", "translation"};
  return names[static_cast<std::size_t>(kind)];
}

/// The door that leads to it.
constexpr DoorKind door_of(OperationKind kind) noexcept {
  switch (kind) {
    case OperationKind::moderation: return DoorKind::moderations;
    case OperationKind::rerank: return DoorKind::rerank;
    case OperationKind::image:
    case OperationKind::image_edit:
    case OperationKind::image_variation: return DoorKind::images;
    case OperationKind::speech:
    case OperationKind::transcription:
    case OperationKind::translation: break;
  }
  return DoorKind::audio;
}

/// A body that passes by without being held whole, and names a model that is replaced as it passes.
class OperationBody : public BodySource {
 public:
  /// The model that the body names from its next rewind() on; until then the client's own.
  virtual void name_model(std::string_view model) = 0;
};

/// A request as it came, with what a shallow look at it found. Views into the door's buffer.
struct WireOperation {
  OperationKind kind{OperationKind::moderation};
  std::string_view content_type{"application/json"};
  std::string_view body;         ///< All of it; empty where it has a source.
  std::string_view model;        ///< Decoded name.
  std::string_view model_token;  ///< The JSON string in `body`, quotes included: what a provider replaces.
  OperationBody* source{nullptr};
};

/// An answer that has begun, in parts as a chat's; they are bytes of no dialect, as the provider sent them.
using OperationReply = ChatReply;

/// One such call. There is no neutral form, as there is nothing to translate into: the bytes go as they came, with the
/// model's name replaced. Copies share them.
class OperationRequest {
 public:
  using reply_type = OperationReply;
  static constexpr std::string_view operation = "operation";

  /// From a door: `wire` and what it views live as long as the call.
  explicit OperationRequest(WireOperation const& wire) : model_(wire.model), wire_(wire) {}
  /// In process: `body` is the whole JSON object, without `model` or with any other than `model`'s value in it, which
  /// goes as it stands.
  OperationRequest(OperationKind kind, std::string model, std::string body)
      : model_(std::move(model)), held_(std::make_shared<std::string const>(std::move(body))) {
    wire_.kind = kind;
    wire_.body = *held_;
    wire_.model = {};
  }

  OperationKind kind() const noexcept { return wire_.kind; }
  /// What it is called in records: `operation` is that of all kinds together.
  std::string_view operation_name() const noexcept { return to_string(kind()); }
  std::string const& model() const noexcept { return model_; }
  OperationRequest for_model(std::string model) const {
    OperationRequest other = *this;
    other.model_ = std::move(model);
    return other;
  }
  WireOperation const* wire() const noexcept { return &wire_; }
  /// See lowart::can_repeat().
  bool can_repeat() const noexcept { return wire_.source == nullptr || wire_.source->can_rewind(); }

 private:
  std::string model_;
  std::shared_ptr<std::string const> held_;
  WireOperation wire_;
};

}  // namespace lowart
