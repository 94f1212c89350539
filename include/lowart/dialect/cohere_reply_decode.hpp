#pragma once
/// Replies of Cohere's chat, events and whole ones, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/cohere_citation.hpp>
#include <lowart/dialect/cohere_event.hpp>
#include <lowart/dialect/cohere_finish.hpp>
#include <lowart/dialect/cohere_usage.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace cohere_reply {

inline Error malformed(std::string message) {
  return Error(Errc::malformed_reply, std::move(message), Origin::upstream);
}

/// Writes one piece of text as a token: Cohere tells pieces, mostly of one token. The probability of a piece is that of its
/// tokens one after the other.
inline void write_logprob(JsonWriter& w, std::string_view piece) {
  double sum = 0;
  if (auto const list = find_member(piece, "logprobs"); list && list->kind == JsonKind::array)
    scan_array(list->value, [&](JsonMember const& m) {
      double number = 0;
      std::from_chars(m.value.data(), m.value.data() + m.value.size(), number);
      sum += number;
    });
  w.begin_object().text("token", text_in(piece, "text")).number("logprob", std::isfinite(sum) ? sum : 0);
  w.null("bytes").begin_list("top_logprobs").end_list().end_object();
}
inline void begin_logprobs(JsonWriter& w) { w.begin_object().begin_list("content"); }
inline void end_logprobs(JsonWriter& w) { w.end_list().end_object(); }

/// The finish, and the word for it where the neutral one says less.
inline void end_choice(std::string word, ChoiceDelta& choice) {
  choice.finish = cohere_finish_reason(word);
  if (choice.finish == FinishReason::other) choice.finish_text = std::move(word);
}

/// What is said in a block: its text is an answer, its thinking a thought. A block's first piece begins a part.
inline void say_block(std::string_view block, bool& begins, ChoiceDelta& out) {
  auto const say = [&](PartKind kind, std::string text) {
    if (text.empty()) return;
    out.say(kind, std::move(text));
    out.pieces.back().begins = std::exchange(begins, false);
  };
  say(PartKind::reasoning, text_in(block, "thinking"));
  say(PartKind::text, text_in(block, "text"));
}

/// The plan that a model makes before it calls tools is a chain of thought, as Cohere calls it, and no part of the answer:
/// so it is reasoning.
inline void say_plan(std::string plan, bool begins, ChoiceDelta& out) {
  if (plan.empty()) return;
  out.say(PartKind::reasoning, std::move(plan));
  out.pieces.back().begins = begins;
}

inline PieceDelta& call_piece(std::int64_t number, ChoiceDelta& out) {
  PieceDelta& piece = out.pieces.emplace_back();
  piece.kind = PartKind::tool_call;
  piece.index = number;
  return piece;
}
inline PieceDelta& begin_call(std::string_view call, std::int64_t number, ChoiceDelta& out) {
  PieceDelta& piece = call_piece(number, out);
  std::string_view const function = object_in(call, "function");
  piece.call.id = text_in(call, "id");
  piece.call.name = text_in(function, "name");
  piece.call.arguments = text_in(function, "arguments");
  return piece;
}

/// Places the citations of a whole message at its texts, which begin at `texts` by the number of their block.
inline void place_citations(std::string_view list, std::unordered_map<std::int64_t, std::size_t> const& texts,
                            ChoiceDelta& out) {
  scan_array(list, [&](JsonMember const& citation) {
    auto const index = find_member(citation.value, "content_index");
    auto const block = index ? as_int(index->value) : std::nullopt;
    auto found = block ? texts.find(*block) : texts.end();
    if (!block && texts.size() == 1) found = texts.begin();
    if (found == texts.end()) return;
    read_cohere_citation(citation.value, out.pieces[found->second].citations);
  });
}

inline void read_message(std::string_view message, ChoiceDelta& choice) {
  choice.role = Role::assistant;
  std::unordered_map<std::int64_t, std::size_t> texts;
  std::int64_t block = 0, calls = 0;
  std::optional<JsonMember> content, called, citations;
  scan_object(message, [&](JsonMember const& m) {
    if (m.key_is("content")) content = m;
    else if (m.key_is("tool_calls") && m.kind == JsonKind::array) called = m;
    else if (m.key_is("citations") && m.kind == JsonKind::array) citations = m;
  });
  if (content && content->kind == JsonKind::string) choice.say(PartKind::text, text_of(content));
  if (content && content->kind == JsonKind::array)
    scan_array(content->value, [&](JsonMember const& m) {
      bool begins = true;
      say_block(m.value, begins, choice);
      if (!begins && choice.pieces.back().kind == PartKind::text)
        texts.emplace(block, choice.pieces.size() - 1);
      ++block;
    });
  if (citations) place_citations(citations->value, texts, choice);
  say_plan(text_in(message, "tool_plan"), true, choice);
  if (!called) return;
  scan_array(called->value, [&](JsonMember const& call) {
    PieceDelta& piece = begin_call(call.value, calls++, choice);
    if (piece.call.arguments.empty()) piece.call.arguments = "{}";
  });
}

}  // namespace cohere_reply

