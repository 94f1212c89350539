#pragma once
/// Clock: time as a parameter, so that a whole gateway runs under a clock that a test turns by hand.

#include <lowart/core/task.hpp>

#include <chrono>
#include <cstdint>

namespace lowart {

class Call;

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Alarm;

/// The time of one event loop. Used on that loop's thread only.
///
/// Models: LoopClock (the real one, core/loop_clock.hpp), ManualClock (testing/manual_clock.hpp).
class Clock {
 public:
  virtual ~Clock() = default;
  Clock(Clock const&) = delete;
  Clock& operator=(Clock const&) = delete;

  /// Monotonic; for deadlines and durations.
  virtual TimePoint now() const noexcept = 0;
  /// Never before now() and at most some milliseconds after it; much cheaper. For deadlines, which are kept within a
  /// tick anyway.
  virtual TimePoint coarse_now() const noexcept { return now(); }
  /// Microseconds since 1970, UTC; for records.
  virtual std::int64_t utc_micros() const noexcept = 0;
  /// What utc_micros() was, or will be, at this time of now(); much cheaper.
  virtual std::int64_t utc_micros_at(TimePoint at) const noexcept {
    return utc_micros() + std::chrono::duration_cast<std::chrono::microseconds>(at - now()).count();
  }
  /// Returns true when the time has passed, false when the call was interrupted first.
  virtual Task<bool> sleep(Duration duration, Call& call) = 0;

 protected:
  Clock() = default;
  /// Calls every alarm that is due. Alarms may be set, cleared and destroyed while this runs.
  void ring(TimePoint now);
  bool has_alarms() const noexcept { return first_ != nullptr; }
  /// Called when the first alarm is linked, so that an idle clock needs no tick.
  virtual void first_alarm_linked() {}

 private:
  friend class Alarm;
  Alarm* first_{nullptr};
  Alarm* ringing_next_{nullptr};
};

/// A deadline that costs a store to set. It rings once, within the clock's tick (50 ms) after its time.
///
/// Linked into its clock for its whole life; moving the deadline touches no list.
class Alarm {
 public:
  using Callback = void (*)(void* context);

  Alarm(Clock& clock, Callback callback, void* context) noexcept
      : clock_(clock), callback_(callback), context_(context) {
    bool const was_empty = clock_.first_ == nullptr;
    next_ = clock_.first_;
    if (next_ != nullptr) next_->previous_ = this;
    clock_.first_ = this;
    if (was_empty) clock_.first_alarm_linked();
  }
  ~Alarm() {
    if (clock_.ringing_next_ == this) clock_.ringing_next_ = next_;
    if (previous_ != nullptr) previous_->next_ = next_;
    else clock_.first_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  Alarm(Alarm const&) = delete;
  Alarm& operator=(Alarm const&) = delete;

  void set(TimePoint at) noexcept { at_ = at; }
  void set_in(Duration duration) noexcept { at_ = clock_.coarse_now() + duration; }
  void clear() noexcept { at_ = TimePoint::max(); }
  TimePoint at() const noexcept { return at_; }

 private:
  friend class Clock;
  Clock& clock_;
  Callback callback_;
  void* context_;
  TimePoint at_{TimePoint::max()};
  Alarm* next_{nullptr};
  Alarm* previous_{nullptr};
};

inline void Clock::ring(TimePoint now) {
  for (Alarm* alarm = first_; alarm != nullptr; alarm = ringing_next_) {
    ringing_next_ = alarm->next_;
    if (alarm->at_ > now) continue;
    alarm->at_ = TimePoint::max();
    alarm->callback_(alarm->context_);
  }
  ringing_next_ = nullptr;
}

}  // namespace lowart
