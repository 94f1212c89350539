#pragma once
/// Answers of Converse and ConverseStream, events and whole ones, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/bedrock_reader.hpp>
#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace bedrock_reply {

inline Error malformed(std::string message) {
  return Error(Errc::malformed_reply, std::move(message), Origin::upstream);
}

inline Citation read_citation(std::string_view object) {
  Citation citation;
  citation.by = Dialect::bedrock;
  citation.raw.text = object;
  citation.title = text_in(object, "title");
  citation.url = text_in(object_in(object_in(object, "location"), "web"), "url");
  if (auto const source = find_member(object, "sourceContent"); source && source->kind == JsonKind::array)
    scan_array(source->value, [&](JsonMember const& part) { citation.quote += text_in(part.value, "text"); });
  return citation;
}

/// Reads blocks, one after the other. In a stream text and reasoning begin with their first delta.
class Blocks {
 public:
  /// A block of a whole answer.
  void add_whole(std::string_view block, ChoiceDelta& out) {
    begin_block();
    scan_object(block, [&](JsonMember const& m) {
      if (m.key_is("text")) say(PartKind::text, text_of(m), out);
      else if (m.key_is("reasoningContent")) add_whole_reasoning(m.value, out);
      else if (m.key_is("toolUse")) add_whole_call(m.value, out);
      else if (m.key_is("image")) begin_image(m.value), add_image(m.value, out);
      else if (m.key_is("citationsContent")) add_cited(m.value, out);
    });
  }

  /// contentBlockStart.
  void begin(std::string_view start, ChoiceDelta& out) {
    begin_block();
    if (auto const call = object_in(start, "toolUse"); !call.empty()) begin_call(call, out);
    if (auto const image = object_in(start, "image"); !image.empty()) begin_image(image);
  }
  /// contentBlockDelta.
  void add(std::string_view delta, ChoiceDelta& out) {
    scan_object(delta, [&](JsonMember const& m) {
      if (m.key_is("text")) say(PartKind::text, text_of(m), out);
      else if (m.key_is("reasoningContent")) add_reasoning(m.value, out);
      else if (m.key_is("toolUse")) add_input(text_in(m.value, "input"), out);
      else if (m.key_is("image")) add_image(m.value, out);
      else if (m.key_is("citation")) add_citation(m, out);
    });
  }
  /// contentBlockStop. A call without arguments has those of none.
  void end(ChoiceDelta& out) {
    if (unsaid_input_) call_piece(out).call.arguments = "{}";
    begin_block();
  }

 private:
  void begin_block() {
    fresh_ = true;
    in_call_ = unsaid_input_ = false;
    image_type_.clear();
  }
  PieceDelta& piece(PartKind kind, ChoiceDelta& out) {
    PieceDelta& made = out.pieces.emplace_back();
    made.kind = kind;
    made.begins = std::exchange(fresh_, false);
    return made;
  }
  void say(PartKind kind, std::string text, ChoiceDelta& out) {
    if (!text.empty()) piece(kind, out).text = std::move(text);
  }

  void add_reasoning(std::string_view reasoning, ChoiceDelta& out) {
    say(PartKind::reasoning, text_in(reasoning, "text"), out);
    add_proof(text_in(reasoning, "signature"), false, out);
    add_proof(text_in(reasoning, "redactedContent"), true, out);
  }
  void add_whole_reasoning(std::string_view reasoning, ChoiceDelta& out) {
    auto const text = object_in(reasoning, "reasoningText");
    add_reasoning(text.empty() ? reasoning : text, out);
  }
  void add_proof(std::string proof, bool redacted, ChoiceDelta& out) {
    if (proof.empty()) return;
    PieceDelta& made = piece(PartKind::reasoning, out);
    made.signature = Signature{Dialect::bedrock, std::move(proof)};
    made.redacted = redacted;
  }

  PieceDelta& call_piece(ChoiceDelta& out) {
    PieceDelta& made = out.pieces.emplace_back();
    made.kind = PartKind::tool_call;
    made.index = calls_ - 1;
    return made;
  }
  /// A call that the provider answers itself is its own affair.
  void begin_call(std::string_view call, ChoiceDelta& out) {
    if (text_in(call, "type") == "server_tool_use") return;
    ++calls_;
    in_call_ = unsaid_input_ = true;
    PieceDelta& made = call_piece(out);
    made.call.id = text_in(call, "toolUseId");
    made.call.name = text_in(call, "name");
  }
  void add_input(std::string text, ChoiceDelta& out) {
    if (text.empty() || !in_call_) return;
    unsaid_input_ = false;
    call_piece(out).call.arguments = std::move(text);
  }
  void add_whole_call(std::string_view call, ChoiceDelta& out) {
    begin_call(call, out);
    if (!in_call_) return;
    auto const input = find_member(call, "input");
    out.pieces.back().call.arguments = input && input->kind != JsonKind::null ? input->value : "{}";
  }

