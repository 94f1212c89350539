#include <lowart/gateway/conversation_table.hpp>

#include <lowart/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace lowart::conversation_table_test {
namespace {

using std::chrono::minutes;

std::string user(std::string const& text) { return R"({"role":"user","content":")" + text + "\"}"; }
std::string model(std::string const& text) { return R"({"role":"assistant","content":")" + text + "\"}"; }
std::string chat(std::vector<std::string> const& messages, std::string const& more = "") {
  std::string body = R"({"model":"m","messages":[)";
  for (auto const& message : messages) body += (body.ends_with('[') ? "" : ",") + message;
  return body + "]" + more + "}";
}
std::vector<ConversationDigest> trace(std::string const& body, std::string_view owner = "k") {
  return trace_conversation(owner, read_conversation_facts(body));
}

/// A table whose conversations are numbered in the order in which they begin.
struct Talks {
  explicit Talks(ConversationOptions options = {}) : table(options) {}
  std::uint64_t ask(std::string const& body, std::string_view owner = "k") {
    auto const place = table.place(trace(body, owner), ConversationDigest{.high = 0, .low = count + 1}, now);
    if (place.begins) ++count;
    return place.id.low;
  }
  ConversationTable table;
  std::uint64_t count{0};
  TimePoint now{std::chrono::hours(1)};
};

TEST(ConversationTable, GoesOnWhereAllThatWasSaidIsSaidAgainWithMoreBehindIt) {
  Talks talks;
  EXPECT_EQ(talks.ask(chat({user("one")})), 1U);
  EXPECT_EQ(talks.ask(chat({user("one"), model("a"), user("two")})), 1U);
  EXPECT_EQ(talks.ask(chat({user("one"), model("a"), user("two"), model("b"), user("three")})), 1U);
  EXPECT_EQ(talks.ask(chat({user("another")})), 2U);
  EXPECT_EQ(talks.table.live(talks.now), 2);
  EXPECT_EQ(talks.table.live(talks.now + std::chrono::hours(1)), 0) << "their windows are over";
  EXPECT_EQ(talks.table.begun(), 2);
}

TEST(ConversationTable, KeepsAForkInItsConversationAndTakesAnEditedHistoryForANewOne) {
  Talks talks;
  talks.ask(chat({user("one")}));
  talks.ask(chat({user("one"), model("a"), user("two")}));
  EXPECT_EQ(talks.ask(chat({user("one"), model("a"), user("or two")})), 1U) << "a fork";
  EXPECT_EQ(talks.ask(chat({user("one"), model("a"), user("two")})), 1U) << "asked again";
  EXPECT_EQ(talks.ask(chat({user("One"), model("a"), user("two"), model("b"), user("three")})), 2U)
      << "edited";
}

TEST(ConversationTable, BeginsAnewWithTheSameOpeningAndGoesOnWithTheLaterOfTwo) {
  Talks talks;
  EXPECT_EQ(talks.ask(chat({user("hi")})), 1U);
  EXPECT_EQ(talks.ask(chat({user("hi")})), 2U);
  EXPECT_EQ(talks.ask(chat({user("hi"), model("a"), user("x")})), 2U);
}

TEST(ConversationTable, NeverMixesTwoKeysOrTwoSpeakersOfAKey) {
  Talks talks;
  EXPECT_EQ(talks.ask(chat({user("one")}), "k1"), 1U);
  EXPECT_EQ(talks.ask(chat({user("one"), model("a"), user("two")}), "k2"), 2U);
  EXPECT_EQ(talks.ask(chat({user("one"), model("a"), user("two")}), "k1"), 1U);
  for (auto const* name : {R"("user":)", R"("safety_identifier":)", R"("prompt_cache_key":)"}) {
    Talks of_one_key;
    auto const says = [&](std::string const& who, std::vector<std::string> const& messages) {
      return of_one_key.ask(chat(messages, std::string(",") + name + "\"" + who + "\""));
    };
    EXPECT_EQ(says("ann", {user("hi")}), 1U);
    EXPECT_EQ(says("bob", {user("hi")}), 2U);
    EXPECT_EQ(says("ann", {user("hi"), model("a"), user("x")}), 1U) << name;
  }
}

TEST(ConversationTable, ForgetsWhatIsOverItsWindowAndRenewsWhatGoesOn) {
  Talks talks;
  std::vector<std::string> said{user("one")};
  talks.ask(chat(said));
  for (int turn = 0; turn < 4; ++turn) {  // over an hour in all
    talks.now += minutes(30);
    said.insert(said.end(), {model("a"), user("more")});
    EXPECT_EQ(talks.ask(chat(said)), 1U);
  }
  talks.now += minutes(30) + std::chrono::milliseconds(1);
  said.insert(said.end(), {model("a"), user("late")});
  EXPECT_EQ(talks.ask(chat(said)), 2U);
}

TEST(ConversationTable, ForgetsTheOneUsedLongestAgoWhenItIsFull) {
  Talks talks({.window = minutes(30), .entries = 8});
  for (int i = 0; i < 8; ++i) talks.ask(chat({user(std::to_string(i))})), talks.now += minutes(1);
  EXPECT_EQ(talks.table.evicted(), 0);
  EXPECT_EQ(talks.ask(chat({user("0"), model("a"), user("b")})), 1U);  // its opening is used again; 1 goes
  EXPECT_EQ(talks.table.evicted(), 1);
  EXPECT_EQ(talks.ask(chat({user("0"), model("a"), user("c")})), 1U);
  EXPECT_EQ(talks.ask(chat({user("1"), model("a"), user("b")})), 9U);
  talks.now += minutes(31);
  auto const before = talks.table.evicted();
  for (int i = 0; i < 8; ++i) talks.ask(chat({user("later" + std::to_string(i))}));
  EXPECT_EQ(talks.table.evicted(), before) << "what was over made room";
}

