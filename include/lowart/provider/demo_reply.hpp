#pragma once
/// DemoReply: plays an answer at a human pace, and breaks off where its model says so.

#include <lowart/core/call.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/provider/demo_answer.hpp>
#include <lowart/provider/demo_models.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::demo {

/// Waits `pause`; nothing when it passed, the error when the call was interrupted.
inline Task<Result<void>> wait(Duration pause, Call& call) {
  bool waited = true;
  if (pause > Duration::zero()) waited = co_await call.clock().sleep(pause, call);
  if (!waited || call.interruption()) co_return fail(call.interruption_error());
  co_return Result<void>{};
}

/// Waits until the call is interrupted.
inline Task<Error> wait_for_interruption(Call& call) {
  Result<void> waited{};
  while (waited) waited = co_await wait(std::chrono::hours(1), call);
  co_return std::move(waited.error());
}

inline Error connection_lost(bool committed) {
  return Error(Errc::connection_lost, "the demo lost the connection, as demo-cut is made to do",
               Origin::upstream)
      .with_sent(Sent::yes)
      .with_retryable(!committed);
}

/// One answer on its way: all choices of one call, a piece at a time and in turn.
class DemoReply final : public ReplySource {
 public:
  /// `answers` has one entry per choice. `model` is what the steps say who answered.
  DemoReply(std::vector<Answer> answers, std::string model, std::uint64_t seed, DemoModel const& acts,
            Usage usage, Call& call)
      : answers_(std::move(answers)),
        acts_(acts),
        usage_(usage),
        dice_(seed),
        call_(call),
        progress_(call.memory()) {
    delta_.model = std::move(model);
    delta_.created = call.clock().utc_micros() / 1'000'000;
    for (Answer const& answer : answers_) lanes_.emplace_back().rest = answer.text;
    started_at_ = call.now();
  }

  ReplyProgress& progress() noexcept override { return progress_; }

  Task<Result<ReplyPart>> next() override {
    if (acts_.fault == DemoFault::stall && told(4)) {
      Error interrupted = co_await wait_for_interruption(call_);
      co_return fail(std::move(interrupted));
    }
    if (acts_.fault == DemoFault::cut && told(8)) co_return fail(connection_lost(progress_.events > 0));
    Result<void> const waited = co_await wait(pause(), call_);
    if (!waited) co_return fail(waited.error());
    if (auto const following = next_step()) co_return tell(*following);
    co_return finish();
  }

