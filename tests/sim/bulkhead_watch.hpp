#pragma once
/// BulkheadWatch: counts who is within a bulkhead, and holds it to its bound.

#include <lowart/policy/bulkhead.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "ledger.hpp"

namespace lowart::sim {

/// The watch over one bulkhead: never more within than it has places, and nobody holds one, or waits, at the end.
class BulkheadWatch {
 public:
  BulkheadWatch(Ledger& ledger, std::string name, BulkheadOptions options)
      : ledger_(ledger), name_(std::move(name)), places_(std::make_shared<BulkheadPlaces>(options)) {}
  std::shared_ptr<BulkheadPlaces> const& places() const noexcept { return places_; }

  void enters() {
    ledger_.meet("calls within a bulkhead");
    if (++within_ > places_->options().concurrency) fault("more are within than it has places");
    if (within_ > places_->in_use()) fault("someone is within without a place");
  }
  void leaves() noexcept { --within_; }
  void is_over() {
    if (places_->waited().count() > 0) ledger_.meet("bulkheads that were waited for");
    if (places_->refused() > 0) ledger_.meet("bulkheads that refused");
    if (places_->in_use() != 0 || within_ != 0)
      fault(std::to_string(places_->in_use()) + " places are never given back");
    if (places_->waiting() != 0) fault(std::to_string(places_->waiting()) + " wait for ever");
  }

 private:
  void fault(std::string const& what) { ledger_.fault("bulkhead of " + name_ + ": " + what); }

  Ledger& ledger_;
  std::string name_;
  std::shared_ptr<BulkheadPlaces> places_;
  std::int64_t within_{0};
};

/// Stands within a bulkhead: who comes here has a place, until its reply has ended.
template <Provider P>
class WithinBulkhead {
 public:
  WithinBulkhead(P inner, std::shared_ptr<BulkheadWatch> watch)
      : inner_(std::move(inner)), watch_(std::move(watch)) {}
  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    ArenaPtr<Stay> stay = call.make<Stay>(*watch_);
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) co_return reply;
    if constexpr (Watchable<typename R::reply_type>) reply->watch(std::move(stay));
    co_return reply;
  }

 private:
  class Stay final : public ReplyWatcher {
   public:
    explicit Stay(BulkheadWatch& watch) : watch_(&watch) { watch.enters(); }
    ~Stay() override { leave(); }
    Stay(Stay const&) = delete;
    Stay& operator=(Stay const&) = delete;
    void end(ReplyEnd const&, ReplyProgress const&) noexcept override { leave(); }

   private:
    void leave() noexcept {
      if (watch_ != nullptr) watch_->leaves();
      watch_ = nullptr;
    }
    BulkheadWatch* watch_;
  };

  P inner_;
  std::shared_ptr<BulkheadWatch> watch_;
};

}  // namespace lowart::sim
