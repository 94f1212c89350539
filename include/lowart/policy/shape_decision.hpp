#pragma once
/// What a request is shaped to: changes of a conversation, each of which says whether it changed anything. Pure.

#include <lowart/model/conversation.hpp>
#include <lowart/model/shape_mark.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// What an operator wants of requests and answers. All is off as it stands.
struct ShapeOptions {
  std::vector<std::string> strip_tags{};  ///< Names of tags: "think", "tool_call".
  bool drop_empty_messages{false};
  bool merge_user_messages{false};
  std::vector<std::string> stop{};           ///< Added to the client's own.
  std::size_t stop_limit{4};                 ///< Together; the client's own are never left out.
  std::optional<std::int64_t> max_tokens{};  ///< The most that a request may ask for.
  std::string prefix{};                      ///< Put before the text of the answer.

  bool changes_messages() const noexcept {
    return !strip_tags.empty() || drop_empty_messages || merge_user_messages;
  }
  friend bool operator==(ShapeOptions const&, ShapeOptions const&) = default;
};

namespace shape {

/// Takes complete blocks `<tag>...</tag>` out of a text, with the white space behind them. A block that does not end
/// stays. True when there was one.
inline bool strip_blocks(std::string& text, std::string_view tag) {
  std::string const open = "<" + std::string(tag) + ">";
  std::string const close = "</" + std::string(tag) + ">";
  std::string kept;
  std::size_t done = 0;
  for (std::size_t begin = 0; (begin = text.find(open, done)) != std::string::npos;) {
    std::size_t const end = text.find(close, begin + open.size());
    if (end == std::string::npos) break;
    kept.append(text, done, begin - done);
    done = std::min(text.find_first_not_of(" \t\r\n", end + close.size()), text.size());
  }
  if (done == 0) return false;
  text = kept.append(text, done, std::string::npos);
  return true;
}

inline bool is_empty_text(ContentPart const& part) noexcept {
  return part.kind == PartKind::text && part.text.empty() && part.extra.empty();
}

/// strip_blocks in all that the assistant said. A part of which nothing is left goes, unless it is the only one.
inline bool strip_tags(Conversation& conversation, std::vector<std::string> const& tags) {
  bool any = false;
  for (Message& message : conversation.messages) {
    if (message.role != Role::assistant) continue;
    bool here = false;
    for (ContentPart& part : message.content)
      for (std::string const& tag : tags)
        if (part.kind == PartKind::text) here = strip_blocks(part.text, tag) || here;
    if (here && message.content.size() > 1) std::erase_if(message.content, is_empty_text);
    any = any || here;
  }
  return any;
}

/// Takes out a message. What came in one wire message with it stays where it was.
inline void erase_message(Conversation& conversation, std::size_t index) {
  auto& messages = conversation.messages;
  if (index == 0) conversation.system_is_apart = false;
  if (index + 1 < messages.size() && messages[index + 1].same_turn)
    messages[index + 1].same_turn = messages[index].same_turn;
  messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(index));
}

/// Leaves out messages that say nothing; results of tools stay, as their calls need them, and so does one message.
inline bool drop_empty(Conversation& conversation) {
  auto const is_empty = [](Message const& message) {
    return message.role != Role::tool && message.extra.empty() &&
           std::all_of(message.content.begin(), message.content.end(), is_empty_text);
  };
  auto& messages = conversation.messages;
  bool any = false;
  for (std::size_t i = messages.size(); i-- > 0 && messages.size() > 1;) {
    if (!is_empty(messages[i])) continue;
    erase_message(conversation, i);
    any = true;
  }
  return any;
}

/// Of user messages that follow each other only the last is kept: it replaces the others.
inline bool merge_user(Conversation& conversation) {
  auto& messages = conversation.messages;
  bool any = false;
  for (std::size_t i = messages.size(); i-- > 1;) {
    bool const replaced =
        messages[i].role == Role::user && messages[i - 1].role == Role::user && !messages[i].same_turn;
    if (!replaced) continue;
    erase_message(conversation, i - 1);
    any = true;
  }
  return any;
}

/// Adds stop words that are not there yet, as long as there are fewer than `limit`.
inline bool add_stops(Conversation& conversation, std::vector<std::string> const& more, std::size_t limit) {
  auto& stop = conversation.stop;
  std::size_t const before = stop.size();
  for (std::string const& word : more)
    if (stop.size() < limit && std::find(stop.begin(), stop.end(), word) == stop.end()) stop.push_back(word);
  if (stop.size() == before) return false;
  conversation.stop_is_list = true;
  return true;
}

/// Lowers a limit that is above `most`; a request without one stays so.
inline bool clamp_max_tokens(std::optional<std::int64_t>& asked, std::optional<std::int64_t> most) noexcept {
  if (!asked || !most || *asked <= *most) return false;
  asked = most;
  return true;
}

/// The changes of messages: blocks go first, so that what they leave empty can be dropped, and what that brings together
/// is merged.
inline ShapeMark messages(Conversation& conversation, ShapeOptions const& options) {
  ShapeMark mark;
  if (!options.strip_tags.empty() && strip_tags(conversation, options.strip_tags))
    mark.add(Reshaped::stripped);
  if (options.drop_empty_messages && drop_empty(conversation)) mark.add(Reshaped::dropped);
  if (options.merge_user_messages && merge_user(conversation)) mark.add(Reshaped::merged);
  return mark;
}

/// All changes of a request.
inline ShapeMark request(Conversation& conversation, ShapeOptions const& options) {
  ShapeMark mark = messages(conversation, options);
  if (add_stops(conversation, options.stop, options.stop_limit)) mark.add(Reshaped::stop);
  if (clamp_max_tokens(conversation.max_tokens, options.max_tokens)) mark.add(Reshaped::max_tokens);
  return mark;
}

}  // namespace shape

}  // namespace lowart