  /// The whole answer as one step, after the time that its pieces would take.
  Task<Result<ReplyPart>> whole() {
    std::int64_t longest = 0;
    for (Answer const& answer : answers_) longest = std::max(longest, count_output(answer));
    Duration const time = acts_.first_token + acts_.token * longest;
    Result<void> const waited = co_await wait(time, call_);
    if (!waited) co_return fail(waited.error());
    if (acts_.fault == DemoFault::stall) {
      Error interrupted = co_await wait_for_interruption(call_);
      co_return fail(std::move(interrupted));
    }
    if (acts_.fault == DemoFault::cut) co_return fail(connection_lost(false));
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      ChoiceDelta& choice = delta_.choices.emplace_back();
      choice.index = static_cast<std::int64_t>(i);
      choice.role = Role::assistant;
      choice.say(PartKind::text, answers_[i].text);
      progress_.text += answers_[i].text;
      for (std::size_t k = 0; k < answers_[i].tool_calls.size(); ++k) {
        PieceDelta& piece = call_piece(choice, static_cast<std::int64_t>(k));
        piece.call = answers_[i].tool_calls[k];
        progress_.text.append(piece.call.name).append(piece.call.arguments);
      }
      choice.finish = answers_[i].finish;
    }
    note_content();
    co_return ended();
  }

 private:
  /// A piece of one choice's text, the head of a tool call, or a piece of its arguments.
  struct Step {
    std::size_t choice;
    std::ptrdiff_t tool;  ///< -1 for text.
    bool head;            ///< Brings the tool call's id and name.
    std::string_view piece;
  };
  /// How far one choice has been told.
  struct Lane {
    std::string_view rest;
    std::ptrdiff_t tool{-1};
    bool begun{false};
  };

  /// The next step of the choice whose turn it is; nullopt when all have been told.
  std::optional<Step> next_step() {
    for (std::size_t tried = 0; tried < lanes_.size(); ++tried) {
      std::size_t const choice = turn_++ % lanes_.size();
      Lane& lane = lanes_[choice];
      if (!lane.rest.empty())
        return Step{.choice = choice, .tool = lane.tool, .head = false, .piece = take_piece(lane.rest)};
      auto const& calls = answers_[choice].tool_calls;
      auto const following = static_cast<std::size_t>(lane.tool + 1);
      if (following >= calls.size()) continue;
      lane.tool = static_cast<std::ptrdiff_t>(following);
      lane.rest = calls[following].arguments;
      return Step{.choice = choice, .tool = lane.tool, .head = true, .piece = {}};
    }
    return std::nullopt;
  }
  bool all_told() const noexcept {
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      if (!lanes_[i].rest.empty() ||
          static_cast<std::size_t>(lanes_[i].tool + 1) < answers_[i].tool_calls.size())
        return false;
    return true;
  }
  /// Where a stream that breaks off does so.
  bool told(std::int64_t pieces) const noexcept { return progress_.events >= pieces || all_told(); }

  /// Until the next piece is due. Kept against the beginning, so that a slow reader does not slow the pace
  /// down.
  Duration pause() {
    bool const first = progress_.events == 0;
    if (!first && all_told()) return Duration::zero();
    Duration const token = acts_.token;
    auto const variation = static_cast<std::int64_t>(dice_() % 51) - 25;
    due_ += first ? Duration(acts_.first_token)
                  : (token + token * variation / 100) / static_cast<std::int64_t>(answers_.size());
    return started_at_ + due_ - call_.now();
  }

  static PieceDelta& call_piece(ChoiceDelta& choice, std::int64_t index) {
    PieceDelta& piece = choice.pieces.emplace_back();
    piece.kind = PartKind::tool_call;
    piece.index = index;
    return piece;
  }

  ReplyPart tell(Step const& step) {
    Answer const& answer = answers_[step.choice];
    delta_.choices.resize(1);
    ChoiceDelta& choice = delta_.choices.front() = ChoiceDelta{};
    choice.index = static_cast<std::int64_t>(step.choice);
    if (!lanes_[step.choice].begun) choice.role = Role::assistant;
    lanes_[step.choice].begun = true;
    if (step.tool < 0) {
      choice.say(PartKind::text, std::string(step.piece));
    } else {
      ToolCall const& call = answer.tool_calls[static_cast<std::size_t>(step.tool)];
      PieceDelta& piece = call_piece(choice, step.tool);
      if (step.head) piece.call.id = call.id;
      if (step.head) piece.call.name = call.name;
      piece.call.arguments = step.piece;
      if (step.head) progress_.text += call.name;
    }
    progress_.text += step.piece;
    note_content();
    return ReplyPart{.bytes = {}, .deltas = {&delta_, 1}, .last = false};
  }

  /// The reasons why each choice ended, and the usage.
  ReplyPart finish() {
    delta_.choices.assign(answers_.size(), ChoiceDelta{});
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      delta_.choices[i].index = static_cast<std::int64_t>(i);
      delta_.choices[i].finish = answers_[i].finish;
      if (!lanes_[i].begun) delta_.choices[i].role = Role::assistant;
    }
    if (progress_.events == 0) progress_.first_content_at = call_.now();
    return ended();
  }
  ReplyPart ended() {
    delta_.usage = usage_;
    progress_.usage = usage_;
    progress_.finish = answers_.front().finish;
    return ReplyPart{.bytes = {}, .deltas = {&delta_, 1}, .last = true};
  }
  void note_content() {
    if (progress_.events++ == 0) progress_.first_content_at = call_.now();
  }

  std::vector<Answer> answers_;
  DemoModel const& acts_;
  Usage usage_;
  Dice dice_;
  Call& call_;
  ReplyProgress progress_;
  ChatDelta delta_;
  std::vector<Lane> lanes_;
  std::size_t turn_{0};
  TimePoint started_at_{};
  Duration due_{};
};

}  // namespace lowart::demo
