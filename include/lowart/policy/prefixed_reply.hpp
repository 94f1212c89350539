#pragma once
/// PrefixedReply: an answer whose text begins with words of the operator's.

#include <lowart/model/chat_reply.hpp>
#include <lowart/provider/collect.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Puts a text before the first text of each choice: behind reasoning, and nowhere in an answer without text. Hands out
/// neutral steps, so that a client of any dialect gets the words in its own place for text, and only once.
class PrefixedReply final : public ReplySource {
 public:
  /// `prefix` outlives it.
  PrefixedReply(ChatReply inner, std::string_view prefix, Call& call)
      : inner_(std::move(inner)), prefix_(prefix), progress_(call.memory()), steps_(inner_, call) {
    follow();
  }

  /// The reply, with its first part read.
  static Task<Result<ChatReply>> around(ChatReply inner, std::string_view prefix, Call& call) {
    ReplyHead head = inner.head();
    head.dialect = Dialect::neutral;
    head.decoder = nullptr;
    ArenaPtr<PrefixedReply> source = call.make<PrefixedReply>(std::move(inner), prefix, call);
    Result<ReplyPart> const first = co_await source->next();
    if (!first) co_return fail(first.error());
    co_return ChatReply(head, std::move(source), *first);
  }

  Task<Result<ReplyPart>> next() override {
    out_.clear();
    for (bool more = true; more; more = !out_.empty() && steps_.has_next()) {
      Result<std::optional<ChatDelta>> step = co_await steps_.next();
      if (!step && out_.empty()) co_return fail(step.error());
      if (!step || !*step) break;
      prefix(**step);
      out_.push_back(*std::move(*step));
    }
    follow();
    // A whole answer is one step, and nothing comes behind it.
    bool const last = out_.empty() || !inner_.head().streamed;
    co_return ReplyPart{.bytes = {}, .deltas = out_, .last = last};
  }
  ReplyProgress& progress() noexcept override { return progress_; }

 private:
  void prefix(ChatDelta& step) {
    for (ChoiceDelta& choice : step.choices) {
      if (std::find(begun_.begin(), begun_.end(), choice.index) != begun_.end()) continue;
      auto const text = std::find_if(choice.pieces.begin(), choice.pieces.end(), [](PieceDelta const& piece) {
        return piece.kind == PartKind::text && !piece.text.empty();
      });
      if (text == choice.pieces.end()) continue;
      text->text.insert(0, prefix_);
      begun_.push_back(choice.index);
    }
  }
  /// The provider did not write the prefix: its progress is the provider's.
  void follow() {
    ReplyProgress const& now = inner_.progress();
    if (now.earlier.size() != progress_.earlier.size()) {  // another provider goes on
      progress_.earlier = now.earlier;
      progress_.text.clear();
      this->answers_now(inner_.head().provider, inner_.head().upstream_model);
    }
    progress_.usage = now.usage;
    progress_.text.append(now.text, progress_.text.size());
    progress_.events = now.events;
    progress_.finish = now.finish;
    progress_.service_tier = now.service_tier;
    progress_.first_content_at = now.first_content_at;
  }

  ChatReply inner_;
  std::string_view prefix_;
  ReplyProgress progress_;
  DeltaReader steps_;
  std::vector<ChatDelta> out_;
  std::vector<std::int64_t> begun_;  ///< Choices whose text has begun.
};

}  // namespace lowart
