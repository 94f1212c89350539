#include <lowart/policy/cache_key.hpp>

#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::cache_key_test {
namespace {

/// A request as a door makes it.
struct Wire {
  std::string body;
  Dialect dialect{Dialect::openai_chat};
  std::string model{"m"};
  bool stream{false};
  std::vector<std::pair<std::string_view, std::string_view>> fields{};

  std::optional<CacheKey> key(CacheScope const& scope = {}, std::string_view key_name = "alice") const {
    testing::TestLoop loop;
    Call call = loop.call();
    call.caller({.key = key_name});
    WireRequest wire;
    wire.dialect = dialect;
    wire.body = body;
    wire.model = model;
    wire.stream = stream;
    wire.fields = fields;
    return key_of(ChatRequest(wire), call, scope);
  }
};

#define EXPECT_SAME(a, b) EXPECT_EQ((a).key().value(), (b).key().value())
#define EXPECT_APART(a, b) EXPECT_NE((a).key().value(), (b).key().value())

TEST(CacheKey, DoesNotHearWhiteSpaceAndTheOrderOfMembers) {
  EXPECT_SAME((Wire{R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"temperature":0.5})"}),
              (Wire{"{ \"temperature\" : 0.5,\n\"messages\":[ {\"content\":\"Hi\", \"role\":\"user\"} ], "
                    "\"model\":\"m\" }"}));
}

TEST(CacheKey, HearsEverythingThatIsSaid) {
  Wire const base{R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"seed":1})"};
  for (
      char const* other :
      {R"({"model":"m","messages":[{"role":"user","content":"hi"}],"seed":1})",
       R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"seed":2})",
       R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})",
       R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"seed":1,"x_unknown":0})",
       R"({"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"user","content":"Hi"}],"seed":1})",
       R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"seed":1,"stream_options":{"include_usage":true}})",
       R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"seed":1,"store":true})"})
    EXPECT_APART(base, Wire{other}) << other;
}

TEST(CacheKey, KeepsTheOrderInSchemasBecauseModelsFollowIt) {
  EXPECT_APART((Wire{R"({"response_format":{"json_schema":{"schema":{"properties":{"a":{},"b":{}}}}}})"}),
               (Wire{R"({"response_format":{"json_schema":{"schema":{"properties":{"b":{},"a":{}}}}}})"}));
  EXPECT_APART((Wire{R"({"guided_json":{"properties":{"a":{},"b":{}}}})"}),
               (Wire{R"({"guided_json":{"properties":{"b":{},"a":{}}}})"}));
}

TEST(CacheKey, DoesNotHearWhoIsBehindACall) {
  EXPECT_SAME((Wire{R"({"messages":[]})"}), (Wire{R"({"user":"u1","messages":[],"prompt_cache_key":"k"})"}));
  EXPECT_SAME((Wire{R"({"messages":[]})", Dialect::anthropic}),
              (Wire{R"({"messages":[],"metadata":{"user_id":"u"}})", Dialect::anthropic}));
  EXPECT_APART((Wire{R"({"input":"x"})", Dialect::openai_responses}),
               (Wire{R"({"input":"x","user":"u"})", Dialect::openai_responses}))
      << "a response repeats what it was asked";
}

TEST(CacheKey, TellsKeysModelsDialectsAndFramingsApart) {
  Wire const base{R"({"model":"m","messages":[]})"};
  EXPECT_NE(base.key(), base.key({}, "bob"));
  EXPECT_EQ(base.key({.model = {}, .shared = true}), base.key({.model = {}, .shared = true}, "bob"));
  EXPECT_APART(base, (Wire{base.body, Dialect::openai_chat, "m", true}));
  EXPECT_APART(base, (Wire{base.body, Dialect::openai_completions}));
  EXPECT_APART(base, (Wire{base.body, Dialect::openai_chat, "n"}));
  Wire const alias{R"({"model":"fast","messages":[]})", Dialect::openai_chat, "fast"};
  EXPECT_EQ(base.key({.model = "m"}), alias.key({.model = "m"})) << "two names of one model";
  EXPECT_APART(base, (Wire{base.body, Dialect::openai_chat, "m", false, {{"openai-beta", "x"}}}));
  EXPECT_APART((Wire{base.body, Dialect::openai_chat, "m", false, {{"a", "bc"}}}),
               (Wire{base.body, Dialect::openai_chat, "m", false, {{"ab", "c"}}}));
}

