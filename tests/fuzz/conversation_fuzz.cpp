/// Any bytes as a chat request whose conversation is looked for, and as text that is redacted: nothing crashes, what is
/// found lies in the body, and saying more never changes the digests of what was said before.

#include "fuzz.hpp"

#include <lowart/gateway/conversation_table.hpp>
#include <lowart/gateway/redactor.hpp>
#include <lowart/store/request_log.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace lowart;
using namespace lowart::fuzz;

void check_trace(std::string_view body) {
  ConversationFacts const facts = read_conversation_facts(body);
  require(is_within(facts.messages, body) && is_within(facts.conversation, body));
  auto const trace = trace_conversation("k", facts);
  require(trace.size() <= most_traced_messages);
  if (trace.empty() || !facts.messages.ends_with(']') || trace.size() == most_traced_messages) return;
  std::string more(facts.messages.substr(0, facts.messages.size() - 1));
  ConversationFacts longer = facts;
  longer.messages = more.append(R"(,{"role":"user","content":"more"}])");
  auto const next = trace_conversation("k", longer);
  require(next.size() == trace.size() + 1 && std::equal(trace.begin(), trace.end(), next.begin()));
  ConversationTable table({.window = std::chrono::minutes(1), .entries = 8});
  TimePoint const now{std::chrono::hours(1)};
  require(table.place(trace, {.high = 0, .low = 1}, now).begins);
  require(table.place(next, {.high = 0, .low = 2}, now).id.low == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  check_trace(text);
  if (auto const cursor = RequestCursor::parse(text))
    require(RequestCursor::parse(cursor->text())->text() == cursor->text());
  Redactor redactor;
  for (auto const* kind : {"email", "phone", "card", "key"}) redactor.add(*Redactor::kind_named(kind));
  std::string const once = redactor.redact(std::string(text));
  require(once.size() <= 8 * size + 8);
  return 0;
}
