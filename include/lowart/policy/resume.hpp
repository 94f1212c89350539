#pragma once
/// Resume: goes on with another target when a stream breaks after its commit point.

#include <lowart/meter/token_meter.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/resume_decision.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/provider/provider.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// How often streams that broke were gone on with; for metrics.
///
/// Concurrency: any thread.
struct ResumeCounts {
  std::atomic<std::uint64_t> resumed{0};
  std::atomic<std::uint64_t> given_up{0};  ///< Broke, and nobody could go on.
};

/// What the replies of one Resume share. `C` is whom they go on with.
template <class P, class C>
struct ResumeParts {
  ResumeParts(P p, C c, ResumeOptions o, std::shared_ptr<ResumeCounts> n)
      : answer(std::move(p)), chain(std::move(c)), options(std::move(o)), counts(std::move(n)) {}
  P answer;
  C chain;
  ResumeOptions const options;
  std::shared_ptr<ResumeCounts> counts;
  TokenMeter meter;
};

/// An answer of several targets, one after the other, in the neutral language.
template <class Parts>
class ResumedReply final : public ReplySource {
 public:
  ResumedReply(std::shared_ptr<Parts> parts, ChatRequest request, Conversation asked, ChatReply first,
               Call& call)
      : parts_(std::move(parts)),
        request_(std::move(request)),
        asked_(std::move(asked)),
        call_(call),
        progress_(call.memory()),
        left_(parts_->options.times) {
    begin_leg(std::move(first));
  }

  Task<Result<ReplyPart>> next() override {
    for (;;) {
      Result<std::optional<ChatDelta>> step = co_await steps_->next();
      if (step) co_return co_await hand_out(std::move(*step));
      Error const broke = std::move(step.error());
      bool const resumed = co_await go_on_after(broke);
      if (!resumed) co_return fail(broke);
    }
  }
  ReplyProgress& progress() noexcept override { return progress_; }

 private:
  void begin_leg(ChatReply reply) {
    steps_.reset();
    reply_.emplace(std::move(reply));
    steps_.emplace(*reply_, call_);
    text_seen_ = 0;
  }

  /// One step and all that are here already; none is the end.
  Task<Result<ReplyPart>> hand_out(std::optional<ChatDelta> step) {
    out_.clear();
    while (step) {
      adopt(*step);
      out_.push_back(*std::move(step));
      if (!steps_->has_next()) break;
      Result<std::optional<ChatDelta>> more = co_await steps_->next();
      step = more ? std::move(*more) : std::nullopt;  // a step that is here is no error
    }
    follow_progress();
    co_return ReplyPart{.bytes = {}, .deltas = out_, .last = out_.empty()};
  }
  /// Makes a step of a later target one of the same answer.
  void adopt(ChatDelta& step) {
    so_far_.note(step);
    if (progress_.earlier.empty()) {
      if (id_.empty()) id_ = step.id;
      if (model_.empty()) model_ = step.model;
      created_ = created_ == 0 ? step.created : created_;
      return;
    }
    step.id = id_;
    step.model = model_;
    step.created = created_;
    for (ChoiceDelta& choice : step.choices) choice.role.reset();
    if (step.usage) step.usage = with_earlier(*step.usage);
    if (at_seam_) mark(step);
  }
  void mark(ChatDelta& step) {
    at_seam_ = false;
    step.seam = reply_->head().provider;
    bool const goes_on_in_part = in_text_before_seam_;
    for (ChoiceDelta& choice : step.choices) {
      if (choice.pieces.empty()) continue;
      PieceDelta& first = choice.pieces.front();
      first.begins = first.begins || !(goes_on_in_part && first.kind == PartKind::text);
      if (first.kind == PartKind::text && goes_on_in_part) first.text.insert(0, parts_->options.seam);
    }
  }
  Usage with_earlier(Usage usage) const noexcept {
    for (EarlierLeg const& leg : progress_.earlier) usage.add(leg.usage);
    return usage;
  }
  /// The progress of this leg is the progress of the whole; what the others used stands beside it.
  void follow_progress() {
    ReplyProgress const& now = reply_->progress();
    progress_.usage = now.usage;
    progress_.text.append(now.text, text_seen_);
    text_seen_ = now.text.size();
    progress_.events = events_before_ + now.events;
    progress_.finish = now.finish;
    progress_.service_tier = now.service_tier;
    if (progress_.first_content_at == TimePoint{}) progress_.first_content_at = now.first_content_at;
  }

