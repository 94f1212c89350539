#include <lowart/policy/passthrough_router.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/bedrock.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/http_passthrough.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/testing/piece_source.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::passthrough_test {
namespace {

using dialect::read_passed_usage;
using lowart::testing::PieceSource;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

static_assert(PassthroughWire<OpenAiWire> && PassthroughWire<AnthropicWire> && PassthroughWire<GeminiWire>);
static_assert(!PassthroughWire<BedrockWire>, "what is signed with its body cannot pass by");

TEST(PassedUsage, IsReadInEachVendorsWords) {
  auto const figures = [](std::string_view json) {
    Usage const usage = read_passed_usage(json);
    return std::pair(usage.value(UsageClass::input), usage.value(UsageClass::output));
  };
  using P = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(figures(R"({"usage":{"prompt_tokens":3,"completion_tokens":4}})"), P(3, 4));
  EXPECT_EQ(figures(R"({"usage":{"input_tokens":3,"output_tokens":4}})"), P(3, 4));
  EXPECT_EQ(
      figures(R"({"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":4}}})"),
      P(3, 4));
  EXPECT_EQ(figures(R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}})"), P(3, 4));
  EXPECT_EQ(figures(R"({"usage":{"cache_read_input_tokens":9,"input_tokens":3,"output_tokens":4}})"),
            P(3, 4));
  for (std::string_view const none :
       {"", "[]", "{}", R"({"usage":7})", R"({"usage":{"second":3}})", R"({"message":{}})"})
    EXPECT_TRUE(read_passed_usage(none).empty()) << none;
  EXPECT_EQ(read_passed_usage(R"({"usage":{"seconds":3}})").get(UsageClass::audio_milliseconds), 3000);
}

struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  Passthrough<OpenAi<ScriptedTransport>> provider;
  WirePassthrough wire;

  explicit Asked(std::vector<ScriptedAnswer> answers)
      : transport(std::move(answers)),
        provider(
            OpenAi<ScriptedTransport>(transport, {.base_url = "https://a/v1", .api_key = Secret("sk-up")})) {}
  Result<PassthroughReply> ask() { return loop.run(provider(PassthroughRequest("openai", wire), call)); }
  static std::string all_of(TestLoop& loop, PassthroughReply& reply) {
    std::string all;
    for (;;) {
      auto const part = loop.run(reply.next());
      if (!part) return all + "!" + std::string(to_string(part.error().code()));
      all += part->bytes;
      if (part->last) return all;
    }
  }
};

TEST(Passthrough, SendsWhatCameWithItsOwnCredentials) {
  Asked asked({ScriptedAnswer::json(200, R"({"id":"file-1"})")});
  using Field = std::pair<std::string_view, std::string_view>;
  std::array<Field, 3> const fields{Field{"range", "bytes=0-1"}, Field{"authorization", "Bearer stolen"},
                                    Field{"accept", "a/b"}};
  PieceSource body({"some ", "bytes"});
  asked.wire.method = "PUT";
  asked.wire.path = "/v1/files/f%201";
  asked.wire.query = "a=b&c";
  asked.wire.content_type = "application/x";
  asked.wire.fields = fields;
  asked.wire.source = &body;
  auto reply = asked.ask();
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(Asked::all_of(asked.loop, *reply), R"({"id":"file-1"})");
  auto const& sent = asked.transport.requests().at(0);
  EXPECT_EQ(sent.method, "PUT");
  EXPECT_EQ(sent.path, "/files/f%201?a=b&c");
  EXPECT_EQ(sent.body, "some bytes");
  EXPECT_EQ(sent.field("authorization"), "Bearer sk-up");
  EXPECT_EQ(sent.field("range"), "bytes=0-1");
  EXPECT_EQ(sent.field("accept"), "a/b");
  EXPECT_EQ(sent.field("content-type"), "application/x");
}

TEST(Passthrough, HandsOnWhatIsTheClientsAffairAndFailsAtTheRest) {
  for (int const status : {200, 206, 302, 304, 400, 404, 409, 422}) {
    Asked asked({ScriptedAnswer::json(status, "{}")});
    auto reply = asked.ask();
    ASSERT_TRUE(reply) << status;
    EXPECT_EQ(reply->head().status, status);
  }
  for (auto const& [status, code] : std::vector<std::pair<int, Errc>>{
           {401, Errc::upstream_auth}, {429, Errc::rate_limited}, {500, Errc::upstream_failed}}) {
    Asked asked({ScriptedAnswer::json(status, "{}")});
    auto const reply = asked.ask();
    ASSERT_FALSE(reply) << status;
    EXPECT_EQ(reply.error().code(), code);
    EXPECT_EQ(asked.call.trail().at(0).failure, code);
  }
}

TEST(Passthrough, ReadsNoMoreThanItHasTo) {
  std::string const json = R"({"usage":{"prompt_tokens":3,"completion_tokens":4}})";
  auto const encoded = [&] { return ScriptedAnswer::json(200, json).field("content-encoding", "gzip"); };
  auto const long_json = [&] {
    return ScriptedAnswer(200).field("content-type", "application/json").with_length(2U << 20U).piece(json);
  };
  auto const unknown = [&] {
    return ScriptedAnswer(200).field("content-type", "application/json").piece(json);
  };
  Asked asked({ScriptedAnswer::json(200, json), encoded(), long_json(), unknown()});
  for (bool const reads : {true, false, false, false}) {
    auto reply = asked.ask();
    ASSERT_TRUE(reply);
    EXPECT_EQ(Asked::all_of(asked.loop, *reply), json);
    EXPECT_EQ(reply->progress().usage.empty(), !reads);
  }
}

TEST(PassthroughRouter, KnowsItsProviders) {
  Asked asked({ScriptedAnswer::json(200, "{}")});
  PassthroughRouter::Table table;
  table.emplace("openai", PassthroughRouter::Target(asked.provider | retry()));
  PassthroughRouter router(std::move(table));
  EXPECT_FALSE(router.refusal("passthrough/openai", DoorKind::passthrough));
  EXPECT_EQ(router.refusal("passthrough/other", DoorKind::passthrough)->code(), Errc::not_found);
  EXPECT_EQ(router.refusal("", DoorKind::passthrough)->code(), Errc::not_found);
  EXPECT_TRUE(asked.loop.run(router(PassthroughRequest("openai", asked.wire), asked.call)));
  auto const nobody = asked.loop.run(router(PassthroughRequest("other", asked.wire), asked.call));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), Errc::not_found);
}

}  // namespace
}  // namespace lowart::passthrough_test