  void begin_image(std::string_view image) { image_type_ = "image/" + text_in(image, "format"); }
  void add_image(std::string_view image, ChoiceDelta& out) {
    std::string const bytes = text_in(object_in(image, "source"), "bytes");
    if (bytes.empty() || image_type_.empty()) return;
    PieceDelta& made = piece(PartKind::image, out);
    made.media_type = image_type_;
    made.data = made.begins ? make_data_url(image_type_, bytes) : bytes;
  }

  void add_citation(JsonMember const& citation, ChoiceDelta& out) {
    if (citation.kind == JsonKind::object)
      piece(PartKind::text, out).citations.push_back(read_citation(citation.value));
  }
  void add_cited(std::string_view cited, ChoiceDelta& out) {
    auto const each = [&](std::string_view name, auto&& with) {
      auto const list = find_member(cited, name);
      if (list && list->kind == JsonKind::array) scan_array(list->value, with);
    };
    each("content", [&](JsonMember const& part) { say(PartKind::text, text_in(part.value, "text"), out); });
    each("citations", [&](JsonMember const& citation) { add_citation(citation, out); });
  }

  std::string image_type_;  ///< Of the open block.
  std::int64_t calls_{0};
  bool fresh_{true};
  bool in_call_{false};
  bool unsaid_input_{false};
};

inline void decode_finish(std::string word, ChoiceDelta& choice) {
  choice.finish = bedrock_finish_reason(word);
  if (choice.finish == FinishReason::other || word == "model_context_window_exceeded" ||
      word == "guardrail_intervened")
    choice.finish_text = std::move(word);
}

}  // namespace bedrock_reply

/// Reads one whole answer of Converse. Not kept: metrics, traces of guardrails, calls that the provider answers itself.
///
/// Errors: malformed_reply for what is no answer.
inline Result<ChatDelta> decode_bedrock_reply(std::string_view json) {
  using namespace bedrock_reply;
  // All of it, as the input of a call and citations are carried as they are.
  if (first_json_error(json)) return tl::unexpected<Error>(malformed("the provider's reply is not JSON"));
  auto const content = find_member(object_in(object_in(json, "output"), "message"), "content");
  if (!content || content->kind != JsonKind::array)
    return tl::unexpected<Error>(malformed("the provider's reply is not an answer of Converse"));
  ChatDelta delta;
  delta.dialect = Dialect::bedrock;
  ChoiceDelta& choice = delta.choices.emplace_back();
  choice.role = Role::assistant;
  Blocks blocks;
  scan_array(content->value, [&](JsonMember const& block) { blocks.add_whole(block.value, choice); });
  decode_finish(text_in(json, "stopReason"), choice);
  if (Usage const usage = read_bedrock_usage(object_in(json, "usage")); !usage.empty()) delta.usage = usage;
  CompletionBuilder whole;  // joins what the blocks were told in
  whole.add(std::move(delta));
  return std::move(whole).take();
}

/// The events of one ConverseStream, for SseReplyDecoder. Each becomes at most one step.
class BedrockReplyEvents {
 public:
  Result<bool> decode(net::SseEvent const& event, std::vector<ChatDelta>& out) {
    using namespace bedrock_reply;
    if (auto failure = bedrock_stream::failure_of(event)) return tl::unexpected<Error>(*std::move(failure));
    if (first_json_error(event.data)) return tl::unexpected<Error>(bedrock_stream::not_json());
    ChatDelta step;
    step.dialect = Dialect::bedrock;
    ChoiceDelta& choice = step.choices.emplace_back();
    if (event.event == "contentBlockDelta") blocks_.add(object_in(event.data, "delta"), choice);
    else if (event.event == "contentBlockStart") blocks_.begin(object_in(event.data, "start"), choice);
    else if (event.event == "contentBlockStop") blocks_.end(choice);
    else if (event.event == "messageStart") choice.role = Role::assistant;
    else if (event.event == "messageStop") stop(event.data, choice);
    else if (event.event == "metadata") {
      if (Usage const usage = read_bedrock_usage(object_in(event.data, "usage")); !usage.empty())
        step.usage = usage;
      step.choices.clear();  // the choice has ended
      if (step.usage) out.push_back(std::move(step));
      return !stopped_;
    }
    if (choice.role || !choice.pieces.empty() || choice.finish != FinishReason::none)
      out.push_back(std::move(step));
    return true;
  }

 private:
  void stop(std::string_view event, ChoiceDelta& choice) {
    bedrock_reply::decode_finish(text_in(event, "stopReason"), choice);
    stopped_ = true;
  }

  bedrock_reply::Blocks blocks_;
  bool stopped_{false};
};

using BedrockStreamDecoder = SseReplyDecoder<BedrockReplyEvents, AwsEventSplitter>;
using BedrockWholeDecoder = WholeReplyDecoder<&decode_bedrock_reply>;

}  // namespace lowart::dialect
