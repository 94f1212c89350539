#pragma once
/// Neutral steps, written as a stream or as one whole response of the Responses dialect.

#include <lowart/dialect/reply_writer.hpp>
#include <lowart/dialect/responses_echo.hpp>
#include <lowart/dialect/responses_error.hpp>
#include <lowart/dialect/responses_output.hpp>
#include <lowart/dialect/responses_usage.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Trivial on purpose: see the await rules.
struct ResponsesWriterOptions {
  bool streamed{true};  ///< False: no events are written, only response() is wanted.
};

/// Writes one answer as the items of a response, and as the events that tell of them.
///
/// Each event has the next sequence_number. Items begin in the order of their first piece; messages, reasoning and
/// images end when something else begins, calls at the end, because pieces of several may be mixed. The first choice
/// only: this dialect has no other. Reasoning is told as its summary. A signature, whoever made it, is the
/// encrypted_content of a reasoning item, sealed; one that belongs to a text or a call (Gemini) gets an item of its
/// own before the call or behind the text. Calls of free-form tools that came as functions become custom_tool_calls
/// again. Audio has no place here. The object of the response repeats its request: see ResponseEcho.
class ResponsesReplyWriter final : public ReplyWriter {
 public:
  explicit ResponsesReplyWriter(ReplyContext const& context, ResponsesWriterOptions options = {})
      : events_(options.streamed),
        echo_(context.request, context.stores),
        base_id_(context.id),
        id_("resp_" + context.id),
        model_(context.model),
        created_(context.created) {}
  ResponsesReplyWriter(ResponsesReplyWriter const&) = delete;
  ResponsesReplyWriter& operator=(ResponsesReplyWriter const&) = delete;

  void write(ChatDelta const& step, std::string& out) override {
    events_.into(out);
    begin(step);
    if (step.usage) usage_ = step.usage;
    for (ChoiceDelta const& choice : step.choices)
      if (choice.index == 0) write_choice(choice, step.dialect);
  }
  void finish(std::string& out) override {
    events_.into(out);
    begin(ChatDelta());
    status_ = incomplete_reason_.empty() ? "completed" : "incomplete";
    end_items(status_);
    tell_response(incomplete_reason_.empty() ? "response.completed" : "response.incomplete");
  }
  /// Tells that the response failed, and then the error itself, on which the official SDKs raise.
  void fail(Error const& error, std::string& out) override {
    events_.into(out);
    begin(ChatDelta());
    end_items("incomplete");
    status_ = "failed";
    JsonWriter w(error_);
    w.begin_object().text("code", responses_error::code_of(error)).text("message", message_of(error));
    w.end_object();
    tell_response("response.failed");
    out.append(responses_error_event(error, events_.next_number()));
  }

  /// The object of the response as it stands: whole after finish().
  std::string response() const {
    std::string json;
    JsonWriter w(json);
    write_response(w);
    return json;
  }
  std::string const& id() const noexcept { return id_; }

 private:
  struct Call {
    std::int64_t index;
    responses_output::CallItem item;
  };

  void begin(ChatDelta const& step) {
    if (std::exchange(begun_, true)) return;
    if (step.dialect == Dialect::openai_responses && !step.id.empty()) id_ = step.id;
    if (!step.model.empty()) model_ = step.model;
    if (step.created != 0) created_ = step.created;
    tell_response("response.created");
    tell_response("response.in_progress");
  }
  void tell_response(std::string_view type) {
    events_.event(type, [this](JsonWriter& w) {
      w.key("response");
      write_response(w);
    });
  }
  void write_response(JsonWriter& w) const {
    w.begin_object().text("id", id_).text("object", "response").count("created_at", created_);
    w.text("status", status_).raw("error", error_.empty() ? "null" : error_).text("model", model_);
    if (incomplete_reason_.empty()) w.null("incomplete_details");
    else w.begin_object("incomplete_details").text("reason", incomplete_reason_).end_object();
    w.begin_list("output");
    for (std::string const& item : items_)
      if (!item.empty()) w.raw(item);
    w.end_list();
    echo_.write(w);
    if (usage_) write_responses_usage(w.key("usage"), *usage_);
    else w.null("usage");
    w.end_object();
  }

  responses_output::Place next_place(std::string_view prefix) {
    auto const index = static_cast<std::int64_t>(items_.size());
    items_.emplace_back();
    return {std::string(prefix).append(base_id_).append("_").append(std::to_string(index)), index};
  }
  void put(std::int64_t index, std::string item) {
    items_[static_cast<std::size_t>(index)] = std::move(item);
  }

  void write_choice(ChoiceDelta const& choice, Dialect dialect) {
    // The log probabilities of a step belong to its text, all of it.
    RawJson const* logprobs = &choice.logprobs;
    static RawJson const none;
    for (std::size_t i = 0; i < choice.pieces.size(); ++i) {
      PieceDelta const& piece = choice.pieces[i];
      switch (piece.kind) {
        case PartKind::text:
        case PartKind::refusal:
          write_said(piece, *logprobs);
          if (piece.kind == PartKind::text && !piece.text.empty()) logprobs = &none;
          break;
        case PartKind::reasoning: write_reasoning(piece); break;
        case PartKind::tool_call: write_call(choice.pieces, i); break;
        case PartKind::image: write_image(piece); break;
        case PartKind::other:
          if (dialect == Dialect::openai_responses && !piece.raw.empty()) write_raw(piece.raw.text);
          break;
        case PartKind::audio:
        case PartKind::video:
        case PartKind::file: break;
      }
    }
    note_finish(choice, dialect);
  }

