#pragma once
/// The demo provider's English.

#include <lowart/dialect/json_text.hpp>
#include <lowart/provider/demo_prompt.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::demo {

inline std::string hex(std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4U) text[i] = digits[value & 15U];
  return text;
}

/// How many of the words of `about` that have four letters or more stand in `low` (in lower case).
inline std::size_t shared_words(std::string_view low, std::string_view about) {
  std::size_t count = 0;
  std::string word;
  auto const close = [&] {
    if (word.size() >= 4 && low.find(word) != std::string_view::npos) ++count;
    word.clear();
  };
  for (char const c : about) {
    auto const u = static_cast<unsigned char>(c);
    if (std::isalnum(u) != 0) word.push_back(static_cast<char>(std::tolower(u)));
    else close();
  }
  close();
  return count;
}

/// For an output format of any JSON object.
inline std::string json_answer(std::string_view topic) {
  std::string text = R"({"topic":)";
  dialect::append_json_string(text, topic);
  return text +
         R"(,"answer":"This is the demo provider of Lowart, and this is a JSON object.","confidence":0.9})";
}

/// A few paragraphs of any length: `turn` says with which one to begin.
inline std::string_view paragraph(std::uint64_t turn) noexcept {
  constexpr std::array<std::string_view, 5> paragraphs{
      "Lowart is a gateway between your programs and the language models they use. Your request came in at "
      "one "
      "door, was checked against the limits of its key, and was routed to a provider. Today that provider is "
      "the "
      "built-in demo, so nothing left this machine and nothing was billed.",
      "Behind one address a gateway can hold several providers. When one is slow, full or down, the next in "
      "the "
      "chain takes over before a single word has reached you, and a breaker gives the failing one a rest.",
      "Every call leaves one usage record: how many tokens went in, how many came out, what they cost and "
      "how long "
      "the first one took. The record is kept before the last word is sent, so the bill and the answer "
      "agree.",
      "To see a real model answer in my place, give the server an API key or the base URL of any server that "
      "speaks the OpenAI protocol. Your programs stay as they are; only the name of the model changes.",
      "You can also watch things go wrong on purpose. Ask for the model demo-flaky to see a retry at work, "
      "for "
      "demo-429 to see a limit, for demo-stall to see a timeout, or for demo-cut to see a stream break off."};
  return paragraphs[turn % paragraphs.size()];
}

/// Exactly `words` words.
inline std::string words(std::int64_t count, std::uint64_t turn) {
  std::string text;
  while (count > 0) {
    std::string_view rest = paragraph(turn++);
    while (count > 0 && !rest.empty()) {
      std::size_t const end = std::min(rest.find(' '), rest.size());
      if (!text.empty()) text.push_back(' ');
      text.append(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      --count;
    }
  }
  return text;
}

/// What is said after tools have answered: their results, in short.
inline std::string text_about_results(Conversation const& conversation, std::string_view topic) {
  std::string results;
  auto const& all = conversation.messages;
  auto first = all.end();
  while (first != all.begin() && std::prev(first)->role == Role::tool) --first;
  for (; first != all.end(); ++first) {
    constexpr std::int64_t most_pieces = 200;
    if (!results.empty()) results += "; and ";
    std::string const text = first->text();
    results += first_pieces(trimmed(text), most_pieces);
  }
  std::string answer = "Here is what the tool returned: ";
  answer.append(results.empty() ? "nothing" : results).append(".");
  if (!topic.empty()) answer.append(" That should answer your question about \"").append(topic).append("\".");
  return answer;
}

/// The answer in words.
inline std::string text_answer(Conversation const& conversation, std::string_view prompt,
                               std::string_view topic, Dice& dice) {
  if (!conversation.messages.empty() && conversation.messages.back().role == Role::tool)
    return text_about_results(conversation, topic);
  if (auto said = words_to_say(prompt)) return *std::move(said);
  if (auto counted = counting(prompt)) return *std::move(counted);
  std::uint64_t const turn = dice();
  constexpr std::int64_t most_words = 20'000;
  auto const wanted = number_after(lowered(prompt), "write ");
  if (wanted && *wanted > 0 && prompt.find(" words") != std::string_view::npos)
    return words(std::min(*wanted, most_words), turn);
  constexpr std::array<std::string_view, 3> openings{"You asked about \"", "A good question: \"",
                                                     "Let us look at \""};
  std::string text = "Hello! ";
  if (!topic.empty()) text.assign(openings[dice() % openings.size()]).append(topic).append("\". ");
  if (Message const* const user = last_user_message(conversation))
    for (ContentPart const& part : user->content)
      if (part.kind != PartKind::text) {
        text += "I see that you attached something, though a demo cannot look inside. ";
        break;
      }
  text.append("I am a demo without a model behind me, but I can tell you where your words went. ");
  return text.append(paragraph(turn)).append("\n\n").append(paragraph(turn + 1));
}

}  // namespace lowart::demo
