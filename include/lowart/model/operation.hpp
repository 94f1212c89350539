#pragma once
/// OperationRequest and OperationReply: calls that vendors answer in one language only, whole and in one piece:
/// moderation, reranking, the making of images.

#include <lowart/core/call.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/model/whole_reply.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

enum class OperationKind : std::uint8_t {
  moderation,  ///< Is this text or image harmful? OpenAI's language.
  rerank,      ///< Which documents fit a query best? The language that Cohere, Jina, Voyage, vLLM ... share.
  image,       ///< Make an image from words. OpenAI's language.
};
inline constexpr std::size_t operation_kind_count = 3;

/// As it stands in records, metrics and errors.
constexpr std::string_view to_string(OperationKind kind) noexcept {
  constexpr std::array<std::string_view, operation_kind_count> names{"moderation", "rerank", "image"};
  return names[static_cast<std::size_t>(kind)];
}

/// A request body as it came, with what a shallow look at it found. Views into the door's buffer.
struct WireOperation {
  OperationKind kind{OperationKind::moderation};
  std::string_view body;
  std::string_view model;        ///< Decoded name.
  std::string_view model_token;  ///< The JSON string in `body`, quotes included: what a provider replaces.
};

/// An answer that is complete: a JSON object as the provider sent it. Move-only. Must be gone before its Call is.
class OperationReply {
 public:
  using Head = WholeHead;

  OperationReply(Head const& head, ArenaPtr<ReplyBytes> bytes, Usage usage)
      : head_(head), bytes_(std::move(bytes)), usage_(usage) {}

  Head const& head() const noexcept { return head_; }
  std::string_view bytes() const noexcept { return bytes_->text(); }
  /// As reported; empty when nothing was.
  Usage const& usage() const noexcept { return usage_; }

 private:
  Head head_;
  ArenaPtr<ReplyBytes> bytes_;
  Usage usage_;
};

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

 private:
  std::string model_;
  std::shared_ptr<std::string const> held_;
  WireOperation wire_;
};

}  // namespace lowart
