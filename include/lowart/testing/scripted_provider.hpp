#pragma once
/// ScriptedProvider: answers, fails, stalls and breaks off as a test has written down.

#include <lowart/core/call.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/provider/provider.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::testing {

/// What one call meets. Build it with the named functions, refine it with the members.
///
///     Step::answer("hello")                          a whole answer
///     Step::stream({"a", "b"})                       a stream of two parts and a proper end
///     Step::stream({"a"}).then_fail(error)           breaks after its commit point
///     Step::stream({"a"}).then_stall()               falls silent
///     Step::fail(error).after(2s)                    fails before its commit point, two seconds later
///     Step::stall()                                  never answers; ends when the call is interrupted
class Step {
 public:
  static Step answer(std::string text) {
    Step step;
    step.parts_.push_back(std::move(text));
    step.streamed_ = false;
    return step;
  }
  static Step stream(std::vector<std::string> parts) {
    Step step;
    step.parts_ = std::move(parts);
    return step;
  }
  static Step fail(Error error) { return Step().then_fail(std::move(error)); }
  static Step stall() { return Step().then_stall(); }

  /// Time before the commit point.
  Step&& after(Duration delay) && { return delay_ = delay, std::move(*this); }
  /// Time before each further part.
  Step&& every(Duration pause) && { return pause_ = pause, std::move(*this); }
  Step&& then_fail(Error error) && { return error_ = std::move(error), std::move(*this); }
  Step&& then_stall() && { return stalls_ = true, std::move(*this); }
  /// The parts are bytes of `dialect` instead of neutral steps.
  Step&& as(Dialect dialect) && { return dialect_ = dialect, std::move(*this); }
  /// The service tier that the last part reports.
  Step&& serving(std::string tier) && { return tier_ = std::move(tier), std::move(*this); }
  /// Usage that the last part reports.
  Step&& reporting(Usage usage) && { return usage_ = usage, std::move(*this); }

 private:
  friend class ScriptedProvider;
  friend class ScriptedReply;
  std::vector<std::string> parts_;
  std::optional<Error> error_;
  std::optional<Usage> usage_;
  std::string tier_;
  Duration delay_{};
  Duration pause_{};
  Dialect dialect_{Dialect::neutral};
  bool stalls_{false};
  bool streamed_{true};
};

/// Waits until the call is interrupted.
inline Task<Error> wait_for_interruption(Call& call) {
  bool waiting = true;
  while (waiting) waiting = co_await call.clock().sleep(std::chrono::hours(10'000), call);
  co_return call.interruption_error();
}

/// The parts of one scripted answer.
class ScriptedReply final : public ReplySource {
 public:
  ScriptedReply(Step step, Call& call) : step_(std::move(step)), call_(call), progress_(call.memory()) {}

  Task<Result<ReplyPart>> next() override {
    bool const waited = step_.pause_.count() == 0 || co_await call_.clock().sleep(step_.pause_, call_);
    if (!waited || call_.interruption()) co_return lowart::fail(call_.interruption_error());
    if (next_ < step_.parts_.size()) co_return take();
    if (step_.error_) co_return lowart::fail(*step_.error_);
    co_return lowart::fail(co_await wait_for_interruption(call_));
  }
  ReplyProgress& progress() noexcept override { return progress_; }

  /// The next written part; the last one ends the answer unless the script goes on.
  ReplyPart take() {
    std::string const& text = step_.parts_[next_++];
    ReplyPart part;
    part.last = next_ == step_.parts_.size() && !step_.error_ && !step_.stalls_;
    if (progress_.events == 0) progress_.first_content_at = call_.now();
    ++progress_.events;
    progress_.text += text;
    if (part.last && step_.usage_) progress_.usage = *step_.usage_;
    if (part.last) progress_.served(step_.tier_);
    if (part.last) progress_.finish = FinishReason::stop;
    if (step_.dialect_ != Dialect::neutral) {
      part.bytes = text;
      return part;
    }
    delta_ = ChatDelta{};
    ChoiceDelta& choice = delta_.choices.emplace_back();
    choice.say(PartKind::text, std::string(text));
    if (part.last) {
      choice.finish = FinishReason::stop;
      delta_.usage = step_.usage_;
    }
    part.deltas = {&delta_, 1};
    return part;
  }

 private:
  Step step_;
  Call& call_;
  ReplyProgress progress_;
  ChatDelta delta_;
  std::size_t next_{0};
};

/// Plays one Step per call, in order; a call after the last one fails with Errc::internal, unless repeat()
/// was said.
///
/// Copies share the script and the counters, so a test keeps one while a policy holds another. Any thread.
class ScriptedProvider {
 public:
  ScriptedProvider(std::string name, std::vector<Step> steps) : shared_(std::make_shared<Shared>()) {
    shared_->name = std::move(name);
    shared_->steps = std::move(steps);
  }
  /// The last step is played for ever.
  ScriptedProvider&& repeat() && { return shared_->repeats = true, std::move(*this); }

  std::string_view name() const { return shared_->name; }
  /// Calls so far.
  std::size_t calls() const {
    std::lock_guard const lock(shared_->mutex);
    return shared_->models.size();
  }
  /// The models that were asked for, in order.
  std::vector<std::string> models() const {
    std::lock_guard const lock(shared_->mutex);
    return shared_->models;
  }
  /// The connect timeouts that the calls came with, in order.
  std::vector<std::chrono::milliseconds> connect_timeouts() const {
    std::lock_guard const lock(shared_->mutex);
    return shared_->connect_timeouts;
  }

  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    Step step = next_step(request, call);
    std::size_t const mine = call.trail().size();
    Attempt attempt{};
    attempt.provider = name();
    attempt.started_at = call.now();
    call.trail().push_back(attempt);
    std::optional<Error> error = step.parts_.empty() ? step.error_ : std::nullopt;
    bool const waited = step.delay_.count() == 0 || co_await call.clock().sleep(step.delay_, call);
    if (!waited || call.interruption()) error = call.interruption_error();
    else if (step.parts_.empty() && !error) error = co_await wait_for_interruption(call);
    call.trail()[mine].ended_at = call.now();
    if (error) {
      call.trail()[mine].failure = error->code();
      co_return lowart::fail(*std::move(error));
    }
    ChatReply::Head head;
    head.dialect = step.dialect_;
    head.streamed = step.streamed_;
    head.provider = name();
    head.upstream_model = call.keep(request.model());
    ArenaPtr<ScriptedReply> source = call.make<ScriptedReply>(std::move(step), call);
    ReplyPart const first = source->take();
    co_return ChatReply(head, std::move(source), first);
  }

 private:
  struct Shared {
    std::string name;
    std::vector<Step> steps;
    bool repeats{false};
    std::mutex mutex;
    std::vector<std::string> models;
    std::vector<std::chrono::milliseconds> connect_timeouts;
  };

  Step next_step(ChatRequest const& request, Call const& call) {
    std::lock_guard const lock(shared_->mutex);
    std::size_t const index = shared_->models.size();
    shared_->models.push_back(request.model());
    shared_->connect_timeouts.push_back(call.connect_timeout());
    auto const& steps = shared_->steps;
    if (index < steps.size()) return steps[index];
    if (shared_->repeats && !steps.empty()) return steps.back();
    return Step::fail(Error(Errc::internal, "the script of " + shared_->name + " is over"));
  }

  std::shared_ptr<Shared> shared_;
};

static_assert(Provider<ScriptedProvider>);

}  // namespace lowart::testing
