#pragma once
/// Call: the one request in flight. Passed, never global.

#include <lowart/core/admission.hpp>
#include <lowart/core/arena.hpp>
#include <lowart/core/clock.hpp>
#include <lowart/core/money.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// The time a call may take in each of its phases. Zero switches a clock off.
struct Clocks {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds first_token{60'000};
  std::chrono::milliseconds between_tokens{60'000};
  std::chrono::milliseconds whole{600'000};
};

/// One request that was sent, or tried to be sent, to a provider.
struct Attempt {
  std::string_view provider;
  TimePoint started_at;
  TimePoint ended_at{};         ///< When it failed, or when its answer began.
  std::optional<Errc> failure;  ///< Empty: it answered.
  std::string_view model{};     ///< As the provider names it, where that is known; lives as long as the call.
  /// What it used, where that is nobody's answer: of a hedge's loser. Null: its answer tells, or it used nothing.
  Usage const* in_vain{nullptr};
};

/// What a call has used, as its meter found at the end.
struct Spent {
  Usage usage;
  Provenance provenance{Provenance::none};
  NanoUsd cost;
};

/// Who asks. Views that outlive the call; what is not known is empty, all of it in process.
struct Caller {
  std::string_view key{};      ///< Name of the API key, never the key.
  std::string_view user{};     ///< Whose key it is.
  std::string_view team{};     ///< The same.
  std::string_view address{};  ///< Where the call came from, without port.
};

class CallFork;
class InterruptHook;

/// Header fields of whoever asks, without knowing what they came in.
struct ClientFields {
  /// The value of the field `name` (in lower case); empty when there is none. Null: nobody sent fields.
  std::string_view (*lookup)(void const* head, std::string_view name){nullptr};
  void const* head{nullptr};

  std::string_view get(std::string_view name) const {
    return lookup == nullptr ? std::string_view() : lookup(head, name);
  }
};

/// One request in flight: who asks, until when, what it may spend, and how to stop it.
///
/// Lives on one event loop. What is made in its arena, replies included, must be gone before it is.
/// Making one takes an Admission, so nothing reaches a provider that no limiter has let in.
class Call {
 public:
  Call(Admission admission, Clock& clock, asio::any_io_executor executor, Arena& arena)
      : Call(std::move(admission), clock, std::move(executor), arena, clock.now()) {}
  /// The same, where the time is known already.
  Call(Admission admission, Clock& clock, asio::any_io_executor executor, Arena& arena, TimePoint started_at)
      : admission_(std::move(admission)),
        clock_(clock),
        executor_(std::move(executor)),
        arena_(arena),
        started_at_(started_at),
        trail_(arena.resource()) {}
  Call(Call const&) = delete;
  Call& operator=(Call const&) = delete;
  ~Call();

  Admission& admission() noexcept { return admission_; }
  Clock& clock() const noexcept { return clock_; }
  TimePoint now() const noexcept { return clock_.now(); }
  TimePoint started_at() const noexcept { return started_at_; }
  asio::any_io_executor const& executor() const noexcept { return executor_; }
  std::pmr::memory_resource* memory() const noexcept { return arena_.resource(); }

  /// Makes an object that lives at most as long as the call.
  template <class T, class... Args>
  ArenaPtr<T> make(Args&&... args) {
    void* place = arena_.take(sizeof(T), alignof(T));
    return ArenaPtr<T>(::new (place) T(std::forward<Args>(args)...));
  }
  /// A copy of `text` that lives as long as the call.
  std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    auto* place = static_cast<char*>(arena_.take(text.size(), 1));
    std::copy(text.begin(), text.end(), place);
    return {place, text.size()};
  }

  /// Names the call towards the client, the provider and the log. A view that outlives the call.
  std::string_view request_id() const noexcept { return request_id_; }
  void request_id(std::string_view id) noexcept { request_id_ = id; }
  Caller const& caller() const noexcept { return caller_; }
  void caller(Caller const& who) noexcept { caller_ = who; }
  /// The conversation that the call belongs to; empty: none. A view that outlives the call.
  std::string_view conversation() const noexcept { return conversation_; }
  void conversation(std::string_view id) noexcept { conversation_ = id; }
  /// Who goes first where calls wait for each other: 0 (last) to 9.
  int priority() const noexcept { return priority_; }
  void priority(int value) noexcept { priority_ = value; }
  static constexpr int usual_priority = 5;
  /// W3C trace context to pass on; may be empty.
  std::string_view traceparent() const noexcept { return traceparent_; }
  void traceparent(std::string_view value) noexcept { traceparent_ = value; }

  /// The client's header fields, for policies that decide by them; none in process. They outlive the call.
  ClientFields client_fields() const noexcept { return client_fields_; }
  void client_fields(ClientFields fields) noexcept { client_fields_ = fields; }

  /// What the Timeouts policy asks of the connect phase.
  std::chrono::milliseconds connect_timeout() const noexcept { return connect_timeout_; }
  void connect_timeout(std::chrono::milliseconds timeout) noexcept { connect_timeout_ = timeout; }

  /// More of a request's body is on its way: until it is there no answer can be late.
  void note_progress() noexcept {
    progress_at_ = now();
    if (parent_ != nullptr) parent_->note_progress();
  }
  /// Whether the next piece of the body has to come yet: then it is whoever sends it who is late, and nobody else.
  void awaits_body(bool yes) noexcept {
    awaits_body_ = yes;
    if (parent_ != nullptr) parent_->awaits_body(yes);
  }
  /// When there was progress last: now while the body is awaited, long ago for a request that went out at once.
  TimePoint progress_at() const noexcept { return awaits_body_ ? now() : progress_at_; }

  /// Every attempt so far, in order. Leaf providers append to it.
  std::pmr::vector<Attempt>& trail() noexcept { return trail_; }
  std::pmr::vector<Attempt> const& trail() const noexcept { return trail_; }

  /// What it cost; filled by the meter when the reply has ended.
  Spent& spent() noexcept { return spent_; }
  Spent const& spent() const noexcept { return spent_; }

  /// Stops whatever the call waits for; the wait fails with this code. A cancelled call stays so, any other
  /// interruption lasts until the policy that raised it clears it.
  void interrupt(Errc code) noexcept;
  void cancel() noexcept { interrupt(Errc::cancelled); }
  /// Of a fork: what interrupts its parent comes first.
  std::optional<Errc> interruption() const noexcept {
    if (parent_ != nullptr)
      if (auto const above = parent_->interruption()) return above;
    return interruption_;
  }
  void clear_interruption() noexcept {
    if (interruption_ != Errc::cancelled) interruption_.reset();
  }
  /// Clears it if it is still this one: for who raised it, as another may have come since.
  void take_back(Errc code) noexcept {
    if (interruption_ == code) clear_interruption();
  }
  /// The error of a wait that was interrupted.
  Error interruption_error() const;

 private:
  friend class CallFork;
  friend class InterruptHook;
  /// A fork.
  Call(Call& parent, Arena& arena)
      : admission_(parent.admission_.part()),
        clock_(parent.clock_),
        executor_(parent.executor_),
        arena_(arena),
        started_at_(parent.started_at_),
        request_id_(parent.request_id_),
        caller_(parent.caller_),
        conversation_(parent.conversation_),
        traceparent_(parent.traceparent_),
        priority_(parent.priority_),
        client_fields_(parent.client_fields_),
        connect_timeout_(parent.connect_timeout_),
        trail_(arena.resource()),
        parent_(&parent) {}
  void run_hooks() noexcept;

  Admission admission_;
  Clock& clock_;
  asio::any_io_executor executor_;
  Arena& arena_;
  TimePoint started_at_;
  std::string_view request_id_;
  Caller caller_;
  std::string_view conversation_;
  std::string_view traceparent_;
  int priority_{usual_priority};
  ClientFields client_fields_;
  std::chrono::milliseconds connect_timeout_{Clocks{}.connect};
  TimePoint progress_at_{};
  bool awaits_body_{false};
  std::optional<Errc> interruption_;
  std::pmr::vector<Attempt> trail_;
  Spent spent_;
  InterruptHook* hooks_{nullptr};
  Call* parent_{nullptr};            ///< Of a fork.
  std::shared_ptr<CallFork> forks_;  ///< The newest first.
};

/// Runs a function when the call is interrupted: cancel the timer or socket you wait for. Never await in it.
class InterruptHook {
 public:
  using Callback = void (*)(void* context);
  InterruptHook(Call& call, Callback callback, void* context) noexcept
      : call_(call), callback_(callback), context_(context), next_(call.hooks_) {
    if (next_ != nullptr) next_->previous_ = this;
    call_.hooks_ = this;
  }
  ~InterruptHook() {
    if (previous_ != nullptr) previous_->next_ = next_;
    else call_.hooks_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  InterruptHook(InterruptHook const&) = delete;
  InterruptHook& operator=(InterruptHook const&) = delete;

 private:
  friend class Call;
  Call& call_;
  Callback callback_;
  void* context_;
  InterruptHook* next_;
  InterruptHook* previous_{nullptr};
};

inline void Call::interrupt(Errc code) noexcept {
  if (interruption_ == Errc::cancelled) return;
  interruption_ = code;
  run_hooks();
}
inline void Call::run_hooks() noexcept {
  // A hook only asks an operation to stop; nothing resumes, so the list does not change under us.
  for (InterruptHook* hook = hooks_; hook != nullptr; hook = hook->next_) hook->callback_(hook->context_);
}

inline Error Call::interruption_error() const {
  Errc const code = interruption().value_or(Errc::cancelled);
  switch (code) {
    case Errc::connect_timeout:
      return Error(code, "no connection to the provider in time", Origin::upstream).with_retryable(true);
    case Errc::first_token_timeout:
      return Error(code, "the provider sent nothing in time", Origin::upstream)
          .with_sent(Sent::maybe)
          .with_retryable(true);
    case Errc::between_tokens_timeout:
      return Error(code, "the provider's stream fell silent", Origin::upstream).with_sent(Sent::yes);
    case Errc::whole_timeout:
      return Error(code, "the call took longer than it may", Origin::gateway).with_sent(Sent::maybe);
    case Errc::client_deadline:
      return Error(code, "the time is over that the client said it would wait", Origin::client)
          .with_sent(Sent::maybe);
    case Errc::unauthenticated:
      return Error(code, "the API key was revoked", Origin::client).with_sent(Sent::maybe);
    case Errc::shutting_down: {
      constexpr std::chrono::seconds until_another_is_there{1};
      return Error(code, "the gateway is shutting down").with_retry_after(until_another_is_there);
    }
    default: return Error(code, "the caller went away", Origin::client).with_sent(Sent::maybe);
  }
}

/// A Call of its own for one of several attempts that run at once on behalf of one call.
///
/// It has its parent's names, clock, executor and right to be sent (law 1: it is made of a Call, so of an Admission),
/// but an arena, a trail and interruptions of its own. What interrupts the parent stops the fork too, for as long as it
/// lasts; what interrupts the fork, stops nothing else.
///
/// The parent keeps it until its own end, so that a reply that was made with it can be handed out like any other. Who
/// has nothing left in it says release(). A coroutine that runs beside the parent's holds the pointer: when it is left
/// behind (its loop is torn down), it finds its call cancelled, and its memory still there.
class CallFork {
  struct Key {};  // so that of() alone can make one

