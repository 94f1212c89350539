/// Every recorded reply of Gemini against an independent reading of its JSON.

#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/dialect/gemini_reply_decode.hpp>
#include <lowart/dialect/gemini_reply_encode.hpp>

#include "gemini_reply_text.hpp"
#include "recordings.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace lowart::gemini_recordings_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using lowart::testing::text_in;
using lowart::testing::gemini::Said;
using lowart::testing::gemini::said_by;
namespace json = boost::json;

/// What a DOM says of a reply's chunks.
struct Expected {
  std::string text, reasoning;
  std::vector<std::pair<std::string, json::value>> calls;  ///< Of the first candidate, with whole arguments.
  std::size_t names{0};                                    ///< Calls that were begun.
  std::int64_t prompt{-1}, cached{-1}, candidates{-1}, thoughts{-1}, tools{0};
  bool finished{false};
};

std::int64_t count(json::object const& usage, std::string_view name, std::int64_t otherwise) {
  auto const* const member = usage.if_contains(name);
  return member != nullptr ? member->to_number<std::int64_t>() : otherwise;
}

void add_part(json::object const& part, Expected& expected) {
  if (auto const* call = part.if_contains("functionCall")) {
    auto const& object = call->as_object();
    auto const* const name = object.if_contains("name");
    if (name == nullptr) return;
    ++expected.names;
    bool const pieces = object.contains("willContinue") || object.contains("partialArgs");
    auto const* const args = object.if_contains("args");
    if (!pieces)
      expected.calls.emplace_back(name->as_string(), args != nullptr ? *args : json::value(json::object()));
  } else if (auto const* text = part.if_contains("text")) {
    bool const thought = part.contains("thought") && part.at("thought").as_bool();
    (thought ? expected.reasoning : expected.text) += text->as_string();
  }
}

void add_chunk(json::object const& chunk, Expected& expected) {
  if (auto const* const usage = chunk.if_contains("usageMetadata");
      usage != nullptr && usage->as_object().contains("promptTokenCount")) {
    auto const& u = usage->as_object();
    expected.prompt = count(u, "promptTokenCount", -1);
    expected.cached = count(u, "cachedContentTokenCount", -1);
    expected.candidates = count(u, "candidatesTokenCount", -1);
    expected.thoughts = count(u, "thoughtsTokenCount", -1);
    expected.tools = count(u, "toolUsePromptTokenCount", 0);
  }
  for (auto const& candidate : chunk.at("candidates").as_array()) {
    auto const& object = candidate.as_object();
    if (object.contains("finishReason")) expected.finished = true;
    if (auto const* const index = object.if_contains("index"); index != nullptr && index->as_int64() != 0)
      continue;
    auto const* const content = object.if_contains("content");
    auto const* const parts = content != nullptr ? content->as_object().if_contains("parts") : nullptr;
    if (parts == nullptr) continue;
    for (auto const& part : parts->as_array()) add_part(part.as_object(), expected);
  }
}

void expect_said(std::vector<ChatDelta> const& steps, Expected const& expected, std::string const& about) {
  Said const said = said_by(steps);
  ASSERT_FALSE(said.choices.empty()) << about;
  Said::Choice const& choice = said.choices.at(0);
  EXPECT_EQ(choice.text, expected.text) << about;
  EXPECT_EQ(choice.reasoning, expected.reasoning) << about;
  EXPECT_EQ(choice.calls.size(), expected.names) << about;
  EXPECT_EQ(choice.finish != FinishReason::none, expected.finished) << about;
  for (auto const& [index, call] : choice.calls) {
    EXPECT_FALSE(call.id.empty()) << about;
    EXPECT_TRUE(json::parse(call.arguments).is_object()) << about;
    for (auto const& [other, twin] : choice.calls) EXPECT_EQ(call.id == twin.id, index == other) << about;
  }
  for (auto const& [name, arguments] : expected.calls) {
    bool const there =
        std::any_of(choice.calls.begin(), choice.calls.end(), [&, n = name, a = arguments](auto const& c) {
          return c.second.name == n && json::parse(c.second.arguments) == a;
        });
    EXPECT_TRUE(there) << about << " " << name;
  }
}

