// Every dialect to every other: requests, whole answers and streams.

#include "dialects.hpp"
#include "gist.hpp"
#include "recordings.hpp"

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/feature.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::pairs_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using namespace lowart::testing;

using Pair = std::pair<DialectRow const*, DialectRow const*>;

class Translation : public ::testing::TestWithParam<Pair> {
 protected:
  DialectRow const& from() const { return *GetParam().first; }
  DialectRow const& to() const { return *GetParam().second; }
  /// The gist of an answer without what one of the two has no word for.
  std::vector<std::string> gist(ChatDelta const& whole) const {
    auto lines = gist_of(whole);
    bool const both = from().tells_cached && to().tells_cached;
    if (!both) std::erase_if(lines, [](std::string const& line) { return line.starts_with("cached "); });
    return lines;
  }
};

std::vector<Pair> all_pairs() {
  std::vector<Pair> pairs;
  for (DialectRow const& from : dialect_rows())
    for (DialectRow const& to : dialect_rows()) pairs.emplace_back(&from, &to);
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(EveryPair, Translation, ::testing::ValuesIn(all_pairs()), [](auto const& info) {
  return std::string(to_string(info.param.first->dialect)) + "_to_" +
         std::string(to_string(info.param.second->dialect));
});

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool maybe() { return below(2) == 0; }
  std::string text() {
    constexpr std::array<std::string_view, 9> pieces{
        "a", "\"", "\\", "\n", "\t", "\xC3\xA9", "\xF0\x9F\x98\x80", "{", "/"};
    std::string out = "t";
    for (int n = below(8); n > 0; --n) out.append(pieces[static_cast<std::size_t>(below(9))]);
    return out;
  }

 private:
  std::mt19937 random_;
};

/// Conversations of what both dialects say in full.
class Talks {
 public:
  Talks(unsigned seed, DialectRow const& from, DialectRow const& to)
      : dice_(seed), from_(from.dialect), to_(to.dialect), chooses_(from.chooses_tools && to.chooses_tools) {}

  Conversation make() {
    Conversation c;
    if (dice_.maybe()) say(c, Role::system, dice_.text());
    c.system_is_apart = !c.messages.empty();
    for (int turns = 1 + dice_.below(3); turns > 0; --turns) turn(c);
    say(c, Role::user, dice_.text());
    if (can(Feature::image) && dice_.maybe())
      attach(c.messages.back(), PartKind::image, "data:image/png;base64,iVBORw0K");
    if (can(Feature::document) && dice_.maybe())
      attach(c.messages.back(), PartKind::file, "data:application/pdf;base64,JVBERi0x");
    for (int n = dice_.below(3); n > 0; --n) c.tools.push_back(tool(n));
    if (!c.tools.empty() && chooses_) choose(c);
    if (can(Feature::json_schema) && dice_.maybe()) {
      c.output_format.kind = OutputKind::json_schema;
      c.output_format.name = "shape";
      c.output_format.schema.text =
          R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})";
    }
    c.max_tokens = 100 + dice_.below(1000);
    if (can(Feature::temperature) && dice_.maybe()) c.temperature = dice_.below(5) / 4.0;
    if (can(Feature::top_p) && dice_.maybe()) c.top_p = 0.5;
    if (can(Feature::top_k) && dice_.maybe()) c.top_k = 40;
    if (can(Feature::seed) && dice_.maybe()) c.seed = dice_.below(1000);
    if (can(Feature::choices) && dice_.maybe()) c.n = 2;
    if (can(Feature::frequency_penalty) && dice_.maybe()) c.frequency_penalty = 0.25;
    if (can(Feature::presence_penalty) && dice_.maybe()) c.presence_penalty = -0.5;
    if (can(Feature::stop) && dice_.maybe()) c.stop = {"END", "##"};
    return c;
  }

 private:
  bool can(Feature feature) const {
    return row_of(feature).in(from_) != Fidelity::none && row_of(feature).in(to_) != Fidelity::none;
  }
  static void say(Conversation& c, Role role, std::string text) {
    Message& message = c.messages.emplace_back();
    message.role = role;
    message.content.emplace_back().text = std::move(text);
  }
  static void attach(Message& message, PartKind kind, std::string data) {
    message.content_is_parts = true;
    ContentPart& part = message.content.emplace_back();
    part.kind = kind;
    part.media.edit().data = std::move(data);
    if (kind == PartKind::file) part.media.edit().file_name = "paper.pdf";
  }
  void turn(Conversation& c) {
    say(c, Role::user, dice_.text());
    say(c, Role::assistant, dice_.text());
    int const calls = dice_.below(3);
    for (int i = 0; i < calls; ++i) {
      ContentPart& part = c.messages.back().content.emplace_back();
      part.kind = PartKind::tool_call;
      part.call.id = "call_" + std::to_string(++calls_);
      part.call.name = "tool_" + std::to_string(i);
      part.call.arguments = dice_.maybe() ? "{}" : R"({"q":"a \"b\"","n":[1,2.5,null]})";
    }
    for (int i = 0; i < calls; ++i) {
      say(c, Role::tool, dice_.maybe() ? dice_.text() : R"({"ok":true})");
      c.messages.back().tool_call_id = "call_" + std::to_string(calls_ - calls + 1 + i);
      c.messages.back().same_turn = i > 0;
      c.messages.back().name = "tool_" + std::to_string(i);
    }
    if (calls > 0) say(c, Role::assistant, dice_.text());
  }
  static Tool tool(int n) {
    Tool made;
    made.name = "tool_" + std::to_string(n);
    made.description = "Does \"" + std::to_string(n) + "\"";
    made.parameters.text =
        R"({"type":"object","properties":{"q":{"type":"string","enum":["a","b"]},"n":{"type":["integer","null"]}},)"
        R"("required":["q"]})";
    return made;
  }
  void choose(Conversation& c) {
    constexpr std::array kinds{ToolChoiceKind::automatic, ToolChoiceKind::none, ToolChoiceKind::required,
                               ToolChoiceKind::named};
    if (dice_.maybe()) c.tool_choice.kind = kinds[static_cast<std::size_t>(dice_.below(4))];
    if (c.tool_choice.kind == ToolChoiceKind::named) c.tool_choice.name = c.tools.front().name;
    if (can(Feature::one_call_at_a_time) && dice_.maybe()) c.parallel_tool_calls = false;
  }

  Dice dice_;
  Dialect from_;
  Dialect to_;
  bool chooses_;
  int calls_{0};
};

