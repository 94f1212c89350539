#pragma once
/// Replies of Gemini as text, for comparisons in tests.

#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/chat_delta.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::testing::gemini {

inline std::string_view finish_word(FinishReason reason) {
  constexpr std::array<std::string_view, 6> words{"none",       "stop",           "length",
                                                  "tool_calls", "content_filter", "other"};
  return words[static_cast<std::size_t>(reason)];
}

inline std::string usage_words(Usage const& usage) {
  std::string words;
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    if (auto const n = usage.get(c))
      words.append(words.empty() ? "" : " ").append(to_string(c)).append("=").append(std::to_string(*n));
  }
  return words;
}

/// Everything a reader found.
inline std::string findings(dialect::GeminiReader const& reader, Result<void> const& result,
                            ReplyProgress const& progress) {
  auto const flag = [](bool yes) { return yes ? "true\n" : "false\n"; };
  std::string out = "committed: ";
  out.append(flag(reader.committed())).append("may_end: ").append(flag(reader.may_end()));
  out.append("events: ").append(std::to_string(progress.events));
  out.append("\nfinish: ").append(finish_word(progress.finish)).append("\ntext: ");
  dialect::append_json_string(out, progress.text);
  out.append("\nusage: ").append(usage_words(progress.usage)).append("\n");
  if (!result) {
    out.append("error: ").append(to_string(result.error().code())).append(" ");
    out.append(std::to_string(result.error().upstream_status())).append(" ");
    out.append(result.error().upstream_message()).append("\n");
  }
  return out;
}

/// What steps say, put together; citations, signatures and calls in their order.
struct Said {
  struct Call {
    std::string id, name, arguments, signature;
    friend bool operator==(Call const&, Call const&) = default;
  };
  struct Choice {
    std::string text, reasoning;
    std::vector<std::string> signatures;  ///< Of text and reasoning.
    std::vector<std::string> others;
    std::vector<std::string> media;
    std::vector<Citation> citations;
    std::map<std::int64_t, Call> calls;
    FinishReason finish{FinishReason::none};
    std::string finish_text;
    friend bool operator==(Choice const&, Choice const&) = default;
  };
  std::map<std::int64_t, Choice> choices;
  Usage usage;
  std::string id, model;
  friend bool operator==(Said const&, Said const&) = default;
};

inline Said said_by(std::vector<ChatDelta> const& steps) {
  Said said;
  for (ChatDelta const& step : steps) {
    if (step.usage) said.usage = *step.usage;
    if (said.id.empty()) said.id = step.id;
    if (said.model.empty()) said.model = step.model;
    for (ChoiceDelta const& from : step.choices) {
      Said::Choice& to = said.choices[from.index];
      if (from.finish != FinishReason::none) to.finish = from.finish, to.finish_text = from.finish_text;
      for (PieceDelta const& piece : from.pieces) {
        to.citations.insert(to.citations.end(), piece.citations.begin(), piece.citations.end());
        if (piece.kind == PartKind::text) to.text += piece.text;
        if (piece.kind == PartKind::reasoning) to.reasoning += piece.text;
        if (piece.kind == PartKind::other) to.others.push_back(piece.raw.text);
        if (!piece.data.empty()) to.media.push_back(piece.data);
        if (piece.kind != PartKind::tool_call) {
          if (!piece.signature.empty()) to.signatures.push_back(piece.signature.value);
          continue;
        }
        Said::Call& call = to.calls[piece.index];
        call.id += piece.call.id;
        call.name += piece.call.name;
        call.arguments += piece.call.arguments;
        call.signature += piece.signature.value;
      }
    }
  }
  return said;
}

}  // namespace lowart::testing::gemini
