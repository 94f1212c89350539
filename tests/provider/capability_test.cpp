#include <lowart/meter/counted.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace lowart::capability_test {
namespace {

using testing::ScriptedProvider;
using testing::Step;

constexpr DoorSet chat_and(std::initializer_list<DoorKind> more) {
  return DoorSet::of_chat() | DoorSet(more);
}

// The table, as it follows from the types.
static_assert(doors_served<Demo> == DoorSet::all() - DoorSet::of_operations());
static_assert(doors_served<OpenAi<>> == (chat_and({DoorKind::embeddings}) | DoorSet::of_operations()));
static_assert(doors_served<OpenAiResponses<>> == chat_and({DoorKind::count_tokens}));
static_assert(doors_served<Anthropic<>> == chat_and({DoorKind::count_tokens}));
static_assert(doors_served<Gemini<>> == DoorSet::all() - DoorSet::of_operations());
// Whoever wraps a provider serves what it serves; Counted adds what it does itself.
static_assert(doors_served<Retry<Anthropic<>>> == doors_served<Anthropic<>>);
static_assert(doors_served<Counted<OpenAi<>>> == DoorSet::all());

/// Serves chat only.
struct Talker {
  std::string_view name() const { return "talker"; }
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&) { co_return fail(Errc::internal, "silent"); }
};

TEST(DoorSet, KnowsItsNames) {
  for (std::size_t i = 0; i < door_count; ++i) {
    auto const door = static_cast<DoorKind>(i);
    EXPECT_EQ(door_named(to_string(door)), door);
    EXPECT_EQ(DoorSet::all().has(door), door != DoorKind::passthrough);
  }
  EXPECT_EQ(door_named("chats"), std::nullopt);
  EXPECT_EQ(door_named(""), std::nullopt);
  EXPECT_EQ(DoorSet::all().text(),
            "chat, completions, responses, messages, gemini, ollama, embeddings, count_tokens, moderations, "
            "rerank, images, audio");
  EXPECT_EQ(DoorSet{}.text(), "");
}

TEST(DoorSet, IsASet) {
  DoorSet const chat{DoorKind::chat};
  DoorSet const both{DoorKind::embeddings, DoorKind::chat};
  EXPECT_EQ(both.text(), "chat, embeddings");
  EXPECT_EQ(both & chat, chat);
  EXPECT_EQ(both - chat, DoorSet{DoorKind::embeddings});
  EXPECT_EQ(DoorSet::all() - DoorSet::all(), DoorSet{});
  EXPECT_TRUE((both - both).empty());
}

TEST(AnyProvider, TellsWhereTheHeldProviderServes) {
  EXPECT_EQ(AnyProvider(Talker{}).doors(), DoorSet::of_chat());
  EXPECT_EQ(AnyProvider(Demo{}).doors(), doors_served<Demo>);
  EXPECT_EQ(AnyProvider(Talker{} | counted()).doors(), chat_and({DoorKind::count_tokens}));
  EXPECT_EQ(AnyProvider(AnyProvider(Talker{}) | counted()).doors(), DoorSet::all())
      << "a policy over an AnyProvider is taken at its type's word";
}

TEST(FallbackList, ServesWhereEachOfItsTargetsDoes) {
  std::vector<AnyProvider> chain;
  chain.emplace_back(Demo{});
  EXPECT_EQ(AnyFallback(chain).doors(), doors_served<Demo>);
  chain.emplace_back(Talker{});
  EXPECT_EQ(AnyFallback(chain).doors(), DoorSet::of_chat());
  EXPECT_EQ(AnyProvider(AnyFallback(chain)).doors(), DoorSet::of_chat()) << "also once its type is gone";
}

}  // namespace
}  // namespace lowart::capability_test