void expect_usage(Usage const& usage, Expected const& expected, std::string const& about) {
  if (expected.prompt < 0) return;
  EXPECT_EQ(usage.input_total(), expected.prompt + expected.tools) << about;
  EXPECT_EQ(usage.get(UsageClass::cache_read).value_or(-1), expected.cached) << about;
  EXPECT_EQ(usage.get(UsageClass::reasoning).value_or(-1), expected.thoughts) << about;
  if (expected.candidates >= 0)
    EXPECT_EQ(usage.value(UsageClass::output) + usage.value(UsageClass::output_audio), expected.candidates)
        << about;
}

void expect_same(Said const& is, Said const& was, std::string const& about) {
  EXPECT_TRUE(is.choices == was.choices) << about;
  EXPECT_EQ(is.id, was.id) << about;
  EXPECT_EQ(is.model, was.model) << about;
  EXPECT_EQ(lowart::testing::gemini::usage_words(is.usage), lowart::testing::gemini::usage_words(was.usage))
      << about;
}

void check_stream(std::string const& stream, std::string const& about) {
  Expected expected;
  for (std::size_t at = 0; (at = stream.find("data:", at)) != std::string::npos; at += 5) {
    std::size_t const end = std::min(stream.find('\n', at), stream.size());
    if (at == 0 || stream[at - 1] == '\n')
      add_chunk(json::parse(std::string_view(stream).substr(at + 5, end - at - 5)).as_object(), expected);
  }
  for (std::size_t const size : {std::size_t{1}, std::size_t{7}, std::size_t{100}, stream.size()}) {
    SseReplyDecoder<GeminiReplyEvents> decoder;
    GeminiReader reader;
    ReplyProgress progress(std::pmr::get_default_resource());
    std::vector<ChatDelta> steps;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      ASSERT_TRUE(decoder.decode(std::string_view(stream).substr(at, size), false, steps)) << about;
      ASSERT_TRUE(reader.feed(std::string_view(stream).substr(at, size), progress)) << about;
    }
    expect_said(steps, expected, about);
    EXPECT_EQ(reader.may_end(), expected.finished) << about;
    expect_usage(progress.usage, expected, about);
    expect_usage(said_by(steps).usage, expected, about);
    GeminiReplyWriter writer(ReplyContext{});
    std::string again;
    for (ChatDelta const& step : steps) writer.write(step, again);
    writer.finish(again);
    SseReplyDecoder<GeminiReplyEvents> second;
    std::vector<ChatDelta> said_again;
    ASSERT_TRUE(second.decode(again, true, said_again)) << about;
    if (expected.finished) expect_same(said_by(said_again), said_by(steps), about);
  }
}

void check_whole(std::string const& body, std::string const& about) {
  Expected expected;
  add_chunk(json::parse(body).as_object(), expected);
  auto const reply = decode_gemini_reply(body);
  ASSERT_TRUE(reply) << about;
  expect_said({*reply}, expected, about);
  GeminiReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  ASSERT_TRUE(reader.whole(body, progress)) << about;
  expect_usage(progress.usage, expected, about);
  expect_usage(reply->usage.value_or(Usage()), expected, about);
  auto const again = decode_gemini_reply(encode_gemini_reply(*reply, ReplyContext{}));
  ASSERT_TRUE(again) << about;
  expect_same(said_by({*again}), said_by({*reply}), about);
}

TEST(GeminiRecordings, AreReadAsADomReadsThem) {
  auto const recordings = lowart::testing::recordings_of("gemini");
  if (recordings.empty()) GTEST_SKIP() << "LOWART_RECORDINGS names no recordings";
  int streams = 0, wholes = 0, errors = 0;
  for (auto const& recording : recordings) {
    std::string const text = text_in(recording, "text");
    std::string const about =
        text_in(recording, "src") + " " + std::to_string(recording.at("n").to_number<std::int64_t>());
    if (recording.at("status").as_int64() != 200) {
      Error const error = from_gemini_error(
          static_cast<int>(recording.at("status").as_int64()), text,
          [](std::string_view) { return std::string_view(); }, 0);
      EXPECT_EQ(error.code(), Errc::upstream_rejected) << about;
      EXPECT_EQ(error.upstream_body(), text) << about;
      ++errors;
    } else if (text.starts_with("data:") && text.find("\"candidates\"") != std::string::npos) {
      check_stream(text, about);
      ++streams;
    } else if (text.starts_with("{") && text.find("\"candidates\"") != std::string::npos) {
      check_whole(text, about);
      ++wholes;
    }
  }
  EXPECT_GE(streams, 20);
  EXPECT_GE(wholes, 50);
  EXPECT_GE(errors, 3);
}

}  // namespace
}  // namespace lowart::gemini_recordings_test
