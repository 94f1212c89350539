#pragma once
/// What the demo provider understands of a conversation: topic, wishes, tool results, size.

#include <lowart/model/conversation.hpp>
#include <lowart/provider/demo_pieces.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::demo {

inline std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

inline std::string_view trimmed(std::string_view text) noexcept {
  std::size_t const begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// The first words of `text`, on one line, without the sign at its end.
inline std::string topic_of(std::string_view text) {
  constexpr std::int64_t most_pieces = 14;
  std::string_view const all = trimmed(text);
  std::string_view const first = first_pieces(all.substr(0, all.find('\n')), most_pieces);
  std::size_t const end = first.find_last_not_of(" \t\r?!.,;:\"'");
  return std::string(first.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

/// The capitalized words after "in", "at", "for" or "to": "the weather in New York?" gives "New York".
inline std::string place_of(std::string_view text) {
  std::string place;
  for (std::string_view const before : {" in ", " at ", " for ", " to "}) {
    for (std::size_t at = text.find(before); at != std::string_view::npos; at = text.find(before, at + 1)) {
      std::size_t end = at += before.size();
      while (end < text.size() && std::isupper(static_cast<unsigned char>(text[end])) != 0) {
        while (end < text.size() &&
               (std::isalpha(static_cast<unsigned char>(text[end])) != 0 || text[end] < 0))
          ++end;
        if (end < text.size() && text[end] == ' ') ++end;
      }
      if (end > at) return std::string(trimmed(text.substr(at, end - at)));
    }
  }
  return place;
}

/// The number after `word` in `text`: "count to 20" gives 20.
inline std::optional<std::int64_t> number_after(std::string_view text, std::string_view word) {
  std::size_t const at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view const rest = trimmed(text.substr(at + word.size()));
  std::int64_t number = 0;
  auto const error = std::from_chars(rest.data(), rest.data() + rest.size(), number).ec;
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// What to repeat, when the prompt begins with "say exactly:", "say", "repeat after me:" or "echo".
inline std::optional<std::string> words_to_say(std::string_view prompt) {
  std::string_view text = trimmed(prompt);
  std::string const low = lowered(text);
  std::size_t const start = low.starts_with("please ") ? 7 : 0;
  for (std::string_view const order :
       {"say exactly:", "repeat after me:", "say:", "echo:", "say ", "echo "}) {
    if (!std::string_view(low).substr(start).starts_with(order)) continue;
    text = trimmed(text.substr(start + order.size()));
    bool const quoted =
        text.size() > 1 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
    if (quoted && order.back() == ' ') text = text.substr(1, text.size() - 2);
    return std::string(text);
  }
  return std::nullopt;
}

/// "1, 2, 3" for "count to 3"; ten thousand at most.
inline std::optional<std::string> counting(std::string_view prompt) {
  auto const last = number_after(lowered(prompt), "count to ");
  if (!last || *last < 1) return std::nullopt;
  std::string text = "1";
  for (std::int64_t i = 2; i <= std::min<std::int64_t>(*last, 10'000); ++i)
    text.append(", ").append(std::to_string(i));
  return text;
}

/// The last thing a user said; empty when no user spoke.
inline Message const* last_user_message(Conversation const& conversation) noexcept {
  auto const& all = conversation.messages;
  auto const found =
      std::find_if(all.rbegin(), all.rend(), [](Message const& m) { return m.role == Role::user; });
  return found == all.rend() ? nullptr : &*found;
}

inline std::uint64_t seed_of(Conversation const& conversation) {
  std::uint64_t seed = mix(0xCBF29CE484222325U, conversation.seed ? std::to_string(*conversation.seed) : "");
  for (Message const& message : conversation.messages) {
    seed = mix(seed + static_cast<std::uint64_t>(message.role), message.text());
    for (ContentPart const& part : message.content)
      if (part.kind == PartKind::tool_call) seed = mix(mix(seed, part.call.name), part.call.arguments);
  }
  for (Tool const& tool : conversation.tools) seed = mix(seed, tool.name);
  return mix(seed, conversation.output_format.schema.text);
}

/// Tokens of the prompt as a provider would bill them: the words, a few for each message, 85 for a picture.
inline std::int64_t count_input(Conversation const& conversation) {
  constexpr std::int64_t per_message = 4;
  constexpr std::int64_t per_attachment = 85;
  std::int64_t tokens = 3;
  for (Message const& message : conversation.messages) {
    tokens += per_message + count_pieces(message.name);
    for (ContentPart const& part : message.content) {
      bool const attached = part.kind == PartKind::image || part.kind == PartKind::audio ||
                            part.kind == PartKind::video || part.kind == PartKind::file ||
                            part.kind == PartKind::other;
      tokens += attached ? per_attachment
                         : count_pieces(part.text) + count_pieces(part.call.name) +
                               count_pieces(part.call.arguments);
    }
  }
  for (Tool const& tool : conversation.tools)
    tokens += per_message + count_pieces(tool.name) + count_pieces(tool.description) +
              count_pieces(tool.parameters.text) + count_pieces(tool.raw.text);
  return tokens + count_pieces(conversation.output_format.schema.text);
}

}  // namespace lowart::demo
