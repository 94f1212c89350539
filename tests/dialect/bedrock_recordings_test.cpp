// Every recorded answer of Converse and ConverseStream against an independent reading of its JSON.

#include <lowart/dialect/base64.hpp>
#include <lowart/dialect/bedrock_reader.hpp>
#include <lowart/dialect/bedrock_reply_decode.hpp>
#include <lowart/dialect/completion_builder.hpp>

#include "recordings.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::bedrock_recordings_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using lowart::testing::text_in;
namespace json = boost::json;

/// What a DOM says of an answer.
struct Expected {
  std::string text, stop_reason;
  std::vector<std::pair<std::string, json::value>> calls;  ///< Name and arguments.
  std::int64_t input{-1}, output{-1}, cache_read{-1}, cache_write{-1};
};

void add_usage(json::value const& usage, Expected& expected) {
  auto const count = [&](std::string_view name) {
    auto const* const member = usage.as_object().if_contains(name);
    return member != nullptr ? member->to_number<std::int64_t>() : -1;
  };
  expected.input = count("inputTokens");
  expected.output = count("outputTokens");
  expected.cache_read = count("cacheReadInputTokens");
  expected.cache_write = count("cacheWriteInputTokens");
}

/// The JSON payloads of a stream, found without the splitter: by the lengths, with no check of sums.
std::vector<json::object> payloads(std::string_view stream) {
  std::vector<json::object> all;
  auto const number = [](std::string_view bytes) {
    std::size_t value = 0;
    for (char const c : bytes.substr(0, 4)) value = value * 256 + static_cast<unsigned char>(c);
    return value;
  };
  while (!stream.empty()) {
    std::size_t const total = number(stream), headers = number(stream.substr(4));
    all.push_back(json::parse(stream.substr(12 + headers, total - headers - 16)).as_object());
    stream.remove_prefix(total);
  }
  return all;
}

Expected expected_of_stream(std::string_view stream) {
  Expected expected;
  std::vector<std::string> inputs;
  for (json::object const& event : payloads(stream)) {
    if (auto const* start = event.if_contains("start"))
      expected.calls.emplace_back(start->at("toolUse").at("name").as_string(), json::value()),
          inputs.emplace_back();
    if (auto const* delta = event.if_contains("delta")) {
      if (auto const* text = delta->as_object().if_contains("text")) expected.text += text->as_string();
      else inputs.back() += delta->at("toolUse").at("input").as_string();
    }
    if (auto const* reason = event.if_contains("stopReason")) expected.stop_reason = reason->as_string();
    if (auto const* usage = event.if_contains("usage")) add_usage(*usage, expected);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    expected.calls[i].second = json::parse(inputs[i].empty() ? "{}" : inputs[i]);
  return expected;
}

Expected expected_of_whole(std::string_view body) {
  Expected expected;
  json::value const answer = json::parse(body);
  for (json::value const& block : answer.at("output").at("message").at("content").as_array()) {
    if (auto const* text = block.as_object().if_contains("text")) expected.text += text->as_string();
    if (auto const* call = block.as_object().if_contains("toolUse"))
      expected.calls.emplace_back(call->at("name").as_string(), call->at("input"));
  }
  expected.stop_reason = answer.at("stopReason").as_string();
  add_usage(answer.at("usage"), expected);
  return expected;
}

void expect_usage(Usage const& usage, Expected const& expected, std::string const& about) {
  EXPECT_EQ(usage.get(UsageClass::input).value_or(-1), expected.input) << about;
  EXPECT_EQ(usage.get(UsageClass::output).value_or(-1), expected.output) << about;
  EXPECT_EQ(usage.get(UsageClass::cache_read).value_or(-1), expected.cache_read) << about;
  EXPECT_EQ(usage.get(UsageClass::cache_write).value_or(-1), expected.cache_write) << about;
}

void expect_said(ChatDelta const& whole, Expected const& expected, std::string const& about) {
  ASSERT_EQ(whole.choices.size(), 1U) << about;
  ChoiceDelta const& choice = whole.choices[0];
  EXPECT_EQ(choice.text(), expected.text) << about;
  EXPECT_EQ(choice.finish, bedrock_finish_reason(expected.stop_reason)) << about;
  std::vector<std::pair<std::string, json::value>> calls;
  for (PieceDelta const& piece : choice.pieces)
    if (piece.kind == PartKind::tool_call) {
      EXPECT_FALSE(piece.call.id.empty()) << about;
      calls.emplace_back(piece.call.name, json::parse(piece.call.arguments));
    }
  EXPECT_EQ(calls, expected.calls) << about;
  ASSERT_TRUE(whole.usage) << about;
  expect_usage(*whole.usage, expected, about);
}

void check_stream(std::string const& stream, std::string const& about) {
  Expected const expected = expected_of_stream(stream);
  for (std::size_t const size : {std::size_t{1}, std::size_t{7}, std::size_t{100}, stream.size()}) {
    BedrockStreamDecoder decoder;
    BedrockReader reader;
    ReplyProgress progress(std::pmr::get_default_resource());
    std::vector<ChatDelta> steps;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      std::string_view const piece = std::string_view(stream).substr(at, size);
      ASSERT_TRUE(decoder.decode(piece, false, steps)) << about;
      ASSERT_TRUE(reader.feed(piece, progress)) << about;
    }
    CompletionBuilder builder;
    for (ChatDelta& step : steps) builder.add(std::move(step));
    expect_said(builder.whole(), expected, about);
    EXPECT_TRUE(reader.done() && reader.committed()) << about;
    expect_usage(progress.usage, expected, about);
  }
}

void check_whole(std::string const& body, std::string const& about) {
  Expected const expected = expected_of_whole(body);
  auto const reply = decode_bedrock_reply(body);
  ASSERT_TRUE(reply) << about;
  expect_said(*reply, expected, about);
  BedrockReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  ASSERT_TRUE(reader.whole(body, progress)) << about;
  expect_usage(progress.usage, expected, about);
}

TEST(BedrockRecordings, AreReadAsADomReadsThem) {
  auto const recordings = lowart::testing::recordings_of("bedrock");
  if (recordings.empty()) GTEST_SKIP() << "LOWART_RECORDINGS names no recordings";
  int streams = 0, wholes = 0, errors = 0;
  for (auto const& recording : recordings) {
    if (text_in(recording, "path").find("/converse") == std::string::npos) continue;
    std::string const text = text_in(recording, "text");
    std::string const about = text_in(recording, "src");
    if (recording.at("status").as_int64() != 200) {
      auto const header = [&](std::string_view name) -> std::string_view {
        auto const* const found = recording.at("headers").as_object().if_contains(name);
        return found != nullptr ? std::string_view(found->get_string()) : std::string_view();
      };
      Error const error =
          from_bedrock_error(static_cast<int>(recording.at("status").as_int64()), text, header, 0);
      EXPECT_EQ(error.code(), Errc::upstream_rejected) << about;
      EXPECT_EQ(error.upstream_message(), json::parse(text).at("message").as_string()) << about;
      ++errors;
    } else if (auto const bytes = text_in(recording, "b64"); !bytes.empty()) {
      check_stream(from_base64(bytes).value_or(""), about);
      ++streams;
    } else {
      check_whole(text, about);
      ++wholes;
    }
  }
  EXPECT_GE(streams, 20);
  EXPECT_GE(wholes, 15);
  EXPECT_GE(errors, 1);
}

}  // namespace
}  // namespace lowart::bedrock_recordings_test