  Task<bool> go_on_after(Error const& broke) {
    follow_progress();
    bool const may = left_ > 0 && so_far_.may_go_on() && resumes_after(broke) && !call_.interruption();
    if (!may) {
      if (broke.code() != Errc::cancelled) parts_->counts->given_up.fetch_add(1, std::memory_order_relaxed);
      co_return false;
    }
    --left_;
    std::string_view const who = call_.keep(reply_->head().provider);
    ChatRequest const request =
        request_.saying(continuation(asked_, so_far_.text(), parts_->options.instruction));
    for (bool const same : {false, true}) {  // who broke off is asked last
      for (std::size_t i = 0; i < parts_->chain.size(); ++i) {
        if ((parts_->chain.target_name(i) == who) != same) continue;
        Result<ChatReply> reply = co_await parts_->chain.ask(i, request, call_);
        if (!reply && !goes_on(reply.error())) break;
        if (!reply) continue;
        close_leg();
        begin_leg(std::move(*reply));
        this->answers_now(call_.keep(reply_->head().provider), call_.keep(reply_->head().upstream_model));
        parts_->counts->resumed.fetch_add(1, std::memory_order_relaxed);
        co_return true;
      }
    }
    parts_->counts->given_up.fetch_add(1, std::memory_order_relaxed);
    co_return false;
  }
  /// What the target that broke off has used is on the bill, whether it said so or not.
  void close_leg() {
    auto const& head = reply_->head();
    Measured const measured =
        parts_->meter.measure(request_, head.upstream_model, progress_, Outcome::complete);
    progress_.earlier.push_back(EarlierLeg{.usage = measured.usage,
                                           .provenance = measured.provenance,
                                           .provider = call_.keep(head.provider),
                                           .upstream_model = call_.keep(head.upstream_model)});
    events_before_ = progress_.events;
    progress_.text.clear();
    progress_.usage = Usage();
    in_text_before_seam_ = so_far_.ends_in_text();
    at_seam_ = true;
  }

  std::shared_ptr<Parts> parts_;
  ChatRequest request_;
  Conversation asked_;
  Call& call_;
  ReplyProgress progress_;
  int left_;
  AnswerSoFar so_far_;
  std::optional<ChatReply> reply_;
  std::optional<DeltaReader> steps_;
  std::vector<ChatDelta> out_;
  std::size_t text_seen_{0};
  std::int64_t events_before_{0};
  std::string id_;  ///< Of the answer that began, and so of all of it.
  std::string model_;
  std::int64_t created_{0};
  bool at_seam_{false};
  bool in_text_before_seam_{false};
};

/// Goes on with another target of the chain when a stream breaks after its commit point: asks it the same, with the part
/// of the answer that there is and an instruction to continue it, and hands its text out as the rest of the answer.
///
/// What goes on: an answer that is one text so far (reasoning before it does no harm). A half call of a tool, a refusal,
/// several choices or an answer in a JSON format is not gone on with: the client gets the error, as without this.
///
/// The seam is marked: ChatDelta::seam names who goes on, in a server-sent stream as a comment; `seam` of the options
/// goes into the text. What the target that broke off has used is billed too, counted where it did not say
/// (ReplyProgress::earlier).
///
/// A stream that could be gone on with is decoded and written anew for the client, also where it is of the client's
/// dialect: this trades the same bytes for an answer without a hole. Whole answers pass as they come.
///
/// Errors:       the chain's; the error that broke the stream when nobody could go on.
/// Cancellation: passed through; a call that was cancelled or whose time is over is not gone on with.
/// Order:        Resume{Fallback{a | timeouts() | breaker(), b | timeouts() | breaker()}}: who broke off is asked last,
///               and its breaker has counted the failure.
/// Concurrency:  any thread.
///
///     auto answer = Fallback{OpenAi{east}, OpenAi{west}} | resume();
///
/// See also: resume_decision.hpp.
template <Provider P, ChainOf<ChatRequest> C>
class Resume {
 public:
  /// `answer` is asked first, the targets of `chain` go on. Throws std::invalid_argument when an option is out of its
  /// range.
  Resume(P answer, C chain, ResumeOptions options = {},
         std::shared_ptr<ResumeCounts> counts = std::make_shared<ResumeCounts>())
      : parts_(std::make_shared<Parts>(std::move(answer), std::move(chain), std::move(options),
                                       std::move(counts))) {
    parts_->options.check();
  }

  std::string_view name() const { return parts_->answer.name(); }
  ResumeCounts const& counts() const noexcept { return *parts_->counts; }
  DoorSet doors() const { return doors_of(parts_->answer); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    if constexpr (std::same_as<R, ChatRequest>)
      if (request.stream()) return ask_stream(request, call);
    return parts_->answer(request, call);
  }

 private:
  using Parts = ResumeParts<P, C>;

  Task<Result<ChatReply>> ask_stream(ChatRequest const& request, Call& call) {
    Result<ChatReply> reply = co_await parts_->answer(request, call);
    if (!reply || !reply->head().streamed) co_return reply;
    Result<Conversation> asked = request.conversation();
    if (!asked || !is_resumable(*asked)) co_return reply;
    ReplyHead head = reply->head();
    head.dialect = Dialect::neutral;
    head.decoder = nullptr;
    using Source = ResumedReply<Parts>;
    ArenaPtr<Source> source = call.make<Source>(parts_, request, std::move(*asked), std::move(*reply), call);
    Result<ReplyPart> first = co_await source->next();
    if (!first) co_return fail(std::move(first.error()));
    co_return ChatReply(head, std::move(source), *first);
  }

  std::shared_ptr<Parts> parts_;
};

/// What resume() returns.
class ResumeLayer : public PolicyLayer {
 public:
  explicit ResumeLayer(ResumeOptions options) : options_(std::move(options)) {}
  /// A provider that is no chain goes on itself.
  template <Provider P>
  auto wrap(P provider) const {
    if constexpr (ChainOf<P, ChatRequest>) return Resume<P, P>(provider, provider, options_);
    else return Resume<P, Fallback<P>>(provider, Fallback<P>(provider), options_);
  }

 private:
  ResumeOptions options_;
};

/// `chain | resume()`: the chain is copied, so its parts must be copyable; copies of a policy share its state.
[[nodiscard]] inline ResumeLayer resume(ResumeOptions options = {}) {
  return ResumeLayer(std::move(options));
}

}  // namespace lowart
