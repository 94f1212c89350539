#include <lowart/dialect/responses_continuation.hpp>
#include <lowart/dialect/responses_reply_decode.hpp>
#include <lowart/dialect/responses_reply_encode.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include "responses_stream_check.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::responses_reply_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;
using lowart::testing::check_responses_stream;

std::string golden(std::string_view name) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "golden" / "openai_responses" / name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string event(std::string_view data) {
  auto const value = json::parse(data);
  std::string const type(value.at("type").as_string());
  return "event: " + type + "\ndata: " + json::serialize(value) + "\n\n";
}

std::vector<ChatDelta> decoded(std::string_view stream) {
  ResponsesStreamDecoder decoder;
  std::vector<ChatDelta> steps;
  auto const read = decoder.decode(stream, true, steps);
  EXPECT_TRUE(read) << read.error().message();
  return steps;
}

/// Pieces of all steps, one a line.
std::string lines_of(std::vector<ChatDelta> const& steps) {
  std::string out;
  for (ChatDelta const& step : steps) {
    if (!step.id.empty())
      out += "id " + step.id + " " + step.model + " " + std::to_string(step.created) + "\n";
    for (ChoiceDelta const& choice : step.choices) {
      for (PieceDelta const& piece : choice.pieces) {
        constexpr std::string_view names[] = {"text",    "image",     "audio",     "video", "file",
                                              "refusal", "reasoning", "tool_call", "other"};
        out += std::string(names[static_cast<std::size_t>(piece.kind)]) + (piece.begins ? "*" : "");
        if (piece.kind == PartKind::tool_call) {
          out += std::to_string(piece.index) + (piece.call.custom ? "c" : "") + " " + piece.call.id + "|" +
                 piece.call.name + "|" + piece.call.arguments;
        } else {
          out += " " + piece.text;
        }
        if (!piece.signature.empty())
          out += " [" + std::string(to_string(piece.signature.by)) + " " + piece.signature.value + "]";
        if (piece.redacted) out += " redacted";
        for (auto const& citation : piece.citations) out += " (" + citation.url + citation.title + ")";
        out += piece.raw.text + "\n";
      }
      if (!choice.logprobs.empty()) out += "logprobs " + choice.logprobs.text + "\n";
      if (choice.finish != FinishReason::none)
        out += "finish " + std::to_string(static_cast<int>(choice.finish)) + choice.finish_text + "\n";
    }
    if (step.usage)
      out += "usage " + std::to_string(step.usage->input_total()) + " " +
             std::to_string(step.usage->output_total()) + "\n";
  }
  return out;
}

ReplyContext context(std::string_view request = {}) {
  ReplyContext context;
  context.id = "abc";
  context.model = "m";
  context.created = 7;
  context.request = request;
  return context;
}

PieceDelta said(PartKind kind, std::string text, bool begins = false) {
  PieceDelta piece;
  piece.kind = kind;
  piece.text = std::move(text);
  piece.begins = begins;
  return piece;
}
PieceDelta call(std::int64_t index, std::string id, std::string name, std::string arguments) {
  PieceDelta piece;
  piece.kind = PartKind::tool_call;
  piece.index = index;
  piece.call.id = std::move(id);
  piece.call.name = std::move(name);
  piece.call.arguments = std::move(arguments);
  return piece;
}
PieceDelta proof(PartKind kind, Signature signature, bool redacted = false, std::int64_t index = 0) {
  PieceDelta piece;
  piece.kind = kind;
  piece.signature = std::move(signature);
  piece.redacted = redacted;
  piece.index = index;
  return piece;
}
ChatDelta step(std::vector<PieceDelta> pieces, FinishReason finish = FinishReason::none) {
  ChatDelta delta;
  delta.dialect = Dialect::anthropic;
  delta.choices.emplace_back().pieces = std::move(pieces);
  delta.choices.front().finish = finish;
  return delta;
}

