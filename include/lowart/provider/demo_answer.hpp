#pragma once
/// What the demo provider answers: words, JSON that fits a schema, or calls of the tools that were offered.

#include <lowart/dialect/json_sample.hpp>
#include <lowart/model/chat_delta.hpp>
#include <lowart/provider/demo_prompt.hpp>
#include <lowart/provider/demo_text.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::demo {

/// A model's own limit; longer answers finish with "length".
inline constexpr std::int64_t output_limit = 16'384;

/// One choice of an answer.
struct Answer {
  std::string text;
  std::vector<ToolCall> tool_calls;
  FinishReason finish{FinishReason::stop};
};

/// The tools the answer calls: the one that is named or required, those whose names the user says, or the one
/// whose words fit best. None after a tool's result, and none when the user asks for words.
inline std::vector<Tool const*> tools_to_call(Conversation const& conversation, std::string_view prompt) {
  std::vector<Tool const*> callable;
  constexpr std::size_t most_tools = 128;  // as OpenAI's
  for (Tool const& tool : conversation.tools)
    if (!tool.name.empty() && callable.size() < most_tools) callable.push_back(&tool);
  ToolChoice const& choice = conversation.tool_choice;
  if (callable.empty() || choice.kind == ToolChoiceKind::none) return {};
  if (choice.kind == ToolChoiceKind::named) {
    std::erase_if(callable, [&](Tool const* tool) { return tool->name != choice.name; });
    return callable;
  }
  bool const required = choice.kind == ToolChoiceKind::required;
  bool const answers_tool = !conversation.messages.empty() && conversation.messages.back().role == Role::tool;
  if (!required && (answers_tool || words_to_say(prompt) || counting(prompt))) return {};
  constexpr std::size_t telling = 2'000;  // bytes of prompt and description that are compared
  std::string const low = lowered(prompt.substr(0, telling));
  std::vector<std::pair<std::size_t, Tool const*>> named;
  Tool const* best = callable.front();
  std::size_t best_score = 0;
  for (Tool const* tool : callable) {
    if (auto const at = low.find(lowered(tool->name)); at != std::string::npos) named.emplace_back(at, tool);
    std::size_t const score = 2 * shared_words(low, tool->name) +
                              shared_words(low, std::string_view(tool->description).substr(0, telling));
    if (score > best_score) best = tool;
    best_score = std::max(best_score, score);
  }
  if (named.empty()) return {best};
  std::sort(named.begin(), named.end());
  bool const one_only = conversation.parallel_tool_calls == false;
  constexpr std::size_t most_at_once = 16;
  std::vector<Tool const*> chosen;
  for (auto const& [at, tool] : named)
    if (chosen.size() < (one_only ? 1U : most_at_once)) chosen.push_back(tool);
  return chosen;
}

/// Cuts at the first stop sequence, which is not part of the answer.
inline void apply_stop(Answer& answer, std::vector<std::string> const& stop) {
  for (std::string const& word : stop)
    if (!word.empty()) answer.text.resize(std::min(answer.text.find(word), answer.text.size()));
}

/// Cuts to `most` pieces, arguments of tools included.
inline void apply_limit(Answer& answer, std::int64_t most) {
  auto const cut = [&](std::string& text) {
    std::size_t const kept = first_pieces(text, most).size();
    most -= count_pieces(text);
    if (kept < text.size()) answer.finish = FinishReason::length;
    text.resize(kept);
  };
  cut(answer.text);
  for (ToolCall& call : answer.tool_calls) {
    most -= count_pieces(call.name);
    cut(call.arguments);
  }
}

inline std::int64_t count_output(Answer const& answer) {
  std::int64_t tokens = count_pieces(answer.text);
  for (ToolCall const& call : answer.tool_calls)
    tokens += count_pieces(call.name) + count_pieces(call.arguments);
  return tokens;
}

/// The answers to a conversation, `choices` of them; the same for the same seed.
inline std::vector<Answer> answers_to(Conversation const& conversation, std::int64_t choices,
                                      std::uint64_t seed) {
  constexpr std::size_t most_read = 256U << 10U;
  Message const* const user = last_user_message(conversation);
  std::string const prompt = user != nullptr ? user->text().substr(0, most_read) : std::string();
  std::string const topic = topic_of(prompt);
  std::string const place = place_of(prompt);
  dialect::JsonSampleHints hints;
  hints.topic = topic;
  hints.place = place;
  OutputFormat const& format = conversation.output_format;
  bool const in_words = format.kind != OutputKind::json_schema && format.kind != OutputKind::json_object;

  Answer common;
  for (Tool const* tool : tools_to_call(conversation, prompt)) {
    ToolCall& call = common.tool_calls.emplace_back();
    call.name = tool->name;
    call.arguments = dialect::sample_of_schema(tool->parameters.text, seed, hints);
  }
  bool const calls = !common.tool_calls.empty();
  if (calls) common.finish = FinishReason::tool_calls;
  else if (format.kind == OutputKind::json_schema)
    common.text = dialect::sample_of_schema(format.schema.text, seed, hints);
  else if (format.kind == OutputKind::json_object) common.text = json_answer(topic);

  std::vector<Answer> answers;
  for (std::int64_t i = 0; i < choices; ++i) {
    Dice dice(seed + static_cast<std::uint64_t>(i));
    Answer& answer = answers.emplace_back(common);
    for (ToolCall& call : answer.tool_calls) call.id = "call_" + hex(dice()) + hex(dice()).substr(0, 8);
    if (!calls && in_words) answer.text = text_answer(conversation, prompt, topic, dice);
    apply_stop(answer, conversation.stop);
    apply_limit(answer,
                std::clamp<std::int64_t>(conversation.max_tokens.value_or(output_limit), 0, output_limit));
  }
  return answers;
}

}  // namespace lowart::demo
