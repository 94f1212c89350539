/// What is billed apart, as each dialect tells it: caches that last an hour, pictures, audio, searches, tiers.

#include <lowart/dialect/anthropic_reader.hpp>
#include <lowart/dialect/bedrock_usage.hpp>
#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/dialect/openai_chat_reader.hpp>
#include <lowart/dialect/openai_chat_reply_encode.hpp>
#include <lowart/dialect/openai_operation_reader.hpp>
#include <lowart/dialect/passed_usage.hpp>
#include <lowart/dialect/responses_reader.hpp>

#include <gtest/gtest.h>

#include <memory_resource>
#include <string>
#include <string_view>

namespace lowart::usage_classes_test {
namespace {

using namespace dialect;

net::SseEvent event_of(std::string_view data, std::string_view name = {}) {
  net::SseEvent event;
  event.data = data;
  event.event = name;
  return event;
}
Usage usage_of(std::initializer_list<std::pair<UsageClass, std::int64_t>> amounts) {
  Usage usage;
  for (auto const& [c, amount] : amounts) usage.set(c, amount);
  return usage;
}
struct Seen {
  ReplyProgress progress{std::pmr::get_default_resource()};
  template <class Events>
  Seen& whole(Events events, std::string_view body) {
    EXPECT_EQ(events.whole(body, progress), EventStep::done) << body;
    return *this;
  }
};
std::string written(Usage const& usage, void (*write)(JsonWriter&, Usage const&)) {
  std::string text;
  JsonWriter w(text);
  w.begin_object();
  write(w, usage);
  w.end_object();
  return text;
}

constexpr std::string_view anthropic_usage =
    R"({"input_tokens":10,"cache_creation_input_tokens":300,"cache_read_input_tokens":40,"cache_creation":)"
    R"({"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},"output_tokens":5,)"
    R"("server_tool_use":{"web_search_requests":2,"web_fetch_requests":1},"service_tier":"priority"})";

TEST(AnthropicUsageClasses, TellsTheCacheOfAnHourApartFromTheOther) {
  Usage const usage = read_anthropic_usage(anthropic_usage);
  EXPECT_EQ(usage, usage_of({{UsageClass::input, 10},
                             {UsageClass::cache_read, 40},
                             {UsageClass::cache_write, 100},
                             {UsageClass::cache_write_1h, 200},
                             {UsageClass::output, 5},
                             {UsageClass::searches, 2}}));
  EXPECT_EQ(usage.input_total(), 350);
}

TEST(AnthropicUsageClasses, NeverWritesMoreThanThereWas) {
  auto const of = [](std::string_view json) { return read_anthropic_usage(json); };
  Usage const too_much =
      of(R"({"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":9}})");
  EXPECT_EQ(too_much.value(UsageClass::cache_write), 0);
  EXPECT_EQ(too_much.value(UsageClass::cache_write_1h), 3);
  Usage const parts_only =
      of(R"({"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":9}})");
  EXPECT_EQ(parts_only.value(UsageClass::cache_write), 4);
  EXPECT_EQ(parts_only.value(UsageClass::cache_write_1h), 9);
  EXPECT_FALSE(of(R"({"input_tokens":1})").get(UsageClass::cache_write));
  EXPECT_FALSE(of(R"({"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":0}})")
                   .get(UsageClass::cache_write_1h));
}

TEST(AnthropicUsageClasses, RemembersOfTheStartWhatTheEndDoesNotRepeat) {
  AnthropicEvents events;
  Seen seen;
  std::string const start = std::string(R"({"type":"message_start","message":{"content":[],"usage":)") +
                            std::string(anthropic_usage) + "}}";
  EXPECT_EQ(events.read(event_of(start), seen.progress), EventStep::more);
  EXPECT_EQ(events.read(event_of(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":)"
                                 R"({"output_tokens":7,"cache_creation_input_tokens":300}})"),
                        seen.progress),
            EventStep::more);
  EXPECT_EQ(seen.progress.usage.value(UsageClass::cache_write), 100);
  EXPECT_EQ(seen.progress.usage.value(UsageClass::cache_write_1h), 200);
  EXPECT_EQ(seen.progress.usage.value(UsageClass::output), 7);
  EXPECT_EQ(seen.progress.usage.value(UsageClass::searches), 2);
  EXPECT_EQ(seen.progress.service_tier, "priority");
}

