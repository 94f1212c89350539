/// Real traffic of the Responses dialect: what we read of it is what another parser reads of it.

#include "recordings.hpp"
#include "responses_stream_check.hpp"

#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_reader.hpp>
#include <lowart/dialect/responses_reply_decode.hpp>
#include <lowart/dialect/responses_reply_encode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>

#include <gtest/gtest.h>

#include <memory_resource>

namespace lowart::responses_recordings_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

/// What an answer says, however it came.
struct Said {
  std::string text, reasoning, refusal;
  std::vector<ToolCall> calls;
  std::vector<std::string> vendor;
  std::vector<std::string> proofs;
  std::size_t citations{0};
  Usage usage;
};

std::string str(json::object const& o, std::string_view name) {
  auto const* const v = o.if_contains(name);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

/// One item, read by the other parser.
void add_item(Said& said, json::object const& item, bool texts) {
  std::string const type = str(item, "type");
  if (type == "function_call" || type == "custom_tool_call") {
    bool const custom = type == "custom_tool_call";
    said.calls.push_back(
        {str(item, "call_id"), str(item, "name"), str(item, custom ? "input" : "arguments"), custom});
  } else if (type == "message") {
    for (auto const& part : item.at("content").as_array()) {
      auto const& o = part.as_object();
      if (texts) said.text += str(o, "text"), said.refusal += str(o, "refusal");
      if (auto const* a = o.if_contains("annotations"); a != nullptr && a->is_array())
        said.citations += a->get_array().size();
    }
  } else if (type == "reasoning") {
    if (std::string proof = str(item, "encrypted_content"); !proof.empty()) said.proofs.push_back(proof);
    if (!texts) return;
    auto const* content = item.if_contains("content");
    bool const thoughts = content != nullptr && content->is_array() && !content->get_array().empty();
    std::string all;
    for (auto const& part : (thoughts ? *content : item.at("summary")).as_array())
      all += (all.empty() ? "" : "\n\n") + str(part.as_object(), "text");
    said.reasoning += all;
  } else {
    said.vendor.push_back(json::serialize(item));
  }
}

std::int64_t searches_in(json::object const& response) {
  std::int64_t searches = 0;
  for (auto const& item : response.at("output").as_array()) {
    auto const& o = item.as_object();
    auto const* action = o.if_contains("action");
    bool const is_object = action != nullptr && action->is_object();
    if (str(o, "type") == "web_search_call" && (!is_object || str(action->as_object(), "type") == "search"))
      ++searches;
  }
  return searches;
}
Usage usage_of(json::object const& response) {
  Usage usage;
  auto const* u = response.if_contains("usage");
  if (u == nullptr || !u->is_object()) return usage;
  auto const count = [](json::value const& v) { return v.as_int64(); };
  auto const& in = u->at("input_tokens_details").as_object();
  auto const cached = count(in.at("cached_tokens"));
  std::int64_t const written = in.contains("cache_write_tokens") ? count(in.at("cache_write_tokens")) : 0;
  auto const reasoned = count(u->at("output_tokens_details").at("reasoning_tokens"));
  usage.set(UsageClass::cache_read, cached);
  if (in.contains("cache_write_tokens")) usage.set(UsageClass::cache_write, written);
  usage.set(UsageClass::input, count(u->at("input_tokens")) - cached - written);
  usage.set(UsageClass::reasoning, reasoned);
  usage.set(UsageClass::output, count(u->at("output_tokens")) - reasoned);
  if (auto const searches = searches_in(response); searches > 0) usage.set(UsageClass::searches, searches);
  return usage;
}

/// A stream, read by the other parser: deltas for texts, finished items for the rest.
Said said_by_dom(std::vector<json::object> const& events) {
  Said said;
  std::string reasoning_part;
  for (auto const& e : events) {
    std::string const type = str(e, "type");
    if (type == "response.output_text.delta") said.text += str(e, "delta");
    if (type == "response.refusal.delta") said.refusal += str(e, "delta");
    if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta") {
      auto const* sub = e.if_contains("summary_index");
      std::string const part = std::to_string(e.at("output_index").as_int64()) + "/" +
                               (sub != nullptr ? json::serialize(*sub) : "");
      bool const same_item =
          reasoning_part.substr(0, reasoning_part.find('/')) == part.substr(0, part.find('/'));
      if (!reasoning_part.empty() && same_item && part != reasoning_part) said.reasoning += "\n\n";
      reasoning_part = part;
      said.reasoning += str(e, "delta");
    }
    if (type == "response.output_item.done") add_item(said, e.at("item").as_object(), false);
    if (auto const* response = e.if_contains("response")) said.usage = usage_of(response->as_object());
    if (type == "response.completed" || type == "response.incomplete") break;  // some hold two streams
  }
  return said;
}

