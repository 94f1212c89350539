#pragma once
/// LimitModel: what the limits of a key must allow, worked out anew: exact levels, from admissions and settlements only.

#include <lowart/meter/limiter.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "ledger.hpp"
#include "trace.hpp"

namespace lowart::sim {

/// A bucket in units of 1/period tokens, so that nothing is ever rounded.
class ExactBucket {
 public:
  ExactBucket(std::int64_t capacity, Nanos now) : capacity_(capacity), level_(full()), at_(now) {}

  void run(Nanos now) {
    level_ = std::min(full(), level_ + Units{(now - at_).count()} * capacity_);
    at_ = now;
  }
  void take(std::int64_t tokens) { level_ -= Units{tokens} * period; }
  void give(std::int64_t tokens) { level_ = std::min(full(), level_ + Units{tokens} * period); }
  std::int64_t level() const noexcept {
    Units const whole = level_ / period;
    return static_cast<std::int64_t>(whole * period > level_ ? whole - 1 : whole);
  }

 private:
  __extension__ using Units = __int128;
  static constexpr std::int64_t period = 60'000'000'000;
  Units full() const noexcept { return Units{capacity_} * period; }

  std::int64_t capacity_;
  Units level_;
  Nanos at_;
};

/// One key. What a call used beyond its reservation is charged when it ends, or as if it had been charged when the
/// bucket was last asked: the truth is between, and is one number where no call goes beyond.
class LimitModel {
 public:
  LimitModel(Limits limits, Nanos now)
      : state_(std::make_shared<LimitState>(limits, TimePoint(now))),
        limits_(limits),
        requests_(limits.rpm, now),
        least_(limits.tpm, now),
        most_(limits.tpm, now) {}

  std::shared_ptr<LimitState> const& state() const noexcept { return state_; }

  void admitted(Nanos now, std::int64_t reserved, Ledger& ledger, std::string const& who) {
    ++running_;
    if (limits_.concurrency > 0 && running_ > limits_.concurrency)
      ledger.fault(who + ": " + std::to_string(running_) + " calls at once, the limit is " +
                   std::to_string(limits_.concurrency));
    requests_.run(now);
    requests_.take(1);
    if (limits_.rpm > 0 && requests_.level() < 0)
      ledger.fault(who + ": admitted over the limit of " + std::to_string(limits_.rpm) + " requests");
    least_.run(now);
    most_.run(now);
    least_.take(reserved);
    most_.take(reserved);
    if (limits_.tpm > 0 && most_.level() < 0)
      ledger.fault(who + ": admitted over the limit of " + std::to_string(limits_.tpm) +
                   " tokens: reserved " + std::to_string(reserved) + ", missing " +
                   std::to_string(-most_.level()));
  }
  void settled(Nanos now, std::int64_t reserved, std::int64_t used) {
    --running_;
    if (used <= reserved) {
      least_.give(reserved - used);
      most_.give(reserved - used);
      return;
    }
    least_.run(now);
    least_.take(used - reserved);
    most_.take(used - reserved);
  }
  /// After the last call: everything that was reserved is settled or given back.
  void judge(Nanos now, std::string const& key, Ledger& ledger) {
    LimitSnapshot const is = state_->snapshot(TimePoint(now));
    if (is.running != 0 || running_ != 0)
      ledger.fault(key + ": " + std::to_string(is.running) + " places are still taken");
    requests_.run(now);
    least_.run(now);
    most_.run(now);
    auto const shown = [](ExactBucket const& b) { return std::max<std::int64_t>(b.level(), 0); };
    if (limits_.rpm > 0 && is.requests.remaining != shown(requests_))
      ledger.fault(key + ": " + std::to_string(is.requests.remaining) + " requests are left, not " +
                   std::to_string(shown(requests_)));
    bool const right = is.tokens.remaining >= shown(least_) && is.tokens.remaining <= shown(most_);
    if (limits_.tpm > 0 && !right)
      ledger.fault(key + ": reserved is not settled plus released: " + std::to_string(is.tokens.remaining) +
                   " tokens are left, not " + std::to_string(shown(least_)) + " to " +
                   std::to_string(shown(most_)));
  }

 private:
  std::shared_ptr<LimitState> state_;
  Limits limits_;
  ExactBucket requests_;
  ExactBucket least_;
  ExactBucket most_;
  std::int64_t running_{0};
};

/// All keys of a run, by their text.
class LimitModels {
 public:
  LimitModel& add(std::string const& key, Limits limits, Nanos now) {
    return models_.emplace(key, LimitModel(limits, now)).first->second;
  }
  void admitted(std::string const& key, Nanos now, std::int64_t reserved, Ledger& ledger, int call) {
    if (auto const found = models_.find(key); found != models_.end())
      found->second.admitted(now, reserved, ledger, "call-" + std::to_string(call));
  }
  void settled(std::string const& key, Nanos now, std::int64_t reserved, std::int64_t used) {
    if (auto const found = models_.find(key); found != models_.end())
      found->second.settled(now, reserved, used);
  }
  void judge(Nanos now, Ledger& ledger) {
    for (auto& [key, model] : models_) model.judge(now, key, ledger);
  }

 private:
  std::map<std::string, LimitModel> models_;
};

}  // namespace lowart::sim
