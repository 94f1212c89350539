#pragma once
/// trace_conversation(): what a chat request has said so far, as one short digest after each of its messages.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/net/sha256.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace lowart {

/// 128 bits of a SHA-256, or as many random ones: names what was said, or a conversation.
struct ConversationDigest {
  std::uint64_t high{0};
  std::uint64_t low{0};
  friend bool operator==(ConversationDigest, ConversationDigest) = default;
};

/// What a body says of its conversation. Views into it.
struct ConversationFacts {
  std::string_view
      messages;  ///< The list, brackets and all (or the string that stands in its place); may be empty.
  std::string_view conversation;  ///< The name that the client gave, between its quotes; empty: none.
  /// Tells apart who speaks through one key: `user`, `safety_identifier`, `prompt_cache_key`, `metadata.user_id`.
  std::array<std::string_view, 4> speaker;
};

/// Looks for `messages`, `contents` or `input`, and for names: `metadata.conversation_id`, and the `conversation` of
/// the Responses API, a string or an object with an id. One shallow pass over the body, no allocation.
inline ConversationFacts read_conversation_facts(std::string_view body) {
  using dialect::JsonKind;
  ConversationFacts facts;
  auto const inner = [](dialect::JsonMember const& member) {
    return dialect::as_string_view(member.value).value_or(std::string_view());
  };
  dialect::scan_object(body, [&](dialect::JsonMember const& member) {
    std::string_view const key = member.key;
    if (key == "messages" || key == "contents" || key == "input") {
      if (member.kind == JsonKind::array || member.kind == JsonKind::string) facts.messages = member.value;
    } else if (key == "user") {
      facts.speaker[0] = member.value;
    } else if (key == "safety_identifier") {
      facts.speaker[1] = member.value;
    } else if (key == "prompt_cache_key") {
      facts.speaker[2] = member.value;
    } else if (key == "metadata" && member.kind == JsonKind::object) {
      if (auto const user = dialect::find_member(member.value, "user_id")) facts.speaker[3] = user->value;
      if (auto const id = dialect::find_member(member.value, "conversation_id"))
        facts.conversation = inner(*id);
    } else if (key == "conversation") {
      auto const id =
          member.kind == JsonKind::object ? dialect::find_member(member.value, "id") : std::optional(member);
      if (id) facts.conversation = inner(*id);
    }
  });
  return facts;
}

namespace conversation {

/// Hashes messages one after the other. Every piece has its length in front, so that no two sequences are one.
class Chain {
 public:
  void piece(std::string_view text) noexcept {
    std::uint64_t const size = text.size();
    sum_.add({reinterpret_cast<char const*>(&size), sizeof size});
    sum_.add(text);
  }
  /// Of everything up to here.
  ConversationDigest here() const noexcept {
    net::Sha256Sum copy = sum_;
    net::Sha256 const digest = copy.take();
    ConversationDigest result;
    std::memcpy(&result.high, digest.data(), sizeof result.high);
    std::memcpy(&result.low, digest.data() + sizeof result.high, sizeof result.low);
    return result;
  }

 private:
  net::Sha256Sum sum_;
};

/// What clients add, move or leave out when they send a message again: marks of the prompt cache, ids, thoughts.
inline bool says_nothing(dialect::JsonMember const& member) noexcept {
  if (member.kind == dialect::JsonKind::null) return true;
  for (std::string_view const name : {"cache_control", "id", "status", "reasoning_content", "reasoning",
                                      "reasoning_details", "thinking", "thoughtSignature", "annotations"})
    if (member.key == name) return true;
  return member.key == "type" && member.value == "\"message\"";
}
inline bool is_thought(std::string_view type) noexcept {
  return type == "\"thinking\"" || type == "\"redacted_thinking\"" || type == "\"reasoning\"";
}
inline bool is_text(std::string_view type) noexcept {
  return type.empty() || type == "\"text\"" || type == "\"input_text\"" || type == "\"output_text\"";
}

/// One element of a content: a text says the same whether it stands alone or in a list of parts.
inline void add_part(dialect::JsonMember const& part, Chain& chain) {
  std::string_view type, text;
  bool thought = false;
  dialect::scan_object(part.value, [&](dialect::JsonMember const& member) {
    if (member.key == "type") type = member.value;
    else if (member.key == "text") text = member.value;
    else if (member.key == "thought") thought = member.value == "true";
  });
  if (thought || is_thought(type)) return;
  if (!text.empty() && is_text(type)) {
    chain.piece("text");
    chain.piece(text);
    return;
  }
  chain.piece("part");
  dialect::scan_object(part.value, [&](dialect::JsonMember const& member) {
    if (says_nothing(member) && member.key != "id") return;
    chain.piece(member.key);
    chain.piece(member.value);
  });
}
inline void add_content(dialect::JsonMember const& content, Chain& chain) {
  if (content.kind == dialect::JsonKind::array) {
    dialect::scan_array(content.value, [&](dialect::JsonMember const& part) { add_part(part, chain); });
    return;
  }
  chain.piece("text");
  chain.piece(content.value);
}
/// False: a thought of the model, which is no message.
inline bool add_message(dialect::JsonMember const& message, Chain& chain) {
  if (auto const type = dialect::find_member(message.value, "type"); type && is_thought(type->value))
    return false;
  chain.piece("message");
  dialect::scan_object(message.value, [&](dialect::JsonMember const& member) {
    if (says_nothing(member)) return;
    chain.piece(member.key);
    if (member.key == "content" || member.key == "parts") add_content(member, chain);
    else chain.piece(member.value);
  });
  return true;
}

}  // namespace conversation

/// More messages than this are not traced: a body of many million empty ones would cost seconds.
inline constexpr std::size_t most_traced_messages = 4096;

/// A digest after each message: of the owner, the speaker and every message up to there. Two requests whose first n
/// messages say the same have the same n-th digest; what only looks different (see says_nothing) does not count. Empty:
/// no messages, or more than most_traced_messages.
///
/// `owner` names the API key: digests of two keys never meet. Cost: shallow passes and a SHA-256 over the messages, about 2 us for a
/// short request and 1 ms for 100,000 tokens; nothing is decoded.
inline std::vector<ConversationDigest> trace_conversation(std::string_view owner,
                                                          ConversationFacts const& facts) {
  conversation::Chain chain;
  std::vector<ConversationDigest> trace;
  chain.piece(owner);
  for (auto const speaker : facts.speaker) chain.piece(speaker);
  if (facts.messages.starts_with('"')) {  // a message of the user, as continue_request() writes it
    chain.piece("message");
    for (auto const piece : {std::string_view("role"), std::string_view("\"user\""),
                             std::string_view("content"), std::string_view("text"), facts.messages})
      chain.piece(piece);
    trace.push_back(chain.here());
    return trace;
  }
  bool too_many = false;
  auto const scan = dialect::scan_array(facts.messages, [&](dialect::JsonMember const& message) -> bool {
    too_many = trace.size() == most_traced_messages;
    if (too_many) return false;
    if (conversation::add_message(message, chain)) trace.push_back(chain.here());
    return true;
  });
  if (scan != dialect::JsonScan::ok) trace.clear();
  return trace;
}

}  // namespace lowart