TEST(CacheKey, VariesByTheFieldsThatDecideWhoAnswers) {
  auto const tier_of = [](void const* head, std::string_view name) {
    return name == "x-tier" ? *static_cast<std::string_view const*>(head) : std::string_view();
  };
  auto const key = [&](std::string_view tier) {
    testing::TestLoop loop;
    Call call = loop.call();
    call.client_fields({.lookup = tier_of, .head = &tier});
    WireRequest wire;
    wire.body = R"({"messages":[]})";
    return key_of(ChatRequest(wire), call, {.model = {}, .shared = true, .fields = {"x-tier"}});
  };
  EXPECT_EQ(key("gold"), key("gold"));
  EXPECT_NE(key("gold"), key("silver"));
}

TEST(CacheKey, LeavesOutWhatLeansOnTheProvidersMemory) {
  for (char const* body : {R"({"input":"x","conversation":"conv_1"})", R"({"input":"x","background":true})",
                           R"({"messages":[],"container":"c"})", R"({"conv\u0065rsation":"c"})"})
    EXPECT_FALSE(Wire{body}.key()) << body;
  EXPECT_TRUE((Wire{R"({"input":"x","background":false,"conversation":null})"}.key()));
  testing::TestLoop loop;
  Call call = loop.call();
  ChatRequest in_process("m");
  in_process.add(Role::user, "Hi");
  EXPECT_FALSE(key_of(in_process, call, {}));
}

TEST(CacheKey, IsTheSameForEqualEmbeddings) {
  auto const key = [](std::string body, EmbeddingDialect dialect = EmbeddingDialect::openai) {
    testing::TestLoop loop;
    Call call = loop.call();
    WireEmbedding wire;
    wire.dialect = dialect;
    wire.body = body;
    wire.model = "e";
    return key_of(EmbeddingRequest(wire), call, {}).value();
  };
  auto const base = key(R"({"model":"e","input":["a","b"],"user":"x"})");
  EXPECT_EQ(base, key(R"({"input":[ "a", "b" ]})"));
  EXPECT_NE(base, key(R"({"input":["b","a"]})"));
  EXPECT_NE(base, key(R"({"input":["a","b"],"encoding_format":"base64"})"));
  EXPECT_NE(key("{}", EmbeddingDialect::gemini), key("{}", EmbeddingDialect::gemini_batch));
}

TEST(CacheWish, ReadsCacheControl) {
  EXPECT_TRUE(cache_wish("").may_keep);
  EXPECT_FALSE(cache_wish("No-Store").may_keep);
  EXPECT_FALSE(cache_wish("max-age=5, no-store").may_keep);
  EXPECT_EQ(cache_wish("no-cache").max_age, 0);
  EXPECT_EQ(cache_wish("max-age = 60 , no-cache").max_age, 0);
  EXPECT_EQ(cache_wish("max-age=60").max_age, 60);
  EXPECT_FALSE(cache_wish("max-age=x, max-age=-1, only-if-cached,,").max_age);
  EXPECT_FALSE(cache_wish("no-cache").takes(0));
  EXPECT_TRUE(cache_wish("max-age=60").takes(59));
  EXPECT_FALSE(cache_wish("max-age=60").takes(60));
  EXPECT_TRUE(cache_wish("").takes(1 << 30));
}

}  // namespace
}  // namespace lowart::cache_key_test
