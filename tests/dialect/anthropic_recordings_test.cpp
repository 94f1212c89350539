#include "recordings.hpp"

#include <lowart/dialect/anthropic_reader.hpp>
#include <lowart/dialect/anthropic_reply.hpp>
#include <lowart/dialect/anthropic_request.hpp>
#include <lowart/dialect/completion_builder.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory_resource>
#include <string>
#include <vector>

namespace lowart::anthropic_recordings_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

struct Call {
  std::string id, name, arguments;
};

/// What an answer says, by an independent reading.
struct Said {
  std::string text, thinking, signatures, stop;
  std::vector<Call> calls;
  std::int64_t input{0}, cached{0}, written{0}, output{0}, others{0};
  bool complete{false};
};

std::string text_of(json::object const& object, std::string_view name) {
  auto const* const member = object.if_contains(name);
  return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
}

void take_usage(Said& said, json::object const& holder) {
  auto const* const usage = holder.if_contains("usage");
  if (usage == nullptr || !usage->is_object()) return;
  auto const take = [&](std::string_view name, std::int64_t& out) {
    if (auto const* const n = usage->get_object().if_contains(name); n != nullptr && n->is_int64())
      out = n->get_int64();
  };
  take("input_tokens", said.input);
  take("cache_read_input_tokens", said.cached);
  take("cache_creation_input_tokens", said.written);
  take("output_tokens", said.output);
  auto const* const iterations = usage->get_object().if_contains("iterations");
  if (iterations == nullptr) return;
  for (json::value const& one : iterations->as_array()) {
    if (text_of(one.as_object(), "type") != "compaction") continue;
    said.input += one.at("input_tokens").as_int64();
    said.output += one.at("output_tokens").as_int64();
  }
}

void take_block(Said& said, json::object const& block) {
  std::string const type = text_of(block, "type");
  if (type == "tool_use") {
    auto const& input = block.at("input").as_object();
    said.calls.push_back(
        {text_of(block, "id"), text_of(block, "name"), input.empty() ? "" : json::serialize(input)});
  } else if (type == "text" || type == "thinking") {
    said.text += text_of(block, "text");
    said.thinking += text_of(block, "thinking");
    said.signatures += text_of(block, "signature");
  } else if (type == "redacted_thinking") {
    said.signatures += text_of(block, "data");
  } else {
    ++said.others;
  }
}

Said read_whole(std::string const& body) {
  json::object const message = json::parse(body).as_object();
  Said said;
  for (json::value const& block : message.at("content").as_array()) take_block(said, block.as_object());
  take_usage(said, message);
  said.stop = text_of(message, "stop_reason");
  said.complete = true;
  for (Call& call : said.calls)
    if (call.arguments.empty()) call.arguments = "{}";
  return said;
}

/// Reads up to the first message_stop: some recordings are several streams in one file.
Said read_stream(std::string const& body) {
  Said said;
  std::string type;  // of the open block
  for (std::size_t at = 0; at < body.size() && !said.complete;) {
    std::size_t const end = std::min(body.find('\n', at), body.size());
    std::string_view const line = std::string_view(body).substr(at, end - at);
    at = end + 1;
    if (!line.starts_with("data:")) continue;
    json::object const event = json::parse(line.substr(5)).as_object();
    std::string const name = text_of(event, "type");
    if (name == "message_stop") said.complete = true;
    if (name == "message_start") {
      auto const& message = event.at("message").as_object();
      take_usage(said, message);
      for (json::value const& block : message.at("content").as_array()) take_block(said, block.as_object());
    }
    if (name == "content_block_start") {
      type = text_of(event.at("content_block").as_object(), "type");
      take_block(said, event.at("content_block").as_object());
    }
    if (name == "content_block_delta") {
      auto const& delta = event.at("delta").as_object();
      said.text += text_of(delta, "text");
      said.thinking += text_of(delta, "thinking");
      said.signatures += text_of(delta, "signature");
      if (type == "tool_use") said.calls.back().arguments += text_of(delta, "partial_json");
    }
    if (name == "message_delta") {
      take_usage(said, event);
      said.stop = text_of(event.at("delta").as_object(), "stop_reason");
    }
  }
  for (Call& call : said.calls)
    if (call.arguments.empty()) call.arguments = "{}";
  return said;
}

Said said_by(ChatDelta const& whole, bool reserialise) {
  Said said;
  said.complete = true;
  auto const& choice = whole.choices.at(0);
  said.text = choice.text();
  said.thinking = choice.joined(PartKind::reasoning);
  for (PieceDelta const& piece : choice.pieces) {
    said.signatures += piece.signature.value;
    if (piece.kind == PartKind::other) ++said.others;
    if (piece.kind == PartKind::tool_call)
      said.calls.push_back(
          {piece.call.id, piece.call.name,
           reserialise ? json::serialize(json::parse(piece.call.arguments)) : piece.call.arguments});
  }
  said.stop = anthropic_stop_reason(choice, whole.dialect, !said.calls.empty());
  if (!whole.usage) return said;
  said.input = whole.usage->value(UsageClass::input);
  said.cached = whole.usage->value(UsageClass::cache_read);
  said.written = whole.usage->value(UsageClass::cache_write);
  said.output = whole.usage->output_total();
  return said;
}