 public:
  static std::shared_ptr<CallFork> of(Call& parent) {
    auto fork = std::make_shared<CallFork>(Key{}, parent);
    fork->next_ = std::move(parent.forks_);
    parent.forks_ = fork;
    return fork;
  }
  CallFork(Key, Call& parent)
      : call_(parent, arena_),
        forward_(
            std::in_place, parent, [](void* self) { static_cast<CallFork*>(self)->call_.run_hooks(); },
            this) {}
  CallFork(CallFork const&) = delete;
  CallFork& operator=(CallFork const&) = delete;

  Call& call() noexcept { return call_; }
  /// Moves what was attempted to the end of the parent's trail.
  void hand_over_trail() {
    if (call_.parent_ == nullptr) return;
    auto& trail = call_.parent_->trail();
    for (Attempt attempt : call_.trail()) {
      attempt.model = call_.parent_->keep(attempt.model);  // the fork's memory may go first
      trail.push_back(attempt);
    }
    call_.trail().clear();
  }
  /// The parent keeps it no longer: nothing that was made in it is left.
  void release() noexcept {
    if (call_.parent_ == nullptr) return;
    for (auto* link = &call_.parent_->forks_; *link; link = &(*link)->next_) {
      if (link->get() != this) continue;
      leave_parent();
      std::shared_ptr<CallFork> const self = std::exchange(*link, std::move(next_));
      return;
    }
  }

 private:
  friend class Call;
  void leave_parent() noexcept {
    forward_.reset();
    call_.parent_ = nullptr;
    call_.cancel();
  }

  Arena arena_;
  Call call_;
  std::optional<InterruptHook> forward_;
  std::shared_ptr<CallFork> next_;
};

inline Call::~Call() {
  while (forks_) {
    forks_->leave_parent();
    forks_ = std::exchange(forks_->next_, nullptr);
  }
}

}  // namespace lowart
