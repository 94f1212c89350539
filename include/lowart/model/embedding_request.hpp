#pragma once
/// EmbeddingRequest: one embedding call, in the neutral language or as the bytes a client sent.

#include <lowart/core/result.hpp>
#include <lowart/model/embedding.hpp>
#include <lowart/model/embedding_reply.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// A request body as it came, with what a shallow look at it found. Views into the door's buffer.
struct WireEmbedding {
  EmbeddingDialect dialect{EmbeddingDialect::openai};
  std::string_view body;
  std::string_view model;  ///< Decoded name.
  /// The JSON strings in `body` that name the model, quotes included, in order: what a provider replaces. None
  /// where only the path names it; one for each input in a batch of Gemini's.
  std::vector<std::string_view> model_tokens;
  EmbeddingFormat format{EmbeddingFormat::unset};  ///< How the client wants its vectors.
  /// Header fields of the client that a provider of the same dialect gets as they came.
  std::span<std::pair<std::string_view, std::string_view> const> fields{};
  /// Reads the whole body; bound by the door, which knows the dialect.
  Result<EmbeddingInputs> (*decode)(std::string_view body){nullptr};
};

/// A request for vectors. Its reply is an EmbeddingReply.
///
/// From a door it is bytes plus facts, so that a provider of the same dialect forwards them untouched. In process
/// it is EmbeddingInputs. Either way inputs() tells what is to be embedded. Copies share it.
class EmbeddingRequest {
 public:
  using reply_type = EmbeddingReply;
  static constexpr std::string_view operation = "embedding";

  explicit EmbeddingRequest(std::string model) : EmbeddingRequest(std::move(model), EmbeddingInputs{}) {}
  EmbeddingRequest(std::string model, EmbeddingInputs inputs)
      : model_(std::move(model)), inputs_(std::make_shared<EmbeddingInputs>(std::move(inputs))) {}
  explicit EmbeddingRequest(WireEmbedding wire)
      : model_(wire.model), wire_(std::make_shared<WireEmbedding const>(std::move(wire))) {}

  std::string const& model() const noexcept { return model_; }
  /// The same request for another model: how a route maps names. Shares the content.
  EmbeddingRequest for_model(std::string model) const {
    EmbeddingRequest other = *this;
    other.model_ = std::move(model);
    return other;
  }

  /// The client's bytes; null for a request made in process.
  WireEmbedding const* wire() const noexcept { return wire_.get(); }
  EmbeddingDialect dialect() const noexcept { return wire_ ? wire_->dialect : EmbeddingDialect::neutral; }

  /// What is to be embedded. Decoded anew for wire requests: ask once.
  Result<EmbeddingInputs> inputs() const {
    if (!wire_) return *inputs_;
    if (wire_->decode == nullptr) return fail(Errc::internal, "a wire request without a decoder");
    return wire_->decode(wire_->body);
  }

  /// Adds a text; for requests made in process.
  EmbeddingRequest& add(std::string text) {
    if (!inputs_) inputs_ = std::make_shared<EmbeddingInputs>();
    else if (inputs_.use_count() > 1) inputs_ = std::make_shared<EmbeddingInputs>(*inputs_);
    inputs_->inputs.emplace_back().text = std::move(text);
    return *this;
  }

 private:
  std::string model_;
  std::shared_ptr<WireEmbedding const> wire_;
  std::shared_ptr<EmbeddingInputs> inputs_;
};

}  // namespace lowart