TEST(ConversationTable, LooksPastMoreMessagesThanATurnAdds) {
  Talks talks;
  std::vector<std::string> said{user("one")};
  talks.ask(chat(said));
  for (int i = 0; i < 200; ++i) said.push_back(R"({"role":"tool","tool_call_id":"t","content":"r"})");
  EXPECT_EQ(talks.ask(chat(said)), 1U);
}

TEST(ConversationTable, HoldsForRandomConversationsOfManyKeysWhateverTheirOrder) {
  std::mt19937 random{7};
  Talks talks;
  struct Talk {
    std::string owner;
    std::vector<std::string> said;
    std::uint64_t id{0};
  };
  std::vector<Talk> open;
  for (int step = 0; step < 2000; ++step) {
    if (open.size() < 40) {
      std::string const owner = "k" + std::to_string(random() % 3);
      open.push_back({owner, {user("opening " + std::to_string(step))}, 0});
    }
    Talk& talk = open[random() % open.size()];
    if (talk.id == 0) {
      talk.id = talks.ask(chat(talk.said), talk.owner);
      EXPECT_EQ(talk.id, talks.count);
    } else {
      talk.said.insert(talk.said.end(), {model("answer"), user(std::to_string(random() % 4))});
      EXPECT_EQ(talks.ask(chat(talk.said), talk.owner), talk.id);
    }
    if (talk.said.size() > 20) talk = {talk.owner, {user("new " + std::to_string(step))}, 0};
    talks.now += std::chrono::milliseconds(random() % 100);
  }
}

TEST(ConversationTable, ServesManyThreads) {
  ConversationTable table({.window = minutes(30), .entries = 1000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&table, t] {
      for (std::uint64_t n = 0; n < 500; ++n) {
        auto const said = trace(chat({user("x" + std::to_string(n % 50)), model("a"), user("y")}),
                                "k" + std::to_string(t % 2));
        table.place(said, ConversationDigest{.high = n, .low = 1}, TimePoint(minutes(n)));
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(ConversationTrace, SeesThroughWhatClientsChangeWhenTheySayItAgain) {
  std::string const plain = chat({user("one"), model("a"), user("two")});
  for (
      auto const* other : {
          R"({"messages":[{"role":"user","content":[{"type":"text","text":"one","cache_control":{"type":"ephemeral"}}]},
               {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"}]},
               {"role":"user","content":"two","cache_control":{"type":"ephemeral"}}]})",
          R"({"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"one"}]},
               {"type":"reasoning","id":"rs_1","summary":[]},
               {"id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[]}]},
               {"role":"user","content":"two"}]})",
          R"({"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"a","refusal":null,"reasoning_content":"hm"},
               {"role":"user","content":"two"}]})"})
    EXPECT_EQ(trace(other), trace(plain)) << other;
}

TEST(ConversationTrace, TellsApartWhatIsNotTheSame) {
  std::vector<std::string> const bodies{
      chat({user("ab")}),
      chat({user("a"), user("b")}),
      chat({model("ab")}),
      chat({user("a"), model("b")}),
      R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]})",
      R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"ab"}}]}]})",
      R"({"messages":[{"role":"tool","tool_call_id":"1","content":"ab"}]})",
      R"({"messages":[{"role":"tool","tool_call_id":"2","content":"ab"}]})",
      R"({"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]}]})",
      R"({"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"2","name":"f","input":{}}]}]})",
      R"({"contents":[{"role":"user","parts":[{"functionCall":{"name":"f"}}]}]})"};
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (auto const& body : bodies) {
    auto const found = trace(body);
    ASSERT_FALSE(found.empty()) << body;
    EXPECT_TRUE(seen.emplace(found.back().high, found.back().low).second) << body;
  }
}

TEST(ConversationTrace, ReadsEveryDialectsListAndAStringInItsPlace) {
  EXPECT_EQ(
      trace(
          R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"text":"y"}]}]})")
          .size(),
      2U);
  EXPECT_EQ(trace(R"({"input":"one"})"),
            trace(R"({"input":[{"type":"message","role":"user","content":"one"}]})"));
  for (auto const* none : {R"({"prompt":"one"})", R"({"messages":[]})", R"({"messages":{}})", "[]", ""})
    EXPECT_TRUE(trace(none).empty()) << none;
}

TEST(ConversationTrace, GivesUpOnMoreMessagesThanAnyConversationHas) {
  std::vector<std::string> many(most_traced_messages, "{}");
  EXPECT_EQ(trace(chat(many)).size(), most_traced_messages);
  many.emplace_back("{}");
  EXPECT_TRUE(trace(chat(many)).empty());
}

TEST(ConversationFacts, FindsTheNameThatTheClientGave) {
  for (auto const* body : {R"({"metadata":{"conversation_id":"c-1"},"messages":[]})",
                           R"({"conversation":"c-1"})", R"({"conversation":{"id":"c-1"}})"})
    EXPECT_EQ(read_conversation_facts(body).conversation, "c-1") << body;
  for (auto const* body :
       {R"({"metadata":"c-1"})", R"({"conversation":{"id":7}})", R"({"conversation":null})", "{"})
    EXPECT_EQ(read_conversation_facts(body).conversation, "") << body;
}

TEST(ConversationId, IsPlainText) {
  std::string id;
  append_conversation_id(id, {.high = 0x0123456789abcdefU, .low = 1});
  EXPECT_EQ(id, "conv_0123456789abcdef0000000000000001");
}

}  // namespace
}  // namespace lowart::conversation_table_test