  void note_finish(ChoiceDelta const& choice, Dialect dialect) {
    if (choice.finish == FinishReason::length) incomplete_reason_ = "max_output_tokens";
    else if (choice.finish == FinishReason::content_filter) incomplete_reason_ = "content_filter";
    else if (choice.finish == FinishReason::other && dialect == Dialect::openai_responses)
      incomplete_reason_ = choice.finish_text;
  }

  void write_said(PieceDelta const& piece, RawJson const& logprobs) {
    if (!piece.text.empty() || !piece.citations.empty()) {
      end_reasoning();
      end_image();
      if (!message_) {
        auto place = next_place("msg_");
        message_at_ = place.index;
        message_.emplace(events_, std::move(place));
      }
      message_->say(piece, logprobs);
    }
    if (!piece.signature.empty()) text_proof_ = seal(piece.signature, Dialect::openai_responses);
  }

  void write_reasoning(PieceDelta const& piece) {
    end_message("completed");
    end_image();
    bool const proves = !piece.signature.empty();
    bool const another = reasoning_ && (piece.begins || (proves && reasoning_->is_proved()) ||
                                        (piece.redacted && reasoning_->has_text()) ||
                                        (!piece.text.empty() && reasoning_->is_proved()));
    if (another) end_reasoning();
    if (piece.text.empty() && !proves) return;
    open_reasoning();
    if (!piece.text.empty()) reasoning_->say(piece.text);
    if (!proves) return;
    bool const foreign = piece.signature.by != Dialect::openai_responses;
    reasoning_->prove(seal(piece.signature, Dialect::openai_responses), foreign && !piece.redacted);
  }
  void open_reasoning() {
    if (reasoning_) return;
    auto place = next_place("rs_");
    reasoning_at_ = place.index;
    reasoning_.emplace(events_, std::move(place));
  }
  /// A reasoning item that only carries a signature.
  void write_proof(std::string proof) {
    end_reasoning();
    open_reasoning();
    reasoning_->prove(std::move(proof), false);
    end_reasoning();
  }

  void write_call(std::vector<PieceDelta> const& pieces, std::size_t i) {
    PieceDelta const& piece = pieces[i];
    auto const known = std::find_if(calls_.begin(), calls_.end(),
                                    [&](Call const& call) { return call.index == piece.index; });
    if (known != calls_.end()) return known->item.add(piece.call.arguments);
    end_message("completed");
    end_reasoning();
    end_image();
    // A signature of the call stands in this step, behind the call's first piece.
    for (std::size_t k = i; k < pieces.size(); ++k)
      if (pieces[k].kind == PartKind::tool_call && pieces[k].index == piece.index &&
          !pieces[k].signature.empty())
        write_proof(seal(pieces[k].signature, Dialect::openai_responses));
    ToolCall call = piece.call;
    if (call.id.empty()) call.id = "call_" + base_id_ + "_" + std::to_string(piece.index);
    bool const held = !call.custom && echo_.is_custom_tool(call.name);
    auto place = next_place(call.custom || held ? "ctc_" : "fc_");
    calls_.push_back(Call{piece.index, {events_, std::move(place), std::move(call), held}});
  }

  /// An image is told as that of the vendor's tool, which is the only way to say one.
  void write_image(PieceDelta const& piece) {
    end_message("completed");
    end_reasoning();
    if (piece.begins) end_image();
    std::string_view data = piece.data;
    if (data.starts_with("data:")) data.remove_prefix(std::min(data.find(',') + 1, data.size()));
    image_.append(data);
  }
  void write_raw(std::string_view item) {
    end_message("completed");
    end_reasoning();
    end_image();
    put_whole(next_place("item_").index, std::string(item));
  }
  void put_whole(std::int64_t index, std::string item) {
    responses_output::tell_item(events_, "response.output_item.added", index, item);
    responses_output::tell_item(events_, "response.output_item.done", index, item);
    put(index, std::move(item));
  }

  void end_message(std::string_view status) {
    if (message_) {
      put(message_at_, message_->end(status));
      message_.reset();
    }
    if (!text_proof_.empty()) write_proof(std::exchange(text_proof_, {}));
  }
  void end_reasoning() {
    if (!reasoning_) return;
    put(reasoning_at_, reasoning_->end());
    reasoning_.reset();
  }
  void end_image() {
    if (image_.empty()) return;
    auto const place = next_place("ig_");
    std::string item;
    JsonWriter w(item);
    w.begin_object().text("id", place.id).text("type", "image_generation_call").text("status", "completed");
    w.text("result", std::exchange(image_, {})).end_object();
    put_whole(place.index, std::move(item));
  }
  void end_items(std::string_view status) {
    end_message(status);
    end_reasoning();
    end_image();
    for (Call& call : calls_) put(call.item.index(), call.item.end(status));
    calls_.clear();
  }

  responses_output::Events events_;
  ResponseEcho echo_;
  std::string base_id_, id_, model_;
  std::int64_t created_;
  std::string_view status_{"in_progress"};
  std::string error_, incomplete_reason_;
  std::vector<std::string> items_;  ///< By output_index; empty while an item is open.
  std::optional<responses_output::MessageItem> message_;
  std::optional<responses_output::ReasoningItem> reasoning_;
  std::vector<Call> calls_;
  std::string image_, text_proof_;
  std::optional<Usage> usage_;
  std::int64_t message_at_{0};
  std::int64_t reasoning_at_{0};
  bool begun_{false};
};

/// A whole answer as the body of a response.
inline std::string encode_responses_reply(ChatDelta const& whole, ReplyContext const& context) {
  ResponsesReplyWriter writer(context, {.streamed = false});
  std::string none;
  writer.write(whole, none);
  writer.finish(none);
  return writer.response();
}

}  // namespace lowart::dialect