TEST_P(Translation, KeepsWhatBothDialectsSay) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Conversation const meant = Talks(seed, from(), to()).make();
    Losses losses;  // hints may go: the gist may not
    auto const asked = from().encode_request(meant, "a-model", losses);
    ASSERT_TRUE(asked) << seed << ": " << asked.error().message();
    auto const heard = from().decode_request(*asked);
    ASSERT_TRUE(heard) << seed << ": " << heard.error().message() << "\n" << *asked;
    ASSERT_EQ(gist_of(*heard), gist_of(meant)) << seed << "\n" << *asked;
    auto const sent = to().encode_request(*heard, "a-model", losses);
    ASSERT_TRUE(sent) << seed << ": " << sent.error().message() << "\n" << *asked;
    auto const understood = to().decode_request(*sent);
    ASSERT_TRUE(understood) << seed << ": " << understood.error().message() << "\n" << *sent;
    ASSERT_EQ(gist_of(*understood), gist_of(meant)) << seed << "\n" << *asked << "\n" << *sent;
  }
}

/// The steps of one answer, in random pieces: thought, text, two calls, one of them without arguments.
std::vector<ChatDelta> some_answer(Dice& dice) {
  std::vector<ChatDelta> steps;
  auto const step = [&]() -> ChoiceDelta& { return steps.emplace_back().choices.emplace_back(); };
  auto const pieces = [&](PartKind kind) {
    for (int n = dice.below(4); n > 0; --n) step().say(kind, dice.text());
  };
  step().role = Role::assistant;
  pieces(PartKind::reasoning);
  pieces(PartKind::text);
  int const calls = dice.below(3);
  for (int i = 0; i < calls; ++i) {
    for (std::string_view const arguments :
         {std::string_view(), std::string_view(R"({"a":)"), std::string_view("[1]}")}) {
      if (i == 1 && !arguments.empty()) break;
      PieceDelta& piece = step().pieces.emplace_back();
      piece.kind = PartKind::tool_call;
      piece.index = i;
      if (arguments.empty())
        piece.call = ToolCall{"call_" + std::to_string(i), "tool_" + std::to_string(i), ""};
      else piece.call.arguments = arguments;
    }
  }
  step().finish = calls > 0      ? FinishReason::tool_calls
                  : dice.maybe() ? FinishReason::stop
                                 : FinishReason::length;
  Usage& usage = steps.back().usage.emplace();
  usage.set(UsageClass::input, 20 + dice.below(100));
  usage.set(UsageClass::cache_read, dice.below(50));
  usage.set(UsageClass::output, 7);
  return steps;
}

ChatDelta gathered(std::vector<ChatDelta> const& steps) {
  CompletionBuilder builder;
  for (ChatDelta const& step : steps) builder.add(step);
  return std::move(builder).take();
}

ReplyContext named() {
  ReplyContext context;
  context.id = "0123456789abcdef";
  context.model = "a-model";
  context.created = 1'764'499'721;
  context.include_usage = true;
  return context;
}