std::string words(Said const& said) {
  std::string all = said.text + "|" + said.thinking + "|" + said.signatures + "|" + said.stop;
  for (Call const& call : said.calls) all += "|" + call.id + " " + call.name + " " + call.arguments;
  for (auto const n : {said.input, said.cached, said.written, said.output, said.others})
    all += " " + std::to_string(n);
  return all;
}

ChatDelta decode_stream(std::string_view body, std::size_t size) {
  AnthropicStreamDecoder decoder;
  std::vector<ChatDelta> steps;
  for (std::size_t at = 0; at < body.size(); at += size) {
    std::string const piece(body.substr(at, size));
    auto const result = decoder.decode(piece, at + size >= body.size(), steps);
    EXPECT_TRUE(result) << (result ? "" : result.error().message());
  }
  CompletionBuilder builder;
  for (ChatDelta const& step : steps) builder.add(step);
  return std::move(builder).take();
}

/// Members that say no more than their absence would.
void drop_defaults(json::value& value) {
  if (value.is_array())
    for (json::value& element : value.get_array()) drop_defaults(element);
  if (!value.is_object()) return;
  json::object& object = value.get_object();
  auto const drop = [&](std::string_view name, json::value const& standard) {
    if (auto const* const member = object.if_contains(name); member != nullptr && *member == standard)
      object.erase(name);
  };
  drop("stream", false);
  drop("is_error", false);
  drop("description", "");
  for (auto& member : object) drop_defaults(member.value());
}

class AnthropicRecordings : public ::testing::Test {
 protected:
  void SetUp() override {
    all_ = lowart::testing::recordings_of("anthropic");
    if (all_.empty()) GTEST_SKIP() << "LOWART_RECORDINGS names no directory with recordings.jsonl.xz";
    ASSERT_GE(all_.size(), 90U);
  }
  std::vector<json::object> all_;
};

TEST_F(AnthropicRecordings, AreDecodedAsAnIndependentReadingSays) {
  for (json::object const& recording : all_) {
    std::string const body = lowart::testing::text_in(recording, "text");
    bool const streamed = body.starts_with("event:");
    Said const expected = streamed ? read_stream(body) : read_whole(body);
    for (std::size_t const size :
         {std::size_t{1} << 20U, std::size_t{1000}, std::size_t{37}, std::size_t{1}}) {
      ChatDelta whole;
      if (streamed) {
        whole = decode_stream(body, size);
      } else {
        auto decoded = decode_anthropic_reply(body);
        ASSERT_TRUE(decoded) << decoded.error().message();
        whole = *decoded;
      }
      ASSERT_EQ(words(said_by(whole, !streamed)), words(expected))
          << lowart::testing::text_in(recording, "src");

      AnthropicReader reader;
      ReplyProgress progress(std::pmr::get_default_resource());
      if (streamed) {
        for (std::size_t at = 0; at < body.size(); at += size)
          ASSERT_TRUE(reader.feed(std::string(body.substr(at, size)), progress));
      } else {
        ASSERT_TRUE(reader.whole(body, progress));
      }
      EXPECT_TRUE(reader.committed() && reader.done());
      EXPECT_EQ(progress.usage, whole.usage.value_or(Usage())) << lowart::testing::text_in(recording, "src");
      EXPECT_EQ(progress.finish, whole.choices.at(0).finish);
    }
  }
}

TEST_F(AnthropicRecordings, SayTheSameOnceWrittenAgain) {
  ReplyContext context;
  context.id = "1";
  for (json::object const& recording : all_) {
    std::string const body = lowart::testing::text_in(recording, "text");
    bool const streamed = body.starts_with("event:");
    ChatDelta const whole = streamed ? decode_stream(body, body.size()) : *decode_anthropic_reply(body);
    AnthropicReplyWriter writer(context);
    std::string stream;
    writer.write(whole, stream);
    writer.finish(stream);
    EXPECT_EQ(words(said_by(decode_stream(stream, stream.size()), false)), words(said_by(whole, false)));
    auto const again = decode_anthropic_reply(encode_anthropic_reply(whole, context));
    ASSERT_TRUE(again);
    // One recording breaks off within a call's input, which a whole message cannot.
    bool const broken =
        std::any_of(whole.choices[0].pieces.begin(), whole.choices[0].pieces.end(), [](auto const& piece) {
          return piece.kind == PartKind::tool_call && first_json_error(piece.call.arguments);
        });
    if (!broken) {
      EXPECT_EQ(words(said_by(*again, false)), words(said_by(whole, false)));
    }
  }
}

TEST_F(AnthropicRecordings, HaveRequestsThatSurviveDecodingAndEncoding) {
  std::size_t requests = 0;
  for (json::object const& recording : all_) {
    auto const* const request = recording.if_contains("request");
    if (request == nullptr || request->is_null()) continue;
    std::string const body =
        request->is_string() ? std::string(request->get_string()) : json::serialize(*request);
    if (!body.starts_with("{")) continue;
    ++requests;
    auto const first = decode_anthropic(body);
    ASSERT_TRUE(first) << first.error().message() << body;
    Losses losses;
    auto const written = encode_anthropic(*first, json::parse(body).at("model").as_string(), losses);
    ASSERT_TRUE(written) << written.error().message();
    auto const again = decode_anthropic(*written);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *first);
    json::value sent = json::parse(body);
    drop_defaults(sent);
    EXPECT_EQ(json::parse(*written), sent) << body;  // members in any order
  }
  EXPECT_GE(requests, 60U);
}

}  // namespace
}  // namespace lowart::anthropic_recordings_test