std::string stream_of(std::vector<ChatDelta> const& steps, std::string_view request = {}) {
  ResponsesReplyWriter writer(context(request));
  std::string out;
  for (ChatDelta const& step : steps) writer.write(step, out);
  writer.finish(out);
  return out;
}

/// Decodes a stream cut at these places.
std::string lines_cut_at(std::string_view stream, std::vector<std::size_t> cuts) {
  ResponsesStreamDecoder decoder;
  std::vector<ChatDelta> steps;
  cuts.push_back(stream.size());
  for (std::size_t from = 0; std::size_t const to : cuts) {
    lowart::testing::ExactBytes const piece(stream.substr(from, to - from));
    EXPECT_TRUE(decoder.decode(piece.view(), false, steps));
    from = to;
  }
  return lines_of(steps);
}

TEST(ResponsesReply, ReadsAStreamOfEverything) {
  auto const text = golden("stream_everything.txt");
  auto const mark = text.find("----\n");
  std::string const stream = text.substr(0, mark), expected = text.substr(mark + 5);
  EXPECT_EQ(lines_cut_at(stream, {}), expected);
  for (std::size_t at = 1; at < stream.size(); at += 13)
    ASSERT_EQ(lines_cut_at(stream, {at}), expected) << at;
  std::vector<std::size_t> each(stream.size());
  for (std::size_t i = 0; i < each.size(); ++i) each[i] = i;
  EXPECT_EQ(lines_cut_at(stream, each), expected);
}

TEST(ResponsesReply, ReadsAStreamCutAnywhere) {
  std::string const stream =
      event(R"({"type":"response.created","response":{"id":"resp_1","model":"m","created_at":5}})") +
      event(
          R"({"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a\u00e4\n"})") +
      event(
          R"({"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"i",)"
          R"("call_id":"c","name":"f","arguments":""}})") +
      event(R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"})") +
      event(R"({"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3,)"
            R"("output_tokens":4}}})");
  constexpr std::string_view expected =
      "id resp_1 m 5\ntext a\xC3\xA4\n\ntool_call0 c|f|\ntool_call0 ||{}\nfinish 3\nusage 3 4\n";
  lowart::testing::feed_every_split(stream, [&](auto const& pieces) {
    ResponsesStreamDecoder decoder;
    std::vector<ChatDelta> steps;
    for (auto const& piece : pieces) ASSERT_TRUE(decoder.decode(piece.view(), false, steps));
    ASSERT_EQ(lines_of(steps), expected);
  });
}

TEST(ResponsesReply, FindsWhatOnlyTheEndTells) {
  auto const steps =
      decoded(event(R"({"type":"response.created","response":{"id":"resp_1","model":"m","created_at":5}})") +
              event(R"({"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[
        {"type":"reasoning","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}]},
        {"type":"message","content":[{"type":"output_text","text":"x","annotations":[]},{"type":"refusal","refusal":"n"}]},
        {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]}})"));
  EXPECT_EQ(
      lines_of(steps),
      "id resp_1 m 5\nreasoning a\nreasoning \n\nb\ntext x\nrefusal n\ntool_call0 c|f|\ntool_call0 ||{}\n"
      "finish 3\n");
}

TEST(ResponsesReply, FindsWhatOnlyTheEndOfAnItemTells) {
  auto const steps = decoded(
      event(R"({"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m1",
        "content":[{"type":"output_text","text":"x"}]}})") +
      event(R"({"type":"response.output_text.done","output_index":1,"content_index":0,"text":"y"})") +
      event(R"({"type":"response.incomplete","response":{"status":"incomplete",
        "incomplete_details":{"reason":"max_output_tokens"},"output":[
        {"type":"message","id":"m1","content":[{"type":"output_text","text":"x"}]}]}})"));
  EXPECT_EQ(lines_of(steps), "text x\ntext* y\nfinish 2\n");
}

