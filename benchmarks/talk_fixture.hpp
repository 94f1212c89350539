#pragma once
/// Two conversations as gateways see them, made up to size: prose, and the dense transcript of a coding agent.

#include <lowart/model/chat_delta.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::bench {

inline void say(Conversation& c, Role role, std::string text) {
  Message& message = c.messages.emplace_back();
  message.role = role;
  message.content.emplace_back().text = std::move(text);
}

/// Sentences of `words` words, with a quotation or a line end now and then.
inline std::string sentences(std::size_t words, std::size_t seed) {
  constexpr std::array<std::string_view, 16> vocabulary{
      "river", "carries", "the", "old",  "letters", "under",    "a",  "bridge",
      "while", "nobody",  "in",  "town", "counts",  "lanterns", "or", "winters"};
  std::string text;
  for (std::size_t i = 0; i < words; ++i) {
    std::string_view const word = vocabulary[(seed * 7 + i * i + i / 3) % vocabulary.size()];
    if (i % 23 == 22) text.append("\"").append(word).append("\"");
    else text.append(word);
    text.append(i % 60 == 59 ? ".\n\n" : i % 12 == 11 ? ". " : " ");
  }
  return text;
}

/// `turns` long questions and answers.
inline Conversation prose_talk(std::size_t turns) {
  Conversation c;
  c.system_is_apart = true;
  c.max_tokens = 4096;
  c.temperature = 0.5;
  c.stream = true;
  c.include_usage = true;
  say(c, Role::system, sentences(60, 1));
  for (std::size_t i = 0; i < turns; ++i) {
    say(c, Role::user, sentences(80, i));
    say(c, Role::assistant, sentences(240, i + 3));
  }
  say(c, Role::user, sentences(40, turns));
  return c;
}

inline Tool agent_tool(std::string_view name, std::size_t properties) {
  constexpr std::array<std::string_view, 5> names{"path", "pattern", "limit", "recursive", "mode"};
  constexpr std::array<std::string_view, 5> types{"string", "string", "integer", "boolean", "string"};
  Tool tool;
  tool.name = name;
  tool.description =
      "Works on files of the project: " + std::string(name) + ". Paths are relative to its root.";
  std::string& schema = tool.parameters.text;
  schema = R"({"type":"object","properties":{)";
  for (std::size_t i = 0; i < properties; ++i) {
    schema.append(i == 0 ? "\"" : ",\"").append(names[i]).append(R"(":{"type":")").append(types[i]);
    schema.append(R"(","description":"What )").append(names[i]).append(R"( says"})");
  }
  schema += R"(},"required":["path"]})";
  return tool;
}

/// `turns` short steps: a remark, one or two calls of tools, their results.
inline Conversation agent_talk(std::size_t turns) {
  constexpr std::array<std::string_view, 8> tools{"read_file", "write_file", "list_folder", "search_text",
                                                  "run_tests", "apply_edit", "show_diff",   "move_file"};
  Conversation c = prose_talk(0);
  c.tool_choice.kind = ToolChoiceKind::automatic;
  for (std::size_t i = 0; i < tools.size(); ++i) c.tools.push_back(agent_tool(tools[i], 2 + i % 4));
  std::size_t calls = 0;
  for (std::size_t i = 0; i < turns; ++i) {
    say(c, Role::assistant, "Now I look at step " + std::to_string(i) + ".");
    std::size_t const at_once = i % 4 == 3 ? 2 : 1;
    for (std::size_t k = 0; k < at_once; ++k) {
      ContentPart& part = c.messages.back().content.emplace_back();
      part.kind = PartKind::tool_call;
      part.call.id = "call_" + std::to_string(100'000 + calls + k);
      part.call.name = tools[(i + k) % tools.size()];
      part.call.arguments = R"({"path":"src/part_)" + std::to_string(i) + R"(.cpp","limit":)" +
                            std::to_string(20 + i) + R"(,"recursive":false})";
    }
    for (std::size_t k = 0; k < at_once; ++k) {
      say(c, Role::tool,
          "src/part_" + std::to_string(i) + ".cpp:12:  return \"" + sentences(6, i) + "\";\nsrc/part_" +
              std::to_string(i) + ".cpp:19:  next();\n");
      c.messages.back().tool_call_id = "call_" + std::to_string(100'000 + calls + k);
      c.messages.back().name = tools[(i + k) % tools.size()];
    }
    calls += at_once;
  }
  return c;
}

/// One streamed answer: words, then a call whose arguments come in pieces, then usage.
inline std::vector<ChatDelta> answer_steps(std::size_t words, std::size_t pieces) {
  std::vector<ChatDelta> steps;
  auto const next = [&]() -> ChoiceDelta& {
    ChatDelta& step = steps.emplace_back();
    step.id = "chatcmpl-bench";
    step.model = "bench-model";
    step.created = 1'767'225'600;
    return step.choices.emplace_back();
  };
  next().role = Role::assistant;
  for (std::size_t i = 0; i < words; ++i) next().say(PartKind::text, i % 20 == 19 ? " end.\n" : " lantern");
  for (std::size_t i = 0; i < pieces; ++i) {
    PieceDelta& piece = next().pieces.emplace_back();
    piece.kind = PartKind::tool_call;
    if (i == 0) piece.call.id = "call_100000", piece.call.name = "write_file";
    piece.call.arguments = i == 0 ? R"({"path":")" : i + 1 == pieces ? R"(.cpp"})" : "part_of";
  }
  next().finish = FinishReason::tool_calls;
  Usage usage;
  usage.set(UsageClass::input, 4000);
  usage.set(UsageClass::output, static_cast<std::int64_t>(words + pieces));
  steps.back().usage = usage;
  return steps;
}

/// The same, as one step.
inline ChatDelta whole_answer(std::size_t words) {
  ChatDelta whole = answer_steps(0, 0).back();
  ChoiceDelta& choice = whole.choices.front();
  choice.role = Role::assistant;
  choice.say(PartKind::text, sentences(words, 5));
  PieceDelta& piece = choice.pieces.emplace_back();
  piece.kind = PartKind::tool_call;
  piece.call = {"call_100000", "write_file", R"({"path":"part.cpp"})"};
  return whole;
}

}  // namespace lowart::bench
