/// Every recorded reply of Ollama's chat against an independent reading of its JSON.

#include <lowart/dialect/ollama_reader.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>

#include "recordings.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cstdint>
#include <memory_resource>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::ollama_recordings_test {
namespace {

using namespace lowart::dialect;
using lowart::testing::text_in;
namespace json = boost::json;

struct Said {
  std::string text, thinking;
  std::vector<std::pair<std::string, json::value>> calls;
  std::int64_t input{-1}, output{-1};
  bool done{false};
  friend bool operator==(Said const&, Said const&) = default;
};

/// What a DOM says.
void add(json::object const& line, Said& said) {
  auto const& message = line.at("message").as_object();
  said.text += message.at("content").as_string();
  if (auto const* thinking = message.if_contains("thinking")) said.thinking += thinking->as_string();
  if (auto const* calls = message.if_contains("tool_calls"))
    for (auto const& call : calls->as_array()) {
      auto const& function = call.at("function").as_object();
      said.calls.emplace_back(function.at("name").as_string(), function.at("arguments"));
    }
  if (auto const* count = line.if_contains("prompt_eval_count")) said.input = count->as_int64();
  if (auto const* count = line.if_contains("eval_count")) said.output = count->as_int64();
  said.done = line.at("done").as_bool();
}

/// What the decoder says.
Said said_by(std::vector<ChatDelta> const& steps) {
  Said said;
  for (ChatDelta const& step : steps)
    for (ChoiceDelta const& choice : step.choices) {
      said.text += choice.text();
      said.thinking += choice.joined(PartKind::reasoning);
      for (PieceDelta const& piece : choice.pieces)
        if (piece.kind == PartKind::tool_call)
          said.calls.emplace_back(piece.call.name, json::parse(piece.call.arguments));
      if (step.usage) {
        said.input = step.usage->get(UsageClass::input).value_or(-1);
        said.output = step.usage->get(UsageClass::output).value_or(-1);
      }
      bool const called = !said.calls.empty();
      if (choice.finish != FinishReason::none)
        said.done = choice.finish == (called ? FinishReason::tool_calls : FinishReason::stop);
    }
  return said;
}

void expect_read(ReplyProgress const& progress, Said const& expected, std::string const& about) {
  EXPECT_EQ(progress.usage.get(UsageClass::input).value_or(-1), expected.input) << about;
  EXPECT_EQ(progress.usage.get(UsageClass::output).value_or(-1), expected.output) << about;
  EXPECT_NE(progress.finish, FinishReason::none) << about;
}

void check_stream(std::string const& stream, std::string const& about, std::mt19937& random) {
  Said expected;
  for (std::size_t at = 0; at < stream.size();) {
    std::size_t const end = std::min(stream.find('\n', at), stream.size());
    if (end > at) add(json::parse(std::string_view(stream).substr(at, end - at)).as_object(), expected);
    at = end + 1;
  }
  for (std::size_t const most :
       {std::size_t{1}, std::size_t{3}, std::size_t{100}, std::size_t{5000}, stream.size()}) {
    SseReplyDecoder<OllamaReplyEvents, NdjsonSplitter> decoder;
    OllamaReader reader;
    ReplyProgress progress(std::pmr::get_default_resource());
    std::vector<ChatDelta> steps;
    for (std::size_t at = 0; at < stream.size();) {
      std::string_view const piece = std::string_view(stream).substr(at, 1 + random() % most);
      ASSERT_TRUE(decoder.decode(piece, false, steps)) << about;
      ASSERT_TRUE(reader.feed(piece, progress)) << about;
      at += piece.size();
    }
    EXPECT_TRUE(said_by(steps) == expected) << about;
    EXPECT_EQ(reader.done(), expected.done) << about;
    EXPECT_EQ(std::string_view(progress.text), expected.thinking + expected.text)
        << about << ": thoughts come first";
    expect_read(progress, expected, about);
  }
}

void check_whole(std::string const& body, std::string const& about) {
  Said expected;
  add(json::parse(body).as_object(), expected);
  auto const reply = decode_ollama_reply(body);
  ASSERT_TRUE(reply) << about;
  EXPECT_TRUE(said_by({*reply}) == expected) << about;
  OllamaReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  ASSERT_TRUE(reader.whole(body, progress)) << about;
  expect_read(progress, expected, about);
}

TEST(OllamaRecordings, AreReadAsADomReadsThem) {
  auto const recordings = lowart::testing::recordings_of("ollama");
  if (recordings.empty()) GTEST_SKIP() << "LOWART_RECORDINGS names no recordings";
  std::mt19937 random(7);
  int streams = 0, wholes = 0, errors = 0, calls = 0;
  for (auto const& recording : recordings) {
    std::string const text = text_in(recording, "text");
    std::string const about =
        text_in(recording, "src") + " " + std::to_string(recording.at("n").to_number<std::int64_t>());
    if (text_in(recording, "path") != "/api/chat") continue;
    if (recording.at("status").as_int64() != 200) {
      Error const error = from_ollama_error(
          static_cast<int>(recording.at("status").as_int64()), text,
          [](std::string_view) { return std::string_view(); }, 0);
      EXPECT_EQ(error.code(), Errc::upstream_rejected) << about;
      EXPECT_EQ(error.upstream_message(), json::parse(text).at("error").as_string()) << about;
      ++errors;
    } else if (text.find("\n{") != std::string::npos) {
      check_stream(text, about, random);
      ++streams;
    } else {
      check_whole(text, about);
      calls += text.find("\"tool_calls\"") != std::string::npos ? 1 : 0;
      ++wholes;
    }
  }
  EXPECT_GE(streams, 4);
  EXPECT_GE(wholes, 9);
  EXPECT_GE(calls, 2);
  EXPECT_GE(errors, 1);
}

}  // namespace
}  // namespace lowart::ollama_recordings_test