TEST(ResponsesReply, KnowsTheItemsOfTheEndByTheirIdsOrTheirOrder) {
  std::string const said_before =
      event(R"({"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"a"}})") +
      event(R"({"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"x"})") +
      event(R"({"type":"response.output_item.added","output_index":4,"item":{"type":"message","id":"b"}})") +
      event(R"({"type":"response.output_text.delta","output_index":4,"content_index":0,"delta":"y"})");
  for (std::string_view const id : {"b", "changed"}) {
    auto const steps = decoded(
        said_before + event(R"({"type":"response.completed","response":{"status":"completed","output":[
          {"type":"message","id":"a","content":[{"type":"output_text","text":"x"}]},
          {"type":"message","id":")" +
                            std::string(id) + R"(","content":[{"type":"output_text","text":"y"}]}]}})"));
    EXPECT_EQ(lines_of(steps), "text x\ntext* y\nfinish 1\n") << id;
  }
}

TEST(ResponsesReply, TellsHowAWholeReplyFailed) {
  auto const code_of = [](std::string_view body) {
    auto const read = decode_responses_reply(body);
    EXPECT_FALSE(read) << body;
    return read ? Errc::internal : read.error().code();
  };
  EXPECT_EQ(
      code_of(R"({"status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"slow"}})"),
      Errc::rate_limited);
  EXPECT_EQ(code_of(R"({"status":"failed","output":[],"error":{"code":"invalid_prompt","message":"no"}})"),
            Errc::upstream_rejected);
  EXPECT_EQ(code_of(R"({"status":"cancelled","output":[]})"), Errc::upstream_failed);
  EXPECT_EQ(code_of(R"({"error":{"message":"x","type":"server_error"}})"), Errc::upstream_failed);
  EXPECT_EQ(code_of(R"({"status":"queued","output":[]})"), Errc::malformed_reply);
  EXPECT_EQ(code_of(R"({"id":"x"})"), Errc::malformed_reply);
  EXPECT_EQ(code_of(R"({"output":[)"), Errc::malformed_reply);
}

TEST(ResponsesReply, TellsHowAStreamFailed) {
  auto const fault = [](std::string_view stream) {
    ResponsesStreamDecoder decoder;
    std::vector<ChatDelta> steps;
    auto const read = decoder.decode(stream, true, steps);
    EXPECT_FALSE(read) << stream;
    return read ? Error(Errc::internal) : read.error();
  };
  auto const flat =
      fault(event(R"({"type":"error","code":"rate_limit_exceeded","message":"m","param":null})"));
  EXPECT_EQ(flat.code(), Errc::rate_limited);
  EXPECT_EQ(flat.upstream_message(), "m");
  EXPECT_EQ(fault(event(R"({"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota",
      "message":"m"}})"))
                .code(),
            Errc::quota_exceeded);
  EXPECT_EQ(
      fault(event(R"({"type":"response.failed","response":{"status":"failed","error":{"code":"server_error",
      "message":"m"}}})"))
          .code(),
      Errc::upstream_failed);
  EXPECT_EQ(fault("data: {\"type\":\n\n").code(), Errc::malformed_reply);
}

