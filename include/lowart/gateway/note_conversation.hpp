#pragma once
/// note_conversation(): gives an admitted chat call its conversation, and tells the client.

#include <lowart/gateway/conversation_table.hpp>
#include <lowart/gateway/visit.hpp>

#include <string>
#include <string_view>

namespace lowart {

/// The name that the client gave: `x-conversation-id` of the head, else what the body says. Only 1 to 128 plain
/// characters are a name (those of x-request-id); anything else counts as none.
inline std::string_view named_conversation(net::RequestHead const& head,
                                           ConversationFacts const& facts) noexcept {
  for (auto const name : {head.fields().get("x-conversation-id"), facts.conversation})
    if (RequestId::acceptable(name)) return name;
  return {};
}

/// Sets the conversation of the visit's call, which has been admitted. `owner`: whose messages are compared, see
/// trace_conversation(). A name wins, and then nothing is hashed.
inline void note_conversation(Visit& visit, ConversationTable& table, std::mt19937_64& random,
                              std::string_view owner, std::string_view body) {
  ConversationFacts const facts = read_conversation_facts(body);
  std::string_view const named = named_conversation(visit.request.head(), facts);
  std::string id(named);
  if (named.empty()) {
    auto const trace = trace_conversation(owner, facts);
    if (trace.empty()) return;
    ConversationDigest const fresh{.high = random(), .low = random()};
    append_conversation_id(id, table.place(trace, fresh, visit.started_at).id);
  } else {
    table.note_named();
  }
  visit.conversation = visit.call->keep(id);
  visit.call->conversation(visit.conversation);
  visit.responder.field("x-conversation-id", visit.conversation);
}

}  // namespace lowart
