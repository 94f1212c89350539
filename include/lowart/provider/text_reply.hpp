#pragma once
/// text_reply(): a whole answer from one piece of text, for providers that need no more.

#include <lowart/model/chat_reply.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// An answer that is here already, in the neutral language.
class ReadySource final : public ReplySource {
 public:
  ReadySource(ChatDelta delta, Call& call) : delta_(std::move(delta)), progress_(call.memory()) {
    if (delta_.usage) progress_.usage = *delta_.usage;
    for (auto const& choice : delta_.choices) {
      for (auto const& piece : choice.pieces)
        progress_.text.append(piece.text).append(piece.call.name).append(piece.call.arguments);
    }
    progress_.events = 1;
    progress_.first_content_at = call.now();
  }
  Task<Result<ReplyPart>> next() override { co_return part(); }
  ReplyProgress& progress() noexcept override { return progress_; }
  ReplyPart part() const noexcept { return {.bytes = {}, .deltas = {&delta_, 1}, .last = true}; }

 private:
  ChatDelta delta_;
  ReplyProgress progress_;
};

/// The reply of a provider called `provider`, which must outlive the call.
inline ChatReply text_reply(Call& call, std::string_view provider, std::string_view model, std::string text) {
  ChatDelta delta;
  delta.model = model;
  ChoiceDelta choice;
  choice.role = Role::assistant;
  choice.say(PartKind::text, std::move(text));
  choice.finish = FinishReason::stop;
  delta.choices.push_back(std::move(choice));
  ChatReply::Head head;
  head.provider = provider;
  head.upstream_model = call.keep(model);
  auto source = call.make<ReadySource>(std::move(delta), call);
  ReplyPart const first = source->part();
  return ChatReply(head, std::move(source), first);
}

}  // namespace lowart