/// Reads one whole reply. Not kept: `meta`, and the search results of old servers.
///
/// Errors: malformed_reply for what is no answer; the provider's failure for one that ended by ERROR or TIMEOUT.
inline Result<ChatDelta> decode_cohere_reply(std::string_view json) {
  using namespace cohere_reply;
  if (first_json_error(json)) return tl::unexpected<Error>(malformed("the provider's reply is not JSON"));
  std::string_view const message = object_in(json, "message");
  if (message.empty()) return tl::unexpected<Error>(malformed("the provider's reply has no message"));
  std::string word = text_in(json, "finish_reason");
  if (auto failure = cohere_failure(word, text_in(json, "error")))
    return tl::unexpected<Error>(*std::move(failure));
  ChatDelta delta;
  delta.dialect = Dialect::cohere;
  delta.id = text_in(json, "id");
  ChoiceDelta& choice = delta.choices.emplace_back();
  read_message(message, choice);
  end_choice(std::move(word), choice);
  if (auto const list = find_member(json, "logprobs"); list && list->kind == JsonKind::array) {
    JsonWriter w(choice.logprobs.text);
    begin_logprobs(w);
    scan_array(list->value, [&](JsonMember const& piece) { write_logprob(w, piece.value); });
    end_logprobs(w);
  }
  if (Usage const usage = read_cohere_usage(object_in(json, "usage")); !usage.empty()) delta.usage = usage;
  return delta;
}

/// The events of one stream, for SseReplyDecoder. Each becomes at most one step.
class CohereReplyEvents {
 public:
  /// False for `message-end`.
  Result<bool> decode(net::SseEvent const& sent, std::vector<ChatDelta>& out) {
    using namespace cohere_reply;
    CohereEvent const event = CohereEvent::of(sent.data);
    if (first_json_error(sent.data))
      return tl::unexpected<Error>(malformed("an event of the provider's stream is not JSON"));
    if (auto failure = event.failure()) return tl::unexpected<Error>(*std::move(failure));
    ChatDelta step;
    step.dialect = Dialect::cohere;
    ChoiceDelta& choice = step.choices.emplace_back();
    bool const last = event.type == "message-end";
    if (event.type == "message-start") step.id = event.id, choice.role = Role::assistant;
    else if (last) end(event, step);
    else add(event, choice);
    bool const says = choice.role || last || !choice.pieces.empty() || !choice.logprobs.empty();
    if (says) out.push_back(std::move(step));
    return !last;
  }

 private:
  struct OpenCall {
    std::int64_t number;
    bool has_arguments;
  };

  void add(CohereEvent const& event, ChoiceDelta& choice) {
    if (event.type == "content-start") {
      begins_ = true;
      cohere_reply::say_block(event.added("content"), begins_, choice);
    } else if (event.type == "content-delta") {
      add_content(event, choice);
    } else if (event.type == "tool-plan-delta") {
      cohere_reply::say_plan(text_in(event.message, "tool_plan"), std::exchange(plans_, false), choice);
    } else if (event.type == "tool-call-start") {
      begin_call(event, choice);
    } else if (event.type == "tool-call-delta") {
      add_arguments(event, choice);
    } else if (event.type == "tool-call-end") {
      end_call(event, choice);
    } else if (event.type == "citation-start") {
      cite(event, choice);
    }
  }

  void add_content(CohereEvent const& event, ChoiceDelta& choice) {
    using namespace cohere_reply;
    say_block(event.added("content"), begins_, choice);
    if (event.logprobs.empty()) return;
    JsonWriter w(choice.logprobs.text);
    begin_logprobs(w);
    write_logprob(w, event.logprobs);
    end_logprobs(w);
  }

  void begin_call(CohereEvent const& event, ChoiceDelta& choice) {
    PieceDelta const& piece = cohere_reply::begin_call(event.added("tool_calls"), calls_, choice);
    open_.insert_or_assign(event.index, OpenCall{calls_++, !piece.call.arguments.empty()});
  }
  void add_arguments(CohereEvent const& event, ChoiceDelta& choice) {
    auto const open = open_.find(event.index);
    std::string text = text_in(object_in(event.added("tool_calls"), "function"), "arguments");
    if (open == open_.end() || text.empty()) return;
    open->second.has_arguments = true;
    cohere_reply::call_piece(open->second.number, choice).call.arguments = std::move(text);
  }
  /// A tool without parameters is called without a word on them.
  void end_call(CohereEvent const& event, ChoiceDelta& choice) {
    auto const open = open_.find(event.index);
    if (open == open_.end()) return;
    if (!open->second.has_arguments)
      cohere_reply::call_piece(open->second.number, choice).call.arguments = "{}";
    open_.erase(open);
  }

  /// A citation comes when its text has been said.
  static void cite(CohereEvent const& event, ChoiceDelta& choice) {
    std::vector<Citation> found;
    read_cohere_citation(event.added("citations"), found);
    if (found.empty()) return;
    PieceDelta& piece = choice.pieces.emplace_back();
    piece.citations = std::move(found);
  }

  static void end(CohereEvent const& event, ChatDelta& step) {
    cohere_reply::end_choice(event.finish_reason(), step.choices.front());
    if (Usage const usage = read_cohere_usage(object_in(event.delta, "usage")); !usage.empty())
      step.usage = usage;
  }

  std::unordered_map<std::int64_t, OpenCall> open_;  ///< Calls by the number that the wire gives them.
  std::int64_t calls_{0};
  bool begins_{true};
  bool plans_{true};
};

}  // namespace lowart::dialect
