#pragma once
/// Reading a reply in process: DeltaReader step by step, collect() all at once.

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/model/chat_reply.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Hands out the steps of a reply in the neutral language, whatever its dialect. The reply and the call outlive it.
class DeltaReader {
 public:
  DeltaReader(ChatReply& reply, Call& call) : reply_(reply) {
    if (reply.head().decoder != nullptr) decoder_ = reply.head().decoder(call);
  }

  /// The next step is here: next() will not wait for it.
  bool has_next() const noexcept { return at_ < steps_.size(); }
  /// The next step; nullopt behind the last one. After an error it must not be called again.
  Task<Result<std::optional<ChatDelta>>> next() {
    while (at_ == steps_.size()) {
      if (last_) co_return std::optional<ChatDelta>();
      steps_.clear();
      at_ = 0;
      Result<ReplyPart> const part = co_await reply_.next();
      if (!part) co_return fail(part.error());
      last_ = part->last;
      if (!decoder_) {
        steps_.assign(part->deltas.begin(), part->deltas.end());
        continue;
      }
      Result<void> const decoded = decoder_->decode(part->bytes, part->last, steps_);
      if (!decoded) co_return fail(decoded.error());
    }
    co_return std::optional<ChatDelta>(std::move(steps_[at_++]));
  }

 private:
  ChatReply& reply_;
  ArenaPtr<ReplyDecoder> decoder_;
  std::vector<ChatDelta> steps_;
  std::size_t at_{0};
  bool last_{false};
};

/// A whole answer.
struct Answer {
  ChatDelta whole;

  /// The text of the first choice.
  std::string text() const { return whole.choices.empty() ? std::string() : whole.choices.front().text(); }
};

/// Reads a reply to its end.
inline Task<Result<Answer>> collect(ChatReply& reply, Call& call) {
  DeltaReader steps(reply, call);
  dialect::CompletionBuilder builder;
  for (;;) {
    Result<std::optional<ChatDelta>> step = co_await steps.next();
    if (!step) co_return fail(step.error());
    if (!*step) break;
    builder.add(*std::move(*step));
  }
  Answer answer{std::move(builder).take()};
  co_return answer;
}

}  // namespace lowart