Said said_by_dom(json::object const& response) {
  Said said;
  for (auto const& item : response.at("output").as_array()) add_item(said, item.as_object(), true);
  said.usage = usage_of(response);
  return said;
}

/// The same, of neutral steps.
Said said_by_steps(std::vector<ChatDelta> const& steps) {
  Said said;
  for (ChatDelta const& step : steps) {
    if (step.usage) said.usage = *step.usage;
    for (ChoiceDelta const& choice : step.choices)
      for (PieceDelta const& piece : choice.pieces) {
        if (piece.kind == PartKind::text) said.text += piece.text;
        if (piece.kind == PartKind::refusal) said.refusal += piece.text;
        if (piece.kind == PartKind::reasoning) said.reasoning += piece.text;
        if (piece.kind == PartKind::other)
          said.vendor.push_back(json::serialize(json::parse(piece.raw.text)));
        if (!piece.signature.empty()) said.proofs.push_back(piece.signature.value);
        said.citations += piece.citations.size();
        if (piece.kind != PartKind::tool_call) continue;
        auto const index = static_cast<std::size_t>(piece.index);
        if (said.calls.size() <= index) said.calls.resize(index + 1);
        ToolCall& call = said.calls[index];
        call.id += piece.call.id;
        call.name += piece.call.name;
        call.arguments += piece.call.arguments;
        call.custom = call.custom || piece.call.custom;
      }
  }
  return said;
}

/// Decodes a stream cut into pieces of one size.
Result<std::vector<ChatDelta>> decode_stream(std::string_view stream, std::size_t size) {
  ResponsesStreamDecoder decoder;
  std::vector<ChatDelta> steps;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    std::string const piece(stream.substr(at, size));
    if (auto const read = decoder.decode(piece, at + size >= stream.size(), steps); !read)
      return tl::unexpected<Error>(read.error());
  }
  return steps;
}

void compare(Said const& ours, Said const& theirs, std::string const& name) {
  EXPECT_EQ(ours.text, theirs.text) << name;
  EXPECT_EQ(ours.reasoning, theirs.reasoning) << name;
  EXPECT_EQ(ours.refusal, theirs.refusal) << name;
  EXPECT_EQ(ours.vendor, theirs.vendor) << name;
  EXPECT_EQ(ours.proofs, theirs.proofs) << name;
  EXPECT_EQ(ours.citations, theirs.citations) << name;
  EXPECT_EQ(ours.usage, theirs.usage) << name;
  ASSERT_EQ(ours.calls.size(), theirs.calls.size()) << name;
  for (std::size_t i = 0; i < ours.calls.size(); ++i) EXPECT_EQ(ours.calls[i], theirs.calls[i]) << name;
}

ReplyContext context() {
  ReplyContext context;
  context.id = "abc";
  context.model = "m";
  context.created = 1;
  return context;
}

bool is_json(std::string_view stream) {
  bool all = true;
  net::SseSplitter splitter;
  (void)splitter.feed(std::span<char const>(stream.data(), stream.size()), [&](net::SseEvent const& event) {
    json::error_code error;
    (void)json::parse(event.data, error);
    all = all && !error;
  });
  return all;
}