TEST(ResponsesReply, WritesAStreamThatStrictClientsAccept) {
  auto usage = step({}, FinishReason::tool_calls);
  usage.usage.emplace().set(UsageClass::input, 10);
  usage.usage->set(UsageClass::cache_read, 4);
  usage.usage->set(UsageClass::output, 3);
  usage.usage->set(UsageClass::reasoning, 2);
  PieceDelta cited = said(PartKind::text, "");
  cited.citations.push_back({"https://x", "X", "quote", 0, 2, Dialect::anthropic, {}});
  auto const out = stream_of(
      {step({said(PartKind::reasoning, "th")}), step({said(PartKind::reasoning, "ink")}),
       step({proof(PartKind::reasoning, {Dialect::anthropic, "S"})}), step({said(PartKind::text, "Hel")}),
       step({said(PartKind::text, "lo"), cited}), step({said(PartKind::text, "again", true)}),
       step({said(PartKind::refusal, "no")}), step({call(0, "c0", "f", "")}), step({call(1, "c1", "g", "{")}),
       step({call(0, "", "", "{}")}), step({call(1, "", "", "}")}), usage});
  auto const response = check_responses_stream(out);
  EXPECT_EQ(response.at("id"), "resp_abc");
  EXPECT_EQ(response.at("status"), "completed");
  EXPECT_EQ(response.at("usage"),
            json::parse(R"({"input_tokens":14,"input_tokens_details":{"cached_tokens":4},
      "output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":19})"));
  EXPECT_EQ(response.at("output"), json::parse(R"([
    {"id":"rs_abc_0","type":"reasoning","summary":[{"type":"summary_text","text":"think"}],
     "encrypted_content":"lw1.anthropic.S"},
    {"id":"msg_abc_1","type":"message","status":"completed","role":"assistant","content":[
      {"type":"output_text","text":"Hello","annotations":[{"type":"url_citation","url":"https://x","title":"X",
       "start_index":0,"end_index":2}],"logprobs":[]},
      {"type":"output_text","text":"again","annotations":[],"logprobs":[]},
      {"type":"refusal","refusal":"no"}]},
    {"id":"fc_abc_2","type":"function_call","status":"completed","call_id":"c0","name":"f","arguments":"{}"},
    {"id":"fc_abc_3","type":"function_call","status":"completed","call_id":"c1","name":"g","arguments":"{}"}])"));
}

TEST(ResponsesReply, WritesAnEmptyAnswer) {
  auto const response = check_responses_stream(stream_of({}));
  EXPECT_TRUE(response.at("output").as_array().empty());
  EXPECT_TRUE(response.at("usage").is_null());
}

TEST(ResponsesReply, TellsWhyAnAnswerIsIncomplete) {
  auto const response =
      check_responses_stream(stream_of({step({said(PartKind::text, "x")}, FinishReason::length)}));
  EXPECT_EQ(response.at("status"), "incomplete");
  EXPECT_EQ(response.at("incomplete_details"), json::parse(R"({"reason":"max_output_tokens"})"));
  EXPECT_EQ(response.at("output").at(0).at("status"), "incomplete");
}

TEST(ResponsesReply, TurnsAFunctionCallBackIntoAFreeFormCall) {
  constexpr std::string_view request =
      R"({"model":"m","input":"x","tools":[{"type":"custom","name":"sql"},{"type":"function","name":"f"}]})";
  auto const out =
      stream_of({step({call(0, "c", "sql", "{\"inp")}), step({call(0, "", "", "ut\":\"SELECT\\n1\"}")}),
                 step({call(1, "d", "f", "{\"input\":\"x\"}")}), step({call(2, "e", "sql", "free")})},
                request);
  auto const response = check_responses_stream(out);
  auto const& output = response.at("output").as_array();
  EXPECT_EQ(output[0], json::parse(R"({"id":"ctc_abc_0","type":"custom_tool_call","status":"completed",
      "call_id":"c","name":"sql","input":"SELECT\n1"})"));
  EXPECT_EQ(output[1].at("arguments"), R"({"input":"x"})");
  EXPECT_EQ(output[2].at("input"), "free") << "what is not of that shape stays as it is";
  EXPECT_EQ(out.find("{\\\"inp\""), std::string::npos) << "nothing of the shape is told before";
}

TEST(ResponsesReply, RepeatsTheRequest) {
  constexpr std::string_view request =
      R"({"model":"x","input":"q","instructions":"be","tools":[{"type":"function","name":"f"}],"temperature":0.5,)"
      R"("metadata":{"a":"b"},"tool_choice":"required","top_p":null,"store":true,"text":{"verbosity":"low"}})";
  auto const response = check_responses_stream(stream_of({step({said(PartKind::text, "x")})}, request));
  EXPECT_EQ(response.at("instructions"), "be");
  EXPECT_EQ(response.at("tools"), json::parse(R"([{"type":"function","name":"f"}])"));
  EXPECT_EQ(response.at("temperature"), 0.5);
  EXPECT_EQ(response.at("tool_choice"), "required");
  EXPECT_EQ(response.at("top_p"), 1.0);
  EXPECT_EQ(response.at("metadata"), json::parse(R"({"a":"b"})"));
  EXPECT_EQ(response.at("store"), false) << "nothing is kept here";
  ReplyContext keeping = context(request);
  keeping.stores = true;
  auto const kept = encode_responses_reply(step({said(PartKind::text, "x")}), keeping);
  EXPECT_EQ(json::parse(kept).at("store"), true);
}

