#include <lowart/core/call.hpp>
#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace lowart::call_test {
namespace {

using testing::TestLoop;

struct Ring {
  int count{0};
  static void on(void* self) { ++static_cast<Ring*>(self)->count; }
};

TEST(Call, RunsEveryHookWhenItIsInterrupted) {
  TestLoop loop;
  Call call = loop.call();
  Ring ring;
  InterruptHook a(call, Ring::on, &ring);
  {
    InterruptHook gone(call, Ring::on, &ring);
    InterruptHook b(call, Ring::on, &ring);
  }
  InterruptHook c(call, Ring::on, &ring);
  call.interrupt(Errc::first_token_timeout);
  EXPECT_EQ(ring.count, 2);
  EXPECT_EQ(call.interruption(), Errc::first_token_timeout);
}

TEST(Call, HooksMayLeaveInAnyOrder) {
  TestLoop loop;
  Call call = loop.call();
  Ring ring;
  std::array<std::optional<InterruptHook>, 3> hooks;
  for (auto& hook : hooks) hook.emplace(call, Ring::on, &ring);
  hooks[1].reset();
  call.interrupt(Errc::whole_timeout);
  EXPECT_EQ(ring.count, 2);
  hooks[2].reset();
  hooks[0].reset();
  call.interrupt(Errc::whole_timeout);
  EXPECT_EQ(ring.count, 2);
}

TEST(Call, ForgetsAnInterruptionThatIsClearedButNeverACancellation) {
  TestLoop loop;
  Call call = loop.call();
  call.interrupt(Errc::first_token_timeout);
  call.clear_interruption();
  EXPECT_FALSE(call.interruption());
  call.cancel();
  call.clear_interruption();
  call.interrupt(Errc::whole_timeout);
  EXPECT_EQ(call.interruption(), Errc::cancelled);
}

TEST(Call, TellsEachInterruptionAsItsOwnError) {
  TestLoop loop;
  std::set<std::string> messages;
  for (Errc const code : {Errc::connect_timeout, Errc::first_token_timeout, Errc::between_tokens_timeout,
                          Errc::whole_timeout, Errc::client_deadline, Errc::shutting_down, Errc::cancelled}) {
    Call call = loop.call();
    call.interrupt(code);
    Error const error = call.interruption_error();
    EXPECT_EQ(error.code(), code);
    messages.insert(error.message());
  }
  EXPECT_EQ(messages.size(), 7U);
}

TEST(Call, KeepsObjectsAndTextInItsArena) {
  TestLoop loop;
  std::array<std::byte, 1024> first{};
  Arena arena(first);
  Call call(testing::AdmissionForTests::unlimited(), loop.clock, loop.io.get_executor(), arena);
  std::string text = "kept";
  std::string_view const kept = call.keep(text);
  text = "gone";
  EXPECT_EQ(kept, "kept");
  auto const* place = reinterpret_cast<std::byte const*>(kept.data());
  EXPECT_TRUE(place >= first.data() && place < first.data() + first.size());
  EXPECT_TRUE(call.keep("").empty());
  int destroyed = 0;
  struct Counted {
    explicit Counted(int& d) : destroyed(d) {}
    ~Counted() { ++destroyed; }
    int& destroyed;
  };
  {
    ArenaPtr<Counted> object = call.make<Counted>(destroyed);
  }
  EXPECT_EQ(destroyed, 1);
}

class Book final : public Ledger {
 public:
  void settle(Reservation const& reserved, CallUse const& used) noexcept override {
    ++settled_;
    reserved_ = reserved.most.tokens;
    used_ = used.tokens;
  }
  int settled_{0};
  std::int64_t reserved_{0};
  std::int64_t used_{0};
};

TEST(Admission, IsSettledOnceByWhoeverHoldsItLast) {
  Book book;
  {
    Admission first = testing::AdmissionForTests::on(book, 100);
    Admission second = std::move(first);
    second.settle({.tokens = 40, .cost = {}});
    second.settle({.tokens = 50, .cost = {}});
  }
  EXPECT_EQ(book.settled_, 1);
  EXPECT_EQ(book.reserved_, 100);
  EXPECT_EQ(book.used_, 40);
}

TEST(Admission, ChargesNothingWhenItIsDropped) {
  Book book;
  TestLoop loop;
  {
    Call call(testing::AdmissionForTests::on(book, 100), loop.clock, loop.io.get_executor(), loop.arena);
  }
  EXPECT_EQ(book.settled_, 1);
  EXPECT_EQ(book.used_, 0);
}

TEST(CallFork, IsStoppedWithItsParentAndAlone) {
  TestLoop loop;
  Call call = loop.call();
  auto const a = CallFork::of(call);
  auto const b = CallFork::of(call);
  Ring of_a;
  Ring of_b;
  InterruptHook const hook_a(a->call(), Ring::on, &of_a);
  InterruptHook const hook_b(b->call(), Ring::on, &of_b);
  a->call().interrupt(Errc::first_token_timeout);
  EXPECT_EQ(of_a.count, 1);
  EXPECT_EQ(of_b.count, 0);
  EXPECT_FALSE(call.interruption());
  EXPECT_FALSE(b->call().interruption());
  call.interrupt(Errc::whole_timeout);
  EXPECT_EQ(of_b.count, 1);
  EXPECT_EQ(a->call().interruption(), Errc::whole_timeout) << "the parent's comes first";
  EXPECT_EQ(a->call().interruption_error().code(), Errc::whole_timeout);
  call.clear_interruption();
  EXPECT_EQ(a->call().interruption(), Errc::first_token_timeout);
  EXPECT_FALSE(b->call().interruption()) << "what is over for the parent is over for the fork";
  a->call().take_back(Errc::first_token_timeout);
  EXPECT_FALSE(a->call().interruption());
}

TEST(CallFork, HandsItsTrailOverAndSettlesNothing) {
  TestLoop loop;
  Call call = loop.call();
  call.request_id("req_1");
  call.caller({.key = "key"});
  auto const fork = CallFork::of(call);
  EXPECT_EQ(fork->call().request_id(), "req_1");
  EXPECT_EQ(fork->call().caller().key, "key");
  EXPECT_EQ(fork->call().admission().reserved().most.tokens, call.admission().reserved().most.tokens);
  Attempt attempt{};
  attempt.provider = "a";
  fork->call().trail().push_back(attempt);
  EXPECT_TRUE(call.trail().empty());
  fork->hand_over_trail();
  ASSERT_EQ(call.trail().size(), 1U);
  EXPECT_EQ(call.trail().front().provider, "a");
}

TEST(CallFork, LivesAsLongAsItsParentOrWhoeverHoldsIt) {
  TestLoop loop;
  std::weak_ptr<CallFork> kept;
  std::shared_ptr<CallFork> held;
  {
    Call call = loop.call();
    kept = CallFork::of(call);
    EXPECT_FALSE(kept.expired());
    std::weak_ptr<CallFork> const released = CallFork::of(call);
    held = CallFork::of(call);
    released.lock()->release();
    EXPECT_TRUE(released.expired());
    EXPECT_FALSE(kept.expired());
    EXPECT_FALSE(held->call().interruption());
  }
  EXPECT_TRUE(kept.expired());
  EXPECT_EQ(held->call().interruption(), Errc::cancelled) << "its parent is gone";
  held->release();
  held->hand_over_trail();
}

}  // namespace
}  // namespace lowart::call_test
