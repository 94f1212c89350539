#pragma once
/// Replies of the Anthropic dialect, events and whole ones, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/anthropic_citation.hpp>
#include <lowart/dialect/anthropic_error_reading.hpp>
#include <lowart/dialect/anthropic_finish.hpp>
#include <lowart/dialect/anthropic_usage.hpp>
#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace anthropic_reply {

inline Error malformed(std::string message) {
  return Error(Errc::malformed_reply, std::move(message), Origin::upstream);
}

/// Reads blocks, whole or in deltas, one at a time. Tool calls are numbered as they come, whatever their place.
class Blocks {
 public:
  /// A block begins; one that is whole ends at once.
  void begin(std::string_view block, ChoiceDelta& out) {
    type_ = text_in(block, "type");
    fresh_ = true;
    unsaid_input_ = false;
    held_.clear();
    input_.clear();
    if (type_ == "text") begin_text(block, out);
    else if (type_ == "thinking") begin_thinking(block, out);
    else if (type_ == "redacted_thinking") add_proof(text_in(block, "data"), true, out);
    else if (type_ == "tool_use") begin_call(block, out);
    else held_ = block;
  }

  void add(std::string_view delta, ChoiceDelta& out) {
    std::string const type = text_in(delta, "type");
    if (type == "text_delta") return say(PartKind::text, text_in(delta, "text"), out);
    if (type == "thinking_delta") return say(PartKind::reasoning, text_in(delta, "thinking"), out);
    if (type == "signature_delta") return add_proof(text_in(delta, "signature"), false, out);
    if (type == "citations_delta") return add_citation(find_member(delta, "citation"), out);
    if (type == "input_json_delta") return add_input(text_in(delta, "partial_json"), out);
    if (auto const summary = find_member(delta, "content"); summary && type == "compaction_delta")
      compaction_ = summary->value;
  }

  void end(ChoiceDelta& out) {
    if (unsaid_input_) call_piece(out).call.arguments = "{}";
    if (!held_.empty()) end_other(out);
    type_.clear();
    unsaid_input_ = false;
    held_.clear();
    input_.clear();
    compaction_.clear();
  }

 private:
  PieceDelta& piece(PartKind kind, ChoiceDelta& out) {
    PieceDelta& made = out.pieces.emplace_back();
    made.kind = kind;
    made.begins = std::exchange(fresh_, false);
    return made;
  }
  void say(PartKind kind, std::string text, ChoiceDelta& out) {
    if (!text.empty()) piece(kind, out).text = std::move(text);
  }
  void begin_text(std::string_view block, ChoiceDelta& out) {
    say(PartKind::text, text_in(block, "text"), out);
    auto const citations = find_member(block, "citations");
    if (!citations || citations->kind != JsonKind::array) return;
    scan_array(citations->value, [&](JsonMember const& citation) { add_citation(citation, out); });
  }
  void begin_thinking(std::string_view block, ChoiceDelta& out) {
    say(PartKind::reasoning, text_in(block, "thinking"), out);
    add_proof(text_in(block, "signature"), false, out);
  }
  void add_proof(std::string const& proof, bool redacted, ChoiceDelta& out) {
    if (proof.empty()) return;
    PieceDelta& made = piece(PartKind::reasoning, out);
    made.signature = unseal(proof, Dialect::anthropic);
    made.redacted = redacted;
  }
  void add_citation(std::optional<JsonMember> const& citation, ChoiceDelta& out) {
    if (!citation || citation->kind != JsonKind::object) return;
    piece(PartKind::text, out).citations.push_back(read_anthropic_citation(citation->value));
  }

  PieceDelta& call_piece(ChoiceDelta& out) {
    PieceDelta& made = out.pieces.emplace_back();
    made.kind = PartKind::tool_call;
    made.index = calls_ - 1;
    return made;
  }
  void begin_call(std::string_view block, ChoiceDelta& out) {
    ++calls_;
    PieceDelta& made = call_piece(out);
    made.call.id = text_in(block, "id");
    made.call.name = text_in(block, "name");
    auto const input = find_member(block, "input");
    bool const said = input && input->kind == JsonKind::object && find_any(input->value);
    if (said) made.call.arguments = input->value;
    unsaid_input_ = !said;
  }
  static bool find_any(std::string_view object) {
    bool any = false;
    scan_object(object, [&any](JsonMember const&) { return !(any = true); });
    return any;
  }
  void add_input(std::string text, ChoiceDelta& out) {
    if (text.empty()) return;
    if (type_ != "tool_use") return void(input_.append(text));
    unsaid_input_ = false;
    call_piece(out).call.arguments = std::move(text);
  }