TEST(ResponsesReply, WritesOneLineHoweverTheRequestWasWritten) {
  PieceDelta other;
  other.kind = PartKind::other;
  other.raw.text = "{\n  \"type\": \"web_search_call\",\r\n  \"id\": \"w\"\n}";
  auto own = step({other});
  own.dialect = Dialect::openai_responses;
  auto const response = check_responses_stream(
      stream_of({own}, "{\n  \"model\": \"m\",\n  \"tools\": [\n    {\"type\": \"web_search\"}\n  ]\n}"));
  EXPECT_EQ(response.at("tools"), json::parse(R"([{"type":"web_search"}])"));
  EXPECT_EQ(response.at("output").at(0).at("id"), "w");
}

TEST(ResponsesReply, CarriesGeminisSignaturesBeforeTheCallAndBehindTheText) {
  auto const out =
      stream_of({step({said(PartKind::text, "x")}), step({proof(PartKind::text, {Dialect::gemini, "T"})}),
                 step({call(0, "c", "f", "{}"), proof(PartKind::tool_call, {Dialect::gemini, "C"}),
                       call(1, "d", "g", "{}")})});
  auto const response = check_responses_stream(out);
  auto const& output = response.at("output").as_array();
  ASSERT_EQ(output.size(), 5U);
  EXPECT_EQ(output[1].at("encrypted_content"), "lw1.gemini.T");
  EXPECT_EQ(output[2].at("encrypted_content"), "lw1.gemini.C");
  auto const request =
      continue_request(R"({"model":"m","input":"next"})", items_after("", "{}", json::serialize(response)));
  auto const back = decode_responses(request);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->messages[0].content.size(), 3U);
  EXPECT_EQ(back->messages[0].content[0].signature, (Signature{Dialect::gemini, "T"}));
  EXPECT_EQ(back->messages[0].content[1].signature, (Signature{Dialect::gemini, "C"}));
  EXPECT_TRUE(back->messages[0].content[2].signature.empty());
}

TEST(ResponsesReply, TellsRedactedReasoningFromReasoningThatShowsNothing) {
  auto const out = stream_of({step({proof(PartKind::reasoning, {Dialect::anthropic, "a"}, true)}),
                              step({proof(PartKind::reasoning, {Dialect::anthropic, "b"}, false)})});
  auto const response = check_responses_stream(out);
  auto const back =
      decode_responses(continue_request("{}", items_after("", "{}", json::serialize(response))));
  ASSERT_TRUE(back);
  auto const& parts = back->messages[0].content;
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_TRUE(parts[0].redacted);
  EXPECT_FALSE(parts[1].redacted);
  EXPECT_EQ(parts[1].signature.value, "b");
}

TEST(ResponsesReply, WritesLogProbabilitiesOnce) {
  auto one = step({said(PartKind::text, "a")});
  one.choices[0].logprobs.text = R"({"content":[{"token":"a","logprob":-0.5}]})";
  auto two = step({said(PartKind::text, "b")});
  two.choices[0].logprobs.text = R"({"content":[{"token":"b","logprob":-1}]})";
  auto const out = stream_of({one, two});
  auto const response = check_responses_stream(out);
  EXPECT_EQ(response.at("output").at(0).at("content").at(0).at("logprobs").as_array().size(), 2U);
  auto const again = decoded(out);
  std::string all;
  for (auto const& step : again) all += step.choices[0].logprobs.text;
  EXPECT_EQ(all, one.choices[0].logprobs.text + two.choices[0].logprobs.text);
}