TEST(AnthropicUsageClasses, WritesWhatItReads) {
  Usage const usage = read_anthropic_usage(anthropic_usage);
  std::string const text = written(usage, &encode_anthropic_usage);
  EXPECT_EQ(read_anthropic_usage(text), usage) << text;
  EXPECT_NE(text.find(R"("cache_creation_input_tokens":300)"), std::string::npos) << text;
}

TEST(OtherDialects, HearOfAllThatWasWrittenToTheCache) {
  Usage const usage = read_anthropic_usage(anthropic_usage);
  std::string const chat = written(usage, &openai_reply::encode_usage);
  EXPECT_NE(chat.find(R"("prompt_tokens":350)"), std::string::npos) << chat;
  EXPECT_NE(chat.find(R"("cache_write_tokens":300)"), std::string::npos) << chat;
  std::string responses;
  JsonWriter w(responses);
  write_responses_usage(w, usage);
  EXPECT_NE(responses.find(R"("cache_write_tokens":300)"), std::string::npos) << responses;
}

TEST(ServiceTiers, StandInRepliesAndTheUsualOneIsNone) {
  constexpr std::string_view chat =
      R"({"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":1,"completion_tokens":1},"service_tier":")";
  EXPECT_EQ(Seen().whole(OpenAiEvents(), std::string(chat) + "flex\"}").progress.service_tier, "flex");
  EXPECT_EQ(Seen().whole(OpenAiEvents(), std::string(chat) + "default\"}").progress.service_tier, "");
  EXPECT_EQ(
      Seen().whole(OpenAiEvents(), std::string(chat) + std::string(99, 'x') + "\"}").progress.service_tier,
      "");
  EXPECT_EQ(
      Seen()
          .whole(OpenAiEvents(), R"({"service_tier":"priority","choices":[{"message":{"content":"a"}}]})")
          .progress.service_tier,
      "priority")
      << "of a reply that is not as usual";
  OpenAiEvents events;
  Seen streamed;
  EXPECT_EQ(events.read(event_of(R"({"choices":[],"service_tier":"batch","usage":{"prompt_tokens":1}})"),
                        streamed.progress),
            EventStep::more);
  EXPECT_EQ(streamed.progress.service_tier, "batch");
  EXPECT_EQ(Seen()
                .whole(ResponsesEvents(),
                       R"({"object":"response","status":"completed","service_tier":"flex","output":[]})")
                .progress.service_tier,
            "flex");
  EXPECT_EQ(Seen()
                .whole(GeminiEvents(),
                       R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],)"
                       R"("usageMetadata":{"promptTokenCount":1,"serviceTier":"flex"}})")
                .progress.service_tier,
            "flex");
}

TEST(ResponsesUsageClasses, CountsSearchesButNotPagesThatAreOpened) {
  auto const seen = Seen().whole(
      ResponsesEvents(),
      R"({"object":"response","status":"completed","output":[)"
      R"({"type":"web_search_call","id":"a","status":"completed","action":{"type":"search","query":"q"}},)"
      R"({"type":"web_search_call","id":"b","status":"completed"},)"
      R"({"action":{"type":"open_page","url":"u"},"type":"web_search_call"},{"type":"message","content":[]}],)"
      R"("usage":{"input_tokens":3,"output_tokens":4}})");
  EXPECT_EQ(seen.progress.usage.value(UsageClass::searches), 2);
  EXPECT_EQ(seen.progress.usage.value(UsageClass::input), 3);
}

