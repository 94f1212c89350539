#pragma once
/// ChatRequest: one chat call, in the neutral language or as the bytes a client sent.

#include <lowart/core/result.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/dialect.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A request body as it came, with what a shallow look at it found. Views into the door's buffer.
struct WireRequest {
  Dialect dialect{Dialect::openai_chat};
  std::string_view body;
  std::string_view model;  ///< Decoded name.
  std::string_view
      model_token;  ///< The JSON string in `body`, quotes included: what a provider splices out. Empty
                    ///< where the body does not name the model (Gemini: the path does).
  bool stream{false};
  bool include_usage{false};
  std::optional<std::int64_t> max_tokens;
  std::int64_t choices{1};
  CallFeatures features{};  ///< What a shallow look can tell: tools, structure, reasoning.
  /// Header fields of the client that a provider of the same dialect gets as they came (anthropic-beta ...).
  std::span<std::pair<std::string_view, std::string_view> const> fields{};
  bool as_array{false};  ///< Gemini: the stream is wanted as one JSON array, not as server-sent events.
  /// Responses: the JSON string of `previous_response_id`, quotes included. Empty where the request says all itself.
  std::string_view goes_on_from{};
  /// Responses: the answer, and what was said before it, may be kept for requests that go on from it.
  bool may_be_kept{false};
  /// Ollama: there is no word to answer; the model is only to be loaded, or let go.
  bool asks_nothing{false};
  /// Reads the whole body; bound by the door, which knows the dialect.
  Result<Conversation> (*decode)(std::string_view body){nullptr};
};

/// A request for a chat answer. Its reply is a ChatReply.
///
/// From a door it is bytes plus facts, so that a provider of the same dialect forwards them untouched. In process
/// it is a Conversation. Either way conversation() tells what is said.
class ChatRequest {
 public:
  using reply_type = ChatReply;
  static constexpr std::string_view operation = "chat";

  explicit ChatRequest(std::string model) : model_(std::move(model)) {}
  ChatRequest(std::string model, Conversation conversation)
      : model_(std::move(model)), conversation_(std::make_shared<Conversation>(std::move(conversation))) {}
  explicit ChatRequest(WireRequest wire) : model_(wire.model), wire_(wire) {}

  std::string const& model() const noexcept { return model_; }
  /// The same request for another model: how a route maps names. Shares the content.
  ChatRequest for_model(std::string model) const {
    ChatRequest other = *this;
    other.model_ = std::move(model);
    return other;
  }

  /// The same request with other words, in the client's dialect still: who is asked gets the conversation, not the
  /// client's bytes.
  ChatRequest saying(Conversation conversation) const {
    ChatRequest other = *this;
    if (other.wire_) other.wire_->max_tokens = conversation.max_tokens;
    other.conversation_ = std::make_shared<Conversation>(std::move(conversation));
    return other;
  }

  /// The client's bytes; nullopt for a request made in process.
  std::optional<WireRequest> const& wire() const noexcept { return wire_; }
  /// The client's bytes say what is asked, and may be sent as they came.
  bool is_as_it_came() const noexcept { return wire_ && !conversation_; }
  Dialect dialect() const noexcept { return wire_ ? wire_->dialect : Dialect::neutral; }

  bool stream() const noexcept { return wire_ ? wire_->stream : conversation_ && conversation_->stream; }
  bool include_usage() const noexcept {
    return wire_ ? wire_->include_usage : conversation_ && conversation_->include_usage;
  }
  std::optional<std::int64_t> max_tokens() const noexcept {
    if (wire_) return wire_->max_tokens;
    return conversation_ ? conversation_->max_tokens : std::nullopt;
  }

  /// What is said. Decoded anew for wire requests: ask once.
  Result<Conversation> conversation() const {
    if (conversation_) return *conversation_;
    if (!wire_) return Conversation{};
    if (wire_->decode == nullptr) return fail(Errc::internal, "a wire request without a decoder");
    return wire_->decode(wire_->body);
  }

  /// Adds a message; for requests made in process.
  ChatRequest& add(Role role, std::string text) {
    Message message;
    message.role = role;
    ContentPart part;
    part.text = std::move(text);
    message.content.push_back(std::move(part));
    edit().messages.push_back(std::move(message));
    return *this;
  }
  /// The conversation to change; for requests made in process.
  Conversation& edit() {
    if (!conversation_) conversation_ = std::make_shared<Conversation>();
    else if (conversation_.use_count() > 1) conversation_ = std::make_shared<Conversation>(*conversation_);
    return *conversation_;
  }

 private:
  std::string model_;
  std::optional<WireRequest> wire_;
  std::shared_ptr<Conversation> conversation_;
};

}  // namespace lowart
