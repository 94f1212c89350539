#include <lowart/model/chat_reply.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace lowart::chat_reply_test {
namespace {

using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

/// Writes down what it sees.
class Witness final : public ReplyWatcher {
 public:
  Witness(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(log) {}
  ~Witness() override { log_.push_back(name_ + " gone"); }
  void waiting() noexcept override { log_.push_back(name_ + " waiting"); }
  void part(ReplyPart const& part, ReplyProgress const& progress) noexcept override {
    log_.push_back(name_ + (part.last ? " last " : " part ") + std::string(progress.text));
  }
  void end(ReplyEnd const& end, ReplyProgress const&) noexcept override {
    std::string const why =
        end.error == nullptr ? std::string() : " " + std::string(to_string(end.error->code()));
    log_.push_back(name_ + " " + std::string(to_string(end.outcome)) + why);
  }

 private:
  std::string name_;
  std::vector<std::string>& log_;
};

struct Watched {
  TestLoop loop;
  std::vector<std::string> log;
  Call call = loop.call();
  Result<ChatReply> reply = fail(Errc::internal, "not asked");

  explicit Watched(Step step) {
    ScriptedProvider provider("a", {std::move(step)});
    ChatRequest const request("m");
    reply = loop.run(provider(request, call));
    if (reply) reply->watch(call.make<Witness>("w", log));
  }
  Result<ReplyPart> next() { return loop.run(reply->next()); }
};

using Log = std::vector<std::string>;

TEST(ChatReply, ShowsAWholeAnswerAsOnePart) {
  Watched w(Step::answer("hello"));
  ASSERT_TRUE(w.next());
  EXPECT_EQ(w.log, (Log{"w last hello", "w complete"}));
}

TEST(ChatReply, ShowsEachPartAndTheEndBeforeTheConsumerSeesThem) {
  Watched w(Step::stream({"a", "b"}));
  ASSERT_TRUE(w.next());
  ASSERT_TRUE(w.next());
  EXPECT_EQ(w.log, (Log{"w part a", "w waiting", "w last ab", "w complete"}));
}

TEST(ChatReply, TellsABreakAsPartial) {
  Watched w(Step::stream({"a"}).then_fail(Error(Errc::connection_lost)));
  ASSERT_TRUE(w.next());
  ASSERT_FALSE(w.next());
  EXPECT_EQ(w.log, (Log{"w part a", "w waiting", "w partial connection_lost"}));
}

TEST(ChatReply, TellsADroppedAnswerAsCancelledOnce) {
  Watched w(Step::stream({"a", "b"}));
  ASSERT_TRUE(w.next());
  w.reply = fail(Errc::internal, "dropped");
  EXPECT_EQ(w.log, (Log{"w part a", "w cancelled", "w gone"}));
}

TEST(ChatReply, TellsTheEndOnceAlsoWhenItIsDroppedLater) {
  Watched w(Step::answer("a"));
  ASSERT_TRUE(w.next());
  w.reply = fail(Errc::internal, "dropped");
  EXPECT_EQ(w.log, (Log{"w last a", "w complete", "w gone"}));
}

TEST(ChatReply, TellsInnerWatchersBeforeOuterOnes) {
  Watched w(Step::answer("a"));
  w.reply->watch(w.call.make<Witness>("outer", w.log));
  ASSERT_TRUE(w.next());
  EXPECT_EQ(w.log, (Log{"w last a", "outer last a", "w complete", "outer complete"}));
}

TEST(ChatReply, TakesItsWatchersAlongWhenItMoves) {
  Watched w(Step::answer("a"));
  Watched other(Step::answer("b"));
  ChatReply moved = *std::move(w.reply);
  EXPECT_TRUE(w.log.empty());
  ASSERT_TRUE(w.loop.run(moved.next()));
  EXPECT_EQ(w.log, (Log{"w last a", "w complete"}));
  moved = *std::move(other.reply);
  EXPECT_EQ(w.log.back(), "w gone");
  ASSERT_TRUE(other.loop.run(moved.next()));
  EXPECT_EQ(other.log.back(), "w complete");
}

TEST(ChatReply, TellsAnAnswerThatNobodyReadAsCancelled) {
  Watched w(Step::answer("a"));
  w.reply = fail(Errc::internal, "dropped");
  EXPECT_EQ(w.log, (Log{"w cancelled", "w gone"}));
}

TEST(ChatReply, TellsABreakOnceAlsoWhenItIsDroppedLater) {
  Watched w(Step::stream({"a"}).then_fail(Error(Errc::connection_lost)));
  ASSERT_TRUE(w.next());
  ASSERT_FALSE(w.next());
  w.reply = fail(Errc::internal, "dropped");
  EXPECT_EQ(w.log, (Log{"w part a", "w waiting", "w partial connection_lost", "w gone"}));
}

TEST(ChatReply, TellsThatAnAnswerIsCancelledWhileItIsAwaited) {
  Watched w(Step::stream({"a"}).then_stall());
  ASSERT_TRUE(w.next());
  auto running = testing::start(w.loop.io, w.reply->next());
  w.loop.settle();
  w.call.cancel();
  w.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(w.log, (Log{"w part a", "w waiting", "w cancelled cancelled"}));
}

TEST(ChatReply, ShowsItsProgressToWhoeverHoldsIt) {
  Watched w(Step::stream({"a", "b"}));
  ASSERT_TRUE(w.next());
  EXPECT_EQ(w.reply->progress().text, "a");
  ASSERT_TRUE(w.next());
  EXPECT_EQ(w.reply->progress().text, "ab");
  EXPECT_EQ(w.reply->progress().finish, FinishReason::stop);
}

#if !defined(NDEBUG) && defined(GTEST_HAS_DEATH_TEST)
TEST(ChatReplyDeathTest, InsistsOnASource) {
  EXPECT_DEATH(ChatReply(ChatReply::Head{}, nullptr, ReplyPart{.bytes = "a", .deltas = {}, .last = true}),
               "source_");
}
#endif

}  // namespace
}  // namespace lowart::chat_reply_test