TEST(ResponsesRecordings, EachRequestSurvivesBeingReadAndWritten) {
  auto const all = lowart::testing::recordings_of("responses");
  if (all.empty())
    GTEST_SKIP() << "no recordings: LOWART_RECORDINGS names no directory with recordings.jsonl.xz";
  int requests = 0;
  for (auto const& recording : all) {
    auto const& request = recording.at("request");
    if (!request.is_object() && !request.is_string()) continue;
    std::string const body =
        request.is_string() ? std::string(request.get_string()) : json::serialize(request);
    if (!body.starts_with('{')) continue;
    ++requests;
    std::string scratch;
    EXPECT_TRUE(read_responses_facts(body, scratch)) << body;
    auto const read = decode_responses(body);
    ASSERT_TRUE(read) << read.error().message() << body;
    Losses losses;
    auto const written = encode_responses(*read, "m", losses);
    ASSERT_TRUE(written) << body;
    auto const again = decode_responses(*written);
    ASSERT_TRUE(again) << *written;
    EXPECT_EQ(*again, *read) << body << "\n" << *written;
    EXPECT_TRUE(losses.dropped().empty());
  }
  EXPECT_GE(requests, 80);
}

TEST(ResponsesRecordings, EachReplyIsReadAsAnotherParserReadsIt) {
  auto const all = lowart::testing::recordings_of("responses");
  if (all.empty())
    GTEST_SKIP() << "no recordings: LOWART_RECORDINGS names no directory with recordings.jsonl.xz";
  int streams = 0, wholes = 0;
  for (auto const& recording : all) {
    std::string const name = lowart::testing::text_in(recording, "src");
    std::string const text = lowart::testing::text_in(recording, "text");
    if (recording.at("status").as_int64() != 200) continue;
    ReplyProgress progress(std::pmr::get_default_resource());
    ReplyReader<ResponsesEvents> reader;
    if (text.starts_with("{")) {
      ++wholes;
      auto const whole = decode_responses_reply(text);
      ASSERT_TRUE(whole) << name;
      auto const theirs = said_by_dom(json::parse(text).as_object());
      compare(said_by_steps({*whole}), theirs, name);
      ASSERT_TRUE(reader.whole(text, progress)) << name;
      EXPECT_EQ(progress.usage, theirs.usage);
      auto const written = encode_responses_reply(*whole, context());
      compare(said_by_dom(json::parse(written).as_object()), theirs, name);
      continue;
    }
    if (!is_json(text)) {  // one recording lacks brackets
      EXPECT_FALSE(decode_stream(text, text.size())) << name;
      EXPECT_FALSE(reader.feed(text, progress)) << name;
      continue;
    }
    ++streams;
    std::vector<json::object> const events = lowart::testing::events_of(text, false);
    bool const fails = text.find("event: error") != std::string::npos;
    for (std::size_t const size : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, text.size()}) {
      auto const steps = decode_stream(text, size);
      ASSERT_EQ(steps.has_value(), !fails) << name;
      if (fails) continue;
      compare(said_by_steps(*steps), said_by_dom(events), name);
    }
    EXPECT_EQ(reader.feed(text, progress).has_value(), !fails) << name;
    EXPECT_EQ(reader.done(), !fails) << name;
    if (fails) continue;
    auto const steps = decode_stream(text, text.size());
    EXPECT_EQ(progress.usage, said_by_dom(events).usage) << name;
    ResponsesReplyWriter writer(context());
    std::string out;
    for (ChatDelta const& step : *steps) writer.write(step, out);
    writer.finish(out);
    lowart::testing::check_responses_stream(out);
    auto const again = decode_stream(out, 100);
    ASSERT_TRUE(again) << name;
    compare(said_by_steps(*again), said_by_steps(*steps), name);
  }
  EXPECT_GE(streams, 70);
  EXPECT_GE(wholes, 60);
}

}  // namespace
}  // namespace lowart::responses_recordings_test
