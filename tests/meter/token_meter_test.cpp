#include <lowart/meter/token_meter.hpp>

#include <gtest/gtest.h>

#include <memory_resource>
#include <string>

namespace lowart::token_meter_test {
namespace {

Measured measure(std::string const& model, Usage reported, std::string_view produced, Outcome outcome) {
  ChatRequest const request = ChatRequest(model).add(Role::user, "Hello there");
  ReplyProgress progress(std::pmr::get_default_resource());
  progress.usage = reported;
  progress.text = produced;
  return TokenMeter().measure(request, model, progress, outcome);
}
Usage only(UsageClass c, std::int64_t n) {
  Usage usage;
  usage.set(c, n);
  return usage;
}
std::int64_t count(Encoding const& encoding, std::string_view text) {
  return static_cast<std::int64_t>(encoding.count(text));
}

TEST(TokenMeter, BelievesWhatTheProviderReports) {
  Usage usage = only(UsageClass::input, 5);
  usage.set(UsageClass::output, 0);
  usage.set(UsageClass::reasoning, 3);
  for (Outcome const outcome : {Outcome::complete, Outcome::partial, Outcome::cancelled}) {
    Measured const measured = measure("gpt-4o", usage, "text that is not counted", outcome);
    EXPECT_EQ(measured.usage, usage);
    EXPECT_EQ(measured.provenance, Provenance::reported);
  }
}

TEST(TokenMeter, CountsOnlyTheClassThatIsMissing) {
  Measured const no_output = measure("gpt-4o", only(UsageClass::input, 5), "one two", Outcome::complete);
  EXPECT_EQ(no_output.usage.value(UsageClass::input), 5);
  EXPECT_EQ(no_output.usage.value(UsageClass::output), count(o200k_base(), "one two"));
  EXPECT_EQ(no_output.provenance, Provenance::counted);
  Measured const no_input = measure("gpt-4o", only(UsageClass::output, 5), "one two", Outcome::complete);
  EXPECT_EQ(no_input.usage.value(UsageClass::output), 5);
  EXPECT_GT(no_input.usage.value(UsageClass::input), 0);
}

TEST(TokenMeter, UsesTheTokenizerOfTheModelThatAnswered) {
  std::string const text = "Donaudampfschifffahrtsgesellschaft \xE4\xBD\xA0\xE5\xA5\xBD";
  EXPECT_EQ(measure("gpt-4", {}, text, Outcome::complete).usage.value(UsageClass::output),
            count(cl100k_base(), text));
  EXPECT_EQ(measure("gpt-4o", {}, text, Outcome::complete).usage.value(UsageClass::output),
            count(o200k_base(), text));
  EXPECT_NE(count(cl100k_base(), text), count(o200k_base(), text));
}

TEST(TokenMeter, SaysHowFarToTrustACount) {
  EXPECT_EQ(measure("gpt-4o", {}, "a", Outcome::complete).provenance, Provenance::counted);
  EXPECT_EQ(measure("llama-3", {}, "a", Outcome::complete).provenance, Provenance::estimated);
  EXPECT_EQ(measure("gpt-4o", {}, "a", Outcome::partial).provenance, Provenance::partial);
  EXPECT_EQ(measure("llama-3", {}, "a", Outcome::cancelled).provenance, Provenance::partial);
}

TEST(TokenMeter, CountsNothingOfARequestThatCannotBeRead) {
  WireRequest wire;
  wire.model = "gpt-4o";
  wire.decode = [](std::string_view) -> Result<Conversation> { return fail(Errc::invalid_request, "no"); };
  ReplyProgress progress(std::pmr::get_default_resource());
  progress.text = "one";
  Measured const measured = TokenMeter().measure(ChatRequest(wire), "gpt-4o", progress, Outcome::complete);
  EXPECT_FALSE(measured.usage.get(UsageClass::input)) << "not known is not zero";
  EXPECT_EQ(measured.usage.value(UsageClass::output), 1);
}

TEST(TokenMeter, CountsTheCharactersThatAreToBeSpokenWhereNoTokensAreTold) {
  auto const measured = [](OperationKind kind, std::string body, Usage const& told, Outcome outcome) {
    ReplyProgress progress(std::pmr::get_default_resource());
    progress.usage = told;
    return TokenMeter().measure(OperationRequest(kind, "m", std::move(body)), "m", progress, outcome);
  };
  std::string const body = "{\"input\":\"caf\\u00e9 \xE2\x82\xAC\",\"voice\":\"v\"}";
  Measured const spoken = measured(OperationKind::speech, body, {}, Outcome::complete);
  EXPECT_EQ(spoken.usage.get(UsageClass::characters), 6);
  EXPECT_EQ(spoken.provenance, Provenance::counted);
  EXPECT_EQ(measured(OperationKind::speech, body, {}, Outcome::cancelled).provenance, Provenance::partial);
  Usage told;
  told.set(UsageClass::input, 3);
  EXPECT_EQ(measured(OperationKind::speech, body, told, Outcome::complete).usage, told);
  EXPECT_TRUE(measured(OperationKind::moderation, body, {}, Outcome::complete).usage.empty());
  for (auto const* odd : {"", "{}", R"({"input":5})", R"({"input":"\x"})", "[]"})
    EXPECT_TRUE(measured(OperationKind::speech, odd, {}, Outcome::complete).usage.empty()) << odd;
}

TEST(TokenMeter, CountsAConversationWithItsWrapping) {
  Conversation conversation;
  EXPECT_EQ(count_conversation(o200k_base(), conversation), 3);
  Message message;
  message.role = Role::user;
  ContentPart part;
  part.text = "Hello there";
  message.content.push_back(part);
  conversation.messages.push_back(message);
  auto const plain = 3 + 4 + count(o200k_base(), "Hello there");
  EXPECT_EQ(count_conversation(o200k_base(), conversation), plain);
  conversation.messages[0].name = "Bob";
  EXPECT_EQ(count_conversation(o200k_base(), conversation), plain + 1 + count(o200k_base(), "Bob"));
}

}  // namespace
}  // namespace lowart::token_meter_test