  /// A block of a kind that only this dialect knows, with what its deltas added.
  void end_other(ChoiceDelta& out) {
    PieceDelta& made = out.pieces.emplace_back();
    made.kind = PartKind::other;
    made.begins = true;
    if (input_.empty() && compaction_.empty()) return void(made.raw.text = std::move(held_));
    JsonWriter w(made.raw.text);
    w.begin_object();
    scan_object(held_, [&](JsonMember const& m) {
      std::string name;
      if (!decode_escapes(m.key, name)) return;
      if (name == "input" && !input_.empty()) return;
      if (name == "content" && !compaction_.empty()) return;
      w.raw(name, m.value);
    });
    if (!compaction_.empty()) w.raw("content", compaction_);
    if (!input_.empty() && !first_json_error(input_)) w.raw("input", input_);
    else if (!input_.empty())
      w.begin_object("input").end_object();  // cut off: a list of blocks must stay JSON
    w.end_object();
  }

  std::string type_;
  std::string held_;        ///< A block of another kind, until it ends.
  std::string input_;       ///< What its deltas said.
  std::string compaction_;  ///< As JSON.
  std::int64_t calls_{0};
  bool fresh_{false};
  bool unsaid_input_{false};
};

inline void decode_finish(std::optional<JsonMember> const& reason, std::optional<JsonMember> const& sequence,
                          ChoiceDelta& choice) {
  std::string word = text_of(reason);
  choice.finish = anthropic_finish_reason(word);
  choice.stop_sequence = text_of(sequence);
  bool const told =
      is_plain_anthropic_finish(word) || (word == "stop_sequence" && !choice.stop_sequence.empty());
  if (!told) choice.finish_text = std::move(word);
}

inline void keep_unknown(JsonMember const& m, ChatDelta& delta) {
  if (m.kind == JsonKind::null) return;
  std::string name;
  if (decode_escapes(m.key, name)) delta.extra.push_back({std::move(name), {std::string(m.value)}});
}

/// The members of a message, at the start of a stream or of a whole reply, found in one pass.
struct MessageMembers {
  std::optional<JsonMember> type, id, model, role, content, stop_reason, stop_sequence, usage;

  /// What we do not know goes to `delta` at once.
  JsonScan find(std::string_view message, ChatDelta& delta) {
    return scan_object(message, [&](JsonMember const& m) {
      if (auto* const known = known_as(m)) *known = m;
      else keep_unknown(m, delta);
    });
  }
  bool has_content() const noexcept { return content && content->kind == JsonKind::array; }
  bool has_usage() const noexcept { return usage && usage->kind == JsonKind::object; }

 private:
  std::optional<JsonMember>* known_as(JsonMember const& m) noexcept {
    if (m.key_is("type")) return &type;
    if (m.key_is("id")) return &id;
    if (m.key_is("model")) return &model;
    if (m.key_is("role")) return &role;
    if (m.key_is("content")) return &content;
    if (m.key_is("stop_reason")) return &stop_reason;
    if (m.key_is("stop_sequence")) return &stop_sequence;
    if (m.key_is("usage")) return &usage;
    return nullptr;
  }
};

/// All but the usage, which means something else at the start than at the end.
inline void decode_message(MessageMembers const& message, ChatDelta& delta, ChoiceDelta& choice,
                           Blocks& blocks) {
  delta.id = text_of(message.id);
  delta.model = text_of(message.model);
  choice.role = Role::assistant;
  decode_finish(message.stop_reason, message.stop_sequence, choice);
  if (!message.has_content()) return;
  scan_array(message.content->value, [&](JsonMember const& block) {
    if (block.kind != JsonKind::object) return;
    blocks.begin(block.value, choice);
    blocks.end(choice);
  });
}

}  // namespace anthropic_reply

