#include <lowart/gateway/call_limits.hpp>

#include <lowart/dialect/openai_chat_request.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lowart::call_limits_test {
namespace {

using namespace std::chrono_literals;

LimitTime const noon{TimePoint(1h), 1'796'040'000'000'000};

std::shared_ptr<LimitState> limited(Limits const& limits, std::string name) {
  return std::make_shared<LimitState>(limits, noon, std::move(name));
}
NanoUsd price(Usage const& usage) {  // 1 micro-dollar for input, 4 for output
  return NanoUsd(usage.input_total() * 1'000 + usage.output_total() * 4'000);
}
LimitRules rules_with(LimitRules::Model model) {
  LimitRules rules;
  rules.models_are_limited = model.limits != nullptr;
  rules.models.add("m", std::make_shared<LimitRules::Model const>(std::move(model)));
  return rules;
}
KeyEntry key_with(std::shared_ptr<LimitState> limits) {
  KeyEntry key;
  key.name = "k";
  key.limits = std::move(limits);
  return key;
}
/// A request and what a door tells of it.
struct Asked {
  explicit Asked(std::string text, std::optional<std::int64_t> max_tokens = 10) {
    Message message;
    message.role = Role::user;
    ContentPart part;
    part.text = std::move(text);
    message.content.push_back(std::move(part));
    Conversation said;
    said.messages.push_back(std::move(message));
    request.emplace("m", std::move(said));
    size.max_tokens = max_tokens;
    size.answers = 1;
    size.count = &call_size::of_chat;
    size.request = &*request;
  }
  std::optional<ChatRequest> request;
  CallSize size;
};
Result<Admission> admit(CallLimits& limits, CallSize const& size) {
  LimitReport report;
  return limits.admit(noon, size, 1024, report);
}

TEST(CallLimits, CountsAgainstKeyUserTeamModelAndType) {
  auto const key_limits = limited({.rpm = 10}, "key k");
  auto const team = limited({.day = {.requests = 5, .tokens = 0, .cost = {}}}, "team t");
  auto const model = limited({.concurrency = 3}, "model m");
  auto const type = limited({.rpm = 1}, "type chat");
  LimitRules rules = rules_with({.limits = model, .costs = {}, .encoding = nullptr, .output = nullptr});
  rules.types[static_cast<std::size_t>(ModelType::chat)] = type;
  KeyEntry key = key_with(key_limits);
  key.owner = std::make_shared<KeyOwner const>(KeyOwner{.user = {}, .team = "t", .limits = {team}});
  CallLimits limits(key, rules, DoorKind::messages, "m");
  auto const admission = admit(limits, {});
  ASSERT_TRUE(admission);
  EXPECT_EQ(key_limits->snapshot(noon.now).requests.remaining, 9);
  EXPECT_EQ(model->snapshot(noon.now).running, 1);
  EXPECT_EQ(team->uses(noon)[0].reserved, 1);
  CallLimits next(key, rules, DoorKind::responses, "m");
  auto const refused = admit(next, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("of type chat"), std::string::npos);
  EXPECT_EQ(key_limits->snapshot(noon.now).requests.remaining, 9);
  CallLimits other(key, rules, DoorKind::count_tokens, "other");
  EXPECT_TRUE(admit(other, {})) << "a count is of no type";
  EXPECT_EQ(model->snapshot(noon.now).running, 1);
}

TEST(CallLimits, ApplyOnlyWhereThereAreAny) {
  KeyEntry const free = key_with(nullptr);
  EXPECT_FALSE(CallLimits::apply_to(free, LimitRules()));
  EXPECT_TRUE(CallLimits::apply_to(key_with(limited({.rpm = 1}, "")), LimitRules()));
  LimitRules rules;
  rules.types[0] = limited({.rpm = 1}, "");
  EXPECT_TRUE(CallLimits::apply_to(free, rules));
}

TEST(CallLimits, ReservesTheBytesWhereTheyAreFewAndCountsWhereNot) {
  Encoding const& own = o200k_base();
  LimitRules const rules = rules_with({.limits = nullptr, .costs = {}, .encoding = &own, .output = nullptr});
  Asked asked("Sixteen characters or so, again and again.");
  asked.size.input_bytes = 100;
  KeyEntry const rich = key_with(limited({.tpm = 64'000}, "key k"));
  CallLimits by_bytes(rich, rules, DoorKind::chat, "m");
  EXPECT_EQ(admit(by_bytes, asked.size)->reserved().most.tokens, 110);
  KeyEntry const poor = key_with(limited({.tpm = 1'000}, "key k"));
  CallLimits exact(poor, rules, DoorKind::chat, "m");
  auto const counted = count_conversation(own, *asked.request->conversation());
  EXPECT_EQ(admit(exact, asked.size)->reserved().most.tokens, counted + 10);
  CallLimits unknown(poor, rules, DoorKind::chat, "x");
  EXPECT_EQ(admit(unknown, asked.size)->reserved().most.tokens, 42 / 4 + 7 + 10) << "a quarter of its text";
}

TEST(CallLimits, CountsNothingWhereNoInputWouldFit) {
  static int counted;
  counted = 0;
  Asked asked("x");
  asked.size.input_bytes = 5'000'000;
  asked.size.count = [](void const*, Encoding const*) -> std::int64_t { return ++counted; };
  auto const state = limited({.rpm = 1, .tpm = 1'000}, "key k");
  KeyEntry const key = key_with(state);
  LimitRules const rules;
  CallLimits first(key, rules, DoorKind::chat, "m");
  auto const admission = admit(first, asked.size);
  EXPECT_EQ(counted, 1);
  CallLimits second(key, rules, DoorKind::chat, "m");
  EXPECT_FALSE(admit(second, asked.size));
  EXPECT_EQ(counted, 1) << "the requests are used up: a body costs the gateway nothing more";
}

TEST(CallLimits, ReservesMoneyAtThePriceOfTheModel) {
  auto const state =
      limited({.month = {.requests = 0, .tokens = 0, .cost = NanoUsd(1'000'000'000)}}, "key k");
  KeyEntry const key = key_with(state);
  LimitRules const rules =
      rules_with({.limits = nullptr, .costs = &price, .encoding = nullptr, .output = nullptr});
  Asked asked("x", 500);
  asked.size.input_bytes = 1'000;
  {
    CallLimits limits(key, rules, DoorKind::chat, "m");
    auto admission = admit(limits, asked.size);
    EXPECT_EQ(admission->reserved().most.cost.count(), 1'000 * 1'000 + 500 * 4'000);
    admission->settle({.tokens = 10, .cost = NanoUsd(123)});
    EXPECT_EQ(state->uses(noon)[0].used, 123);
  }
  CallLimits unknown(key, rules, DoorKind::chat, "nobody knows it");
  EXPECT_EQ(admit(unknown, asked.size)->reserved().most.cost.count(), 0);
}

TEST(CallLimits, LearnsHowLongAnswersAre) {
  auto const output = std::make_shared<OutputEstimate>();
  LimitRules const rules =
      rules_with({.limits = nullptr, .costs = {}, .encoding = nullptr, .output = output});
  KeyEntry const key = key_with(limited({.tpm = 100'000'000}, "key k"));
  Usage usage;
  usage.set(UsageClass::output, 50);
  auto const ask = [&](Asked const& asked, Provenance provenance) {
    CallLimits limits(key, rules, DoorKind::chat, "m");
    auto admission = admit(limits, asked.size);
    limits.learn({.usage = usage, .provenance = provenance, .cost = {}});
    return admission->reserved().most.tokens;
  };
  EXPECT_EQ(ask(Asked("x", std::nullopt), Provenance::reported), 1024);
  for (int i = 0; i < 100; ++i) ask(Asked("x", 5), Provenance::reported);
  for (int i = 0; i < 100; ++i) ask(Asked("x", std::nullopt), Provenance::cached);
  EXPECT_EQ(ask(Asked("x", std::nullopt), Provenance::reported), 1024) << "of those nothing is learned";
  for (int i = 0; i < 100; ++i) ask(Asked("x", std::nullopt), Provenance::counted);
  EXPECT_LT(ask(Asked("x", std::nullopt), Provenance::reported), 80);
  Asked many("x", std::nullopt);
  many.size.answers = 3;
  EXPECT_LT(ask(many, Provenance::reported), 240);
}

}  // namespace
}  // namespace lowart::call_limits_test