std::string streamed(DialectRow const& row, std::vector<ChatDelta> const& steps) {
  auto const writer = row.writer(named());
  std::string out;
  for (ChatDelta const& step : steps) writer->write(step, out);
  writer->finish(out);
  return out;
}

std::vector<ChatDelta> decoded(DialectRow const& row, std::string_view stream, std::size_t cut) {
  auto const decoder = row.decoder();
  std::vector<ChatDelta> steps;
  cut = std::min(cut, stream.size());
  EXPECT_TRUE(decoder->decode(stream.substr(0, cut), false, steps));
  auto const rest = decoder->decode(stream.substr(cut), true, steps);
  EXPECT_TRUE(rest) << rest.error().message() << "\n" << stream;
  return steps;
}

TEST_P(Translation, KeepsWholeAnswers) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Dice dice(seed);
    ChatDelta const meant = gathered(some_answer(dice));
    std::string const said = from().encode_reply(meant, named());
    auto const heard = from().decode_reply(said);
    ASSERT_TRUE(heard) << heard.error().message() << "\n" << said;
    ASSERT_EQ(gist(gathered({*heard})), gist(meant)) << seed << "\n" << said;
    std::string const told = to().encode_reply(gathered({*heard}), named());
    auto const understood = to().decode_reply(told);
    ASSERT_TRUE(understood) << understood.error().message() << "\n" << told;
    ASSERT_EQ(gist(gathered({*understood})), gist(meant)) << seed << "\n" << said << "\n" << told;
  }
}

TEST_P(Translation, KeepsStreamsAtEverySplitPoint) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    Dice dice(seed);
    auto const steps = some_answer(dice);
    auto const meant = gist(gathered(steps));
    std::string const stream = streamed(from(), steps);
    for (std::size_t cut = 0; cut <= stream.size(); cut += 1 + stream.size() / 300) {
      auto const heard = decoded(from(), stream, cut);
      std::string const told = streamed(to(), heard);
      ASSERT_EQ(gist(gathered(decoded(to(), told, told.size() / 2))), meant)
          << "seed " << seed << " cut " << cut << "\n"
          << stream << "\n"
          << told;
    }
  }
}

/// The steps of a recorded answer; nothing when the recording is none.
std::vector<ChatDelta> steps_of(DialectRow const& row, boost::json::object const& recording) {
  auto const* const status = recording.if_contains("status");
  if (status == nullptr || !status->is_number() || status->to_number<int>() != 200) return {};
  std::string const text = text_in(recording, "text");
  if (text.empty()) return {};
  bool const is_stream = text.front() != '{' && text.front() != '[';
  if (!is_stream) {
    auto whole = row.decode_reply(text);
    return whole ? std::vector<ChatDelta>{*std::move(whole)} : std::vector<ChatDelta>{};
  }
  auto const decoder = row.decoder();
  std::vector<ChatDelta> steps;
  auto const done = decoder->decode(text, true, steps);
  return done ? steps : std::vector<ChatDelta>{};
}

/// What only one vendor knows has no place in another dialect.
void drop_vendor_parts(std::vector<ChatDelta>& steps) {
  for (ChatDelta& step : steps)
    for (ChoiceDelta& choice : step.choices)
      std::erase_if(choice.pieces, [](PieceDelta const& p) { return p.kind == PartKind::other; });
}

TEST_P(Translation, KeepsRecordedAnswers) {
  auto const recordings = recordings_of(from().recordings);
  if (recordings.empty()) GTEST_SKIP() << "no recordings here: LOWART_RECORDINGS names their directory";
  std::size_t compared = 0;
  for (auto const& recording : recordings) {
    auto steps = steps_of(from(), recording);
    if (steps.empty()) continue;
    drop_vendor_parts(steps);
    ChatDelta const whole = gathered(steps);
    if (whole.choices.empty()) continue;
    auto const meant = gist(whole);
    auto const told = to().decode_reply(to().encode_reply(whole, named()));
    ASSERT_TRUE(told) << told.error().message() << "\n" << text_in(recording, "text");
    ChatDelta answer = gathered({*told});
    // A dialect whose answers always tell their usage says zero where the provider said nothing.
    if (!whole.usage) answer.usage.reset();
    ASSERT_EQ(gist(answer), meant) << text_in(recording, "path") << "\n" << text_in(recording, "text");
    std::string const stream = streamed(to(), steps);
    answer = gathered(decoded(to(), stream, stream.size() / 3));
    if (!whole.usage) answer.usage.reset();
    ASSERT_EQ(gist(answer), meant) << text_in(recording, "path") << "\n"
                                   << text_in(recording, "text") << "\n"
                                   << stream;
    ++compared;
  }
  RecordProperty("compared", static_cast<int>(compared));
  EXPECT_GT(compared, 10U);
}

}  // namespace
}  // namespace lowart::pairs_test