TEST(ResponsesReply, TellsAnImageAsThatOfTheImageTool) {
  PieceDelta image;
  image.kind = PartKind::image;
  image.data = "data:image/png;base64,aWJt";
  image.media_type = "image/png";
  auto const response = check_responses_stream(stream_of({step({said(PartKind::text, "x"), image})}));
  EXPECT_EQ(response.at("output").at(1).at("result"), "aWJt");
}

TEST(ResponsesReply, LeavesOutWhatIsAnotherDialectsOwn) {
  PieceDelta other;
  other.kind = PartKind::other;
  other.raw.text = R"({"type":"web_search_call","id":"w"})";
  auto foreign = step({other});
  EXPECT_TRUE(check_responses_stream(stream_of({foreign})).at("output").as_array().empty());
  foreign.dialect = Dialect::openai_responses;
  EXPECT_EQ(check_responses_stream(stream_of({foreign})).at("output").as_array().size(), 1U);
}

TEST(ResponsesReply, EndsABrokenStreamWithTheErrorThatSdksRaise) {
  ResponsesReplyWriter writer(context());
  std::string out;
  writer.write(step({said(PartKind::text, "x"), call(0, "c", "f", "{")}), out);
  writer.fail(Error(Errc::connection_lost, "the provider closed", Origin::upstream), out);
  auto const events = lowart::testing::events_of(out, true);
  auto const& failed = events[events.size() - 2];
  EXPECT_EQ(failed.at("type"), "response.failed");
  EXPECT_EQ(failed.at("response").at("status"), "failed");
  EXPECT_EQ(failed.at("response").at("error").at("code"), "upstream_connection_lost");
  EXPECT_EQ(failed.at("response").at("output").as_array().size(), 2U);
  auto const& error = events.back();
  EXPECT_EQ(error.at("type"), "error");
  EXPECT_EQ(error.at("code"), "upstream_connection_lost");
  EXPECT_EQ(error.at("message"), "the provider closed");
  EXPECT_TRUE(error.at("param").is_null());
  EXPECT_EQ(error.at("error").at("type"), "server_error");
  EXPECT_EQ(error.at("sequence_number").as_int64(), static_cast<std::int64_t>(events.size()) - 1);
  check_responses_stream(out);
}

TEST(ResponsesReply, SaysWholeWhatItSaysStreamed) {
  auto const steps =
      decoded(golden("stream_everything.txt").substr(0, golden("stream_everything.txt").find("----\n")));
  auto const streamed = check_responses_stream(stream_of(steps));
  auto const whole = decode_responses_reply(json::serialize(streamed));
  ASSERT_TRUE(whole);
  auto again = json::parse(encode_responses_reply(*whole, context())).as_object();
  EXPECT_EQ(again.at("output"), streamed.at("output"));
  EXPECT_EQ(again.at("usage"), streamed.at("usage"));
  EXPECT_EQ(again.at("status"), streamed.at("status"));
}

TEST(ResponsesContinuation, PutsWhatWasSaidBeforeInFrontOfTheInput) {
  auto const items = items_after("", R"({"input":"hi","model":"m"})",
                                 R"({"output":[{"type":"message","role":"assistant","content":[]}]})");
  auto const more =
      items_after(items, R"({"input":[ {"role":"user","content":"more"} ]})", R"({"output":[ ]})");
  auto const body =
      continue_request(R"({"model":"m","previous_response_id":"r","input":"go","x":[1,2]})", more);
  EXPECT_EQ(json::parse(body), json::parse(R"({"model":"m","x":[1,2],"input":[
    {"type":"message","role":"user","content":"hi"},{"type":"message","role":"assistant","content":[]},
    {"role":"user","content":"more"},{"type":"message","role":"user","content":"go"}]})"));
  EXPECT_EQ(json::parse(continue_request(R"({"previous_response_id":"r"})", "")),
            json::parse(R"({"input":[]})"));
}

}  // namespace
}  // namespace lowart::responses_reply_test