/// Reads one whole reply. Kept: what the neutral language names, blocks of other kinds as they are, and unknown members
/// of the message. Not kept: unknown members of known blocks and of the usage.
///
/// Errors: the provider's own, for an error envelope; malformed_reply for what is no message.
inline Result<ChatDelta> decode_anthropic_reply(std::string_view json) {
  using namespace anthropic_reply;
  // All of it, as blocks and members that we only carry are written as they are.
  if (first_json_error(json)) return tl::unexpected<Error>(malformed("the provider's reply is not JSON"));
  ChatDelta delta;
  delta.dialect = Dialect::anthropic;
  MessageMembers message;
  message.find(json, delta);
  if (message.type && message.type->value == "\"error\"")
    return tl::unexpected<Error>(from_anthropic_error_event(json));
  if (!message.has_content())
    return tl::unexpected<Error>(malformed("the provider's reply is not a message"));
  ChoiceDelta& choice = delta.choices.emplace_back();
  Blocks blocks;
  decode_message(message, delta, choice, blocks);
  if (message.has_usage())
    if (Usage const read = read_anthropic_usage(message.usage->value); !read.empty()) delta.usage = read;
  CompletionBuilder whole;  // joins what the blocks were told in
  whole.add(std::move(delta));
  return std::move(whole).take();
}

/// The events of one stream, for SseReplyDecoder. Each becomes at most one step; pings and what says nothing none.
class AnthropicReplyEvents {
 public:
  Result<bool> decode(net::SseEvent const& event, std::vector<ChatDelta>& out) {
    using namespace anthropic_reply;
    std::optional<JsonMember> type, delta, block, message, usage;
    JsonScan const scan = scan_object(event.data, [&](JsonMember const& m) {
      if (m.key_is("type")) type = m;
      else if (m.key_is("delta")) delta = m;
      else if (m.key_is("content_block")) block = m;
      else if (m.key_is("message")) message = m;
      else if (m.key_is("usage")) usage = m;
    });
    std::string_view const word = type ? as_string_view(type->value).value_or("") : "";
    if (word == "error" || event.event == "error")
      return tl::unexpected<Error>(from_anthropic_error_event(event.data));
    if (scan != JsonScan::ok || first_json_error(event.data))
      return tl::unexpected<Error>(malformed("an event of the provider's stream is not JSON"));
    if (word == "message_stop") return false;
    auto const object = [](std::optional<JsonMember> const& m) {
      return m && m->kind == JsonKind::object ? m->value : std::string_view();
    };
    ChatDelta step;
    step.dialect = Dialect::anthropic;
    ChoiceDelta& choice = step.choices.emplace_back();
    if (word == "content_block_delta") blocks_.add(object(delta), choice);
    else if (word == "content_block_start") blocks_.begin(object(block), choice);
    else if (word == "content_block_stop") blocks_.end(choice);
    else if (word == "message_start") start(object(message), step);
    else if (word == "message_delta") finish(event.data, object(delta), object(usage), step);
    if (says_something(step)) out.push_back(std::move(step));
    return true;
  }

 private:
  static bool says_something(ChatDelta const& step) {
    ChoiceDelta const& choice = step.choices.front();
    return choice.role || !choice.pieces.empty() || choice.finish != FinishReason::none || step.usage ||
           !step.extra.empty();
  }

  void start(std::string_view message, ChatDelta& step) {
    using namespace anthropic_reply;
    ChoiceDelta& choice = step.choices.front();
    MessageMembers found;
    if (found.find(message, step) != JsonScan::ok) return;
    decode_message(found, step, choice, blocks_);
    if (!found.has_usage()) return;
    if (choice.finish == FinishReason::none) usage_.read_start(found.usage->value);
    else usage_.read(found.usage->value);
    tell_usage(step);
  }

  void finish(std::string_view event, std::string_view delta, std::string_view usage, ChatDelta& step) {
    using namespace anthropic_reply;
    decode_finish(find_member(delta, "stop_reason"), find_member(delta, "stop_sequence"),
                  step.choices.front());
    scan_object(delta, [&step](JsonMember const& m) {
      if (!m.key_is("stop_reason") && !m.key_is("stop_sequence")) keep_unknown(m, step);
    });
    scan_object(event, [&step](JsonMember const& m) {
      if (!m.key_is("type") && !m.key_is("delta") && !m.key_is("usage")) keep_unknown(m, step);
    });
    if (usage.empty()) return;
    usage_.read(usage);
    tell_usage(step);
  }

  void tell_usage(ChatDelta& step) const {
    if (Usage const usage = usage_.usage(); !usage.empty()) step.usage = usage;
  }

  anthropic_reply::Blocks blocks_;
  AnthropicUsage usage_;
};

using AnthropicStreamDecoder = SseReplyDecoder<AnthropicReplyEvents>;
using AnthropicWholeDecoder = WholeReplyDecoder<&decode_anthropic_reply>;

}  // namespace lowart::dialect
