#pragma once
/// Witnesses: policies that change nothing and see everything: each admitted call from its beginning to its end.

#include <lowart/meter/usage_sink.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kernel.hpp"
#include "ledger.hpp"
#include "limit_model.hpp"

namespace lowart::sim {

/// Keeps records in the ledger. A record belongs to the call that ends next.
class LedgerSink {
 public:
  explicit LedgerSink(std::vector<KeptRecord>& kept) : kept_(&kept) {}
  Result<void> append(UsageRecord const& r) {
    kept_->push_back(
        KeptRecord{std::string(r.key), std::string(r.model), r.usage, r.provenance, r.outcome, r.attempts});
    return {};
  }

 private:
  std::vector<KeptRecord>* kept_;
};
static_assert(UsageSink<LedgerSink>);

/// What the witness of a run writes to.
struct WitnessBook {
  Kernel& kernel;
  Ledger& ledger;
  LimitModels& limits;
  std::vector<KeptRecord>& records;  ///< Where LedgerSink leaves them.

  void begins(Call& call) {
    int const number = call_number(call.request_id());
    CallLog* const log = ledger.call(number);
    if (log == nullptr)
      return ledger.fault("a call of nobody was admitted: " + std::string(call.request_id()));
    kernel.trace().note(kernel.now(), "admitted call", number, call.admission().reserved().most.tokens);
    ++log->admitted;
    log->admitted_at = kernel.now();
    log->reserved = call.admission().reserved().most.tokens;
    limits.admitted(log->question.key, kernel.now(), log->reserved, ledger, number);
  }
  void ends(Call const& call) {
    int const number = call_number(call.request_id());
    CallLog* const log = ledger.call(number);
    if (log == nullptr) return;
    kernel.trace().note(kernel.now(), "ended call", number, static_cast<std::int64_t>(records.size()));
    ++log->ended;
    log->ended_at = kernel.now();
    for (auto& record : records) log->records.push_back(std::move(record));
    records.clear();
    std::int64_t const used = log->records.empty() ? 0 : log->records.back().usage.total();
    limits.settled(log->question.key, kernel.now(), log->reserved, used);
  }
};

/// The outermost policy of the gateway under test.
template <Provider P>
class Witness {
 public:
  Witness(P inner, WitnessBook& book) : inner_(std::move(inner)), book_(&book) {}

  std::string_view name() const { return inner_.name(); }
  std::optional<Error> refusal(std::string_view model, DoorKind door) const
    requires KnowsModels<P>
  {
    return inner_.refusal(model, door);
  }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    book_->begins(call);
    ReplyOf<R> reply = co_await inner_(request, call);
    if constexpr (Watchable<typename R::reply_type>) {
      if (reply) {
        reply->watch(call.make<Watcher>(*book_, call));
        co_return reply;
      }
    }
    book_->ends(call);
    co_return reply;
  }

 private:
  class Watcher final : public ReplyWatcher {
   public:
    Watcher(WitnessBook& book, Call& call) : book_(book), call_(call) {}
    void end(ReplyEnd const&, ReplyProgress const&) noexcept override { book_.ends(call_); }

   private:
    WitnessBook& book_;
    Call& call_;
  };

  P inner_;
  WitnessBook* book_;
};

}  // namespace lowart::sim
