#pragma once
/// Demo: the built-in provider that answers without any account.

#include <lowart/provider/attempt.hpp>
#include <lowart/provider/provider.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

namespace demo {

/// A whole answer, already here.
class WholeReply final : public ReplySource {
 public:
  WholeReply(std::string text, Call& call) : progress_(call.memory()) {
    progress_.text = text;
    progress_.events = 1;
    progress_.first_content_at = call.now();
    progress_.finish = FinishReason::stop;
    ChoiceDelta& choice = delta_.choices.emplace_back();
    choice.role = Role::assistant;
    choice.text = std::move(text);
    choice.finish = FinishReason::stop;
  }
  ReplyPart first() const noexcept { return ReplyPart{.bytes = {}, .deltas = {&delta_, 1}, .last = true}; }
  Task<Result<ReplyPart>> next() override { co_return ReplyPart{.bytes = {}, .deltas = {}, .last = true}; }
  ReplyProgress& progress() noexcept override { return progress_; }

 private:
  ReplyProgress progress_;
  ChatDelta delta_;
};

}  // namespace demo

/// Answers in plain English, in one piece.
/// Concurrency: any number of calls, on any loop; copies share everything.
class Demo {
 public:
  explicit Demo(std::string name = "demo") : name_(std::make_shared<std::string>(std::move(name))) {}

  std::string_view name() const { return *name_; }

  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    AttemptMark attempt(call, name());
    if (call.interruption()) co_return attempt.failed(call.interruption_error());
    auto source = call.make<demo::WholeReply>("Hello from Lowart's demo provider.", call);
    ChatReply::Head head;
    head.streamed = request.stream();
    head.provider = name();
    head.upstream_model = call.keep(request.model());
    ReplyPart const first = source->first();
    attempt.answered();
    co_return ChatReply(head, std::move(source), first);
  }

 private:
  std::shared_ptr<std::string const> name_;
};

static_assert(Provider<Demo>);

}  // namespace lowart
