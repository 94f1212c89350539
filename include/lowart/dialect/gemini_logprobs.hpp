#pragma once
/// Log probabilities: Gemini's logprobsResult in OpenAI's spelling, which the neutral language has, and back.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

namespace gemini_logprobs {

struct Token {
  std::string_view token;    ///< A JSON string.
  std::string_view logprob;  ///< A JSON number; empty when it is not told.
  std::string_view alternatives;
};

inline std::vector<Token> tokens_of(std::string_view list, std::string_view logprob_name) {
  std::vector<Token> tokens;
  scan_array(list, [&](JsonMember const& element) {
    Token token{"\"\"", {}, {}};
    scan_object(element.value, [&](JsonMember const& m) {
      if (m.key == "token" && m.kind == JsonKind::string) token.token = m.value;
      else if (m.key == logprob_name && m.kind == JsonKind::number) token.logprob = m.value;
      else if (m.key == "candidates" || m.key == "top_logprobs") token.alternatives = m.value;
    });
    tokens.push_back(token);
  });
  return tokens;
}

inline std::string_view list_of(std::string_view object, std::string_view name) {
  auto const list = find_member(object, name);
  return list && list->kind == JsonKind::array ? list->value : std::string_view("[]");
}

}  // namespace gemini_logprobs

/// {"content":[{"token","logprob","bytes":null,"top_logprobs":[...]}]}. What is neither valid nor complete is left out.
inline std::string from_gemini_logprobs(std::string_view result) {
  using namespace gemini_logprobs;
  auto const chosen = tokens_of(list_of(result, "chosenCandidates"), "logProbability");
  auto const tops = tokens_of(list_of(result, "topCandidates"), "logProbability");
  auto const write = [](JsonWriter& w, Token const& token) {
    w.begin_object()
        .raw("token", token.token)
        .raw("logprob", token.logprob.empty() ? "0" : token.logprob)
        .null("bytes");
  };
  std::string out;
  JsonWriter w(out);
  w.begin_object().begin_list("content");
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    write(w, chosen[i]);
    w.begin_list("top_logprobs");
    if (i < tops.size())
      for (Token const& other : tokens_of(tops[i].alternatives, "logProbability"))
        write(w, other), w.end_object();
    w.end_list().end_object();
  }
  w.end_list().end_object();
  return out;
}

/// {"topCandidates":[{"candidates":[...]}],"chosenCandidates":[{"token","logProbability"}]}.
inline std::string to_gemini_logprobs(std::string_view openai) {
  using namespace gemini_logprobs;
  auto const tokens = tokens_of(list_of(openai, "content"), "logprob");
  auto const write = [](JsonWriter& w, Token const& token) {
    w.begin_object().raw("token", token.token);
    if (!token.logprob.empty()) w.raw("logProbability", token.logprob);
    w.end_object();
  };
  std::string out;
  JsonWriter w(out);
  w.begin_object().begin_list("topCandidates");
  for (Token const& token : tokens) {
    w.begin_object().begin_list("candidates");
    for (Token const& other : tokens_of(token.alternatives.empty() ? "[]" : token.alternatives, "logprob"))
      write(w, other);
    w.end_list().end_object();
  }
  w.end_list().begin_list("chosenCandidates");
  for (Token const& token : tokens) write(w, token);
  w.end_list().end_object();
  return out;
}

}  // namespace lowart::dialect