TEST(GeminiUsageClasses, TellPicturesApart) {
  Usage const usage =
      read_gemini_usage(R"({"promptTokenCount":7,"candidatesTokenCount":1300,"totalTokenCount":1307,)"
                        R"("candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]})",
                        true);
  EXPECT_EQ(usage,
            usage_of({{UsageClass::input, 7}, {UsageClass::output, 10}, {UsageClass::output_image, 1290}}));
  std::string const text = written(usage, &write_gemini_usage);
  EXPECT_NE(text.find(R"("candidatesTokenCount":1300)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"({"modality":"IMAGE","tokenCount":1290})"), std::string::npos) << text;
}

TEST(BedrockUsageClasses, TellTheCacheOfAnHourApart) {
  EXPECT_EQ(
      read_bedrock_usage(R"({"inputTokens":1,"outputTokens":2,"cacheWriteInputTokens":30,"cacheDetails":)"
                         R"([{"ttl":"1h","inputTokens":20},{"ttl":"5m","inputTokens":10},{"ttl":"1h"},5]})"),
      usage_of({{UsageClass::input, 1},
                {UsageClass::output, 2},
                {UsageClass::cache_write, 10},
                {UsageClass::cache_write_1h, 20}}));
}

TEST(OperationUsageClasses, TakeWhatAnImageModelWritesForPictures) {
  EXPECT_EQ(*read_operation_reply(OperationKind::image,
                                  R"({"data":[{}],"usage":{"input_tokens":50,"output_tokens":4160,)"
                                  R"("input_tokens_details":{"text_tokens":10,"image_tokens":40}}})"),
            usage_of({{UsageClass::input, 10},
                      {UsageClass::input_image, 40},
                      {UsageClass::output, 0},
                      {UsageClass::output_image, 4160}}));
  EXPECT_EQ(*read_operation_reply(OperationKind::image_edit,
                                  R"({"data":[{}],"usage":{"input_tokens":5,"output_tokens":100,)"
                                  R"("output_tokens_details":{"text_tokens":20,"image_tokens":80}}})"),
            usage_of({{UsageClass::input, 5}, {UsageClass::output, 20}, {UsageClass::output_image, 80}}));
  EXPECT_EQ(*read_operation_reply(OperationKind::image, R"({"data":[{"url":"a"},{"url":"b"}]})"),
            usage_of({{UsageClass::images, 2}}));
}

TEST(OperationUsageClasses, CountStreamedPicturesWhereNoTokensAreTold) {
  for (bool const tells : {true, false}) {
    OperationEvents events(OperationKind::image);
    Seen seen;
    std::string const usage = tells ? R"(,"usage":{"input_tokens":1,"output_tokens":9}})" : "}";
    EXPECT_EQ(
        events.read(event_of(R"({"type":"image_generation.partial_image","b64_json":""})"), seen.progress),
        EventStep::more);
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(events.read(event_of(R"({"type":"image_generation.completed","b64_json":"")" + usage),
                            seen.progress),
                EventStep::more);
    EXPECT_EQ(seen.progress.usage.value(UsageClass::images), tells ? 0 : 2);
    EXPECT_EQ(seen.progress.usage.value(UsageClass::output_image), tells ? 9 : 0);
  }
}

TEST(OperationUsageClasses, ReadTheLengthOfWhatWasHeard) {
  auto const heard = [](std::string_view json) {
    auto const usage = read_operation_reply(OperationKind::transcription, json);
    return usage ? usage->get(UsageClass::audio_milliseconds).value_or(-1) : -2;
  };
  EXPECT_EQ(heard(R"({"text":"a","usage":{"type":"duration","seconds":12}})"), 12'000);
  EXPECT_EQ(heard(R"({"text":"a","duration":8.4700003})"), 8'471) << "rounded up";
  EXPECT_EQ(heard(R"({"text":"a","duration":"8.470000"})"), 8'470);
  EXPECT_EQ(heard(R"({"text":"a","duration":8.47,"usage":{"type":"duration","seconds":9}})"), 9'000);
  for (auto const* odd : {"-1", "1e9", "99999999999", "null", "\"\"", "\".\"", "1.2.3", "[1]"})
    EXPECT_LT(heard(std::string(R"({"text":"a","duration":)") + odd + "}"), 0) << odd;
  auto const tokens = read_operation_reply(
      OperationKind::transcription,
      R"({"text":"a","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"audio_tokens":14},)"
      R"("output_tokens":4}})");
  EXPECT_EQ(tokens->value(UsageClass::input_audio), 14);
}

TEST(OperationUsageClasses, ReadTheUnitsThatARankingIsBilledBy) {
  EXPECT_EQ(*read_operation_reply(OperationKind::rerank,
                                  R"({"results":[],"meta":{"billed_units":{"search_units":3}}})"),
            usage_of({{UsageClass::searches, 3}}));
}

TEST(PassedUsageClasses, AreReadWhateverApiItIs) {
  PassedEvents events;
  Seen seen;
  EXPECT_EQ(events.whole(R"({"service_tier":"flex","usage":{"type":"duration","seconds":2}})", seen.progress),
            EventStep::done);
  EXPECT_EQ(seen.progress.usage, usage_of({{UsageClass::audio_milliseconds, 2'000}}));
  EXPECT_EQ(seen.progress.service_tier, "flex");
}

}  // namespace
}  // namespace lowart::usage_classes_test
