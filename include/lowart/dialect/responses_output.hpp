#pragma once
/// The output items of one response while it is written: each with the events that tell of it.

#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/responses_citation.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect::responses_output {

/// Writes events, numbered; nothing when nobody streams.
class Events {
 public:
  explicit Events(bool streamed) noexcept : streamed_(streamed) {}

  void into(std::string& out) noexcept { out_ = &out; }
  std::int64_t next_number() noexcept { return number_++; }

  /// `members(JsonWriter&)` writes what the event has beside its type and number.
  template <class F>
  void event(std::string_view type, F&& members) {
    if (!streamed_) return;
    out_->append("event: ").append(type).append("\ndata: ");
    std::size_t const begin = out_->size();
    JsonWriter w(*out_);
    w.begin_object().text("type", type).count("sequence_number", next_number());
    members(w);
    w.end_object();
    // What is repeated of a request or of a provider may have line ends between its tokens.
    for (std::size_t at = begin; (at = out_->find_first_of("\r\n", at)) != std::string::npos;)
      out_->erase(at, 1);
    out_->append("\n\n");
  }

 private:
  std::string* out_{nullptr};
  std::int64_t number_{0};
  bool streamed_;
};

/// Where an item stands, for the events that tell of it.
struct Place {
  std::string id;
  std::int64_t index{0};

  void write(JsonWriter& w) const { w.text("item_id", id).count("output_index", index); }
};

/// Tells of an item: that it begins, or that it is done. `item` is its JSON.
inline void tell_item(Events& events, std::string_view type, std::int64_t index, std::string_view item) {
  events.event(type, [&](JsonWriter& w) { w.count("output_index", index).raw("item", item); });
}

/// A message of the assistant: parts of text and refusals.
class MessageItem {
 public:
  MessageItem(Events& events, Place place) : events_(events), place_(std::move(place)) {
    tell_item(events_, "response.output_item.added", place_.index, json("in_progress"));
  }

  void say(PieceDelta const& piece, RawJson const& logprobs) {
    bool const other = piece.kind != kind_ || (piece.begins && !piece.text.empty());
    if (open_ && other) end_part();
    if (!open_) begin_part(piece.kind);
    if (!piece.text.empty()) add(piece.text, logprobs);
    for (Citation const& citation : piece.citations) cite(citation);
  }
  /// Ends it; its JSON.
  std::string end(std::string_view status) {
    if (open_) end_part();
    std::string item = json(status);
    tell_item(events_, "response.output_item.done", place_.index, item);
    return item;
  }

 private:
  void write_place(JsonWriter& w) const {
    place_.write(w);
    w.count("content_index", content_index_);
  }
  std::string json(std::string_view status) const {
    std::string item;
    JsonWriter w(item);
    w.begin_object().text("id", place_.id).text("type", "message").text("status", status);
    w.text("role", "assistant").raw("content", "[" + parts_ + "]").end_object();
    return item;
  }
  std::string part() const {
    std::string json;
    JsonWriter w(json);
    w.begin_object();
    if (kind_ == PartKind::refusal) {
      w.text("type", "refusal").text("refusal", text_);
    } else {
      w.text("type", "output_text").text("text", text_).raw("annotations", "[" + annotations_ + "]");
      w.raw("logprobs", "[" + logprobs_ + "]");
    }
    w.end_object();
    return json;
  }

  void begin_part(PartKind kind) {
    kind_ = kind == PartKind::refusal ? PartKind::refusal : PartKind::text;
    open_ = true;
    text_.clear();
    annotations_.clear();
    logprobs_.clear();
    annotation_index_ = 0;
    events_.event("response.content_part.added", [&](JsonWriter& w) {
      write_place(w);
      w.raw("part", part());
    });
  }
  void add(std::string_view text, RawJson const& logprobs) {
    text_.append(text);
    bool const refusal = kind_ == PartKind::refusal;
    std::string_view list;
    if (!refusal && !logprobs.empty())
      if (auto const content = find_member(logprobs.text, "content");
          content && content->kind == JsonKind::array)
        list = content->value.substr(1, content->value.size() - 2);
    if (!list.empty()) logprobs_.append(logprobs_.empty() ? "" : ",").append(list);
    events_.event(refusal ? "response.refusal.delta" : "response.output_text.delta", [&](JsonWriter& w) {
      write_place(w);
      w.text("delta", text);
      if (refusal) return;
      w.begin_list("logprobs");
      if (!list.empty()) w.raw(list);
      w.end_list();
    });
  }
  void cite(Citation const& citation) {
    if (!is_annotation(citation)) return;
    std::string json;
    JsonWriter annotation(json);
    write_annotation(annotation, citation);
    annotations_.append(annotations_.empty() ? "" : ",").append(json);
    events_.event("response.output_text.annotation.added", [&](JsonWriter& w) {
      write_place(w);
      w.count("annotation_index", annotation_index_).raw("annotation", json);
    });
    ++annotation_index_;
  }
  void end_part() {
    bool const refusal = kind_ == PartKind::refusal;
    events_.event(refusal ? "response.refusal.done" : "response.output_text.done", [&](JsonWriter& w) {
      write_place(w);
      w.text(refusal ? "refusal" : "text", text_);
      if (!refusal) w.raw("logprobs", "[" + logprobs_ + "]");
    });
    std::string const json = part();
    events_.event("response.content_part.done", [&](JsonWriter& w) {
      write_place(w);
      w.raw("part", json);
    });
    parts_.append(parts_.empty() ? "" : ",").append(json);
    ++content_index_;
    open_ = false;
  }

  Events& events_;
  Place place_;
  std::string parts_, text_, annotations_, logprobs_;
  std::int64_t content_index_{0};
  std::int64_t annotation_index_{0};
  PartKind kind_{PartKind::text};
  bool open_{false};
};

/// Reasoning: what is shown of it as a summary, and its proof.
class ReasoningItem {
 public:
  ReasoningItem(Events& events, Place place) : events_(events), place_(std::move(place)) {
    tell_item(events_, "response.output_item.added", place_.index, json());
  }

  void say(std::string_view text) {
    if (!std::exchange(open_, true))
      events_.event("response.reasoning_summary_part.added", [&](JsonWriter& w) {
        write_place(w);
        w.raw("part", part());
      });
    text_.append(text);
    events_.event("response.reasoning_summary_text.delta", [&](JsonWriter& w) {
      write_place(w);
      w.text("delta", text);
    });
  }
  /// `shown`: that there is a text, though it is empty, and not only a proof.
  void prove(std::string proof, bool shown) {
    proof_ = std::move(proof);
    shown_ = shown;
  }
  bool is_proved() const noexcept { return !proof_.empty(); }
  bool has_text() const noexcept { return open_; }

  std::string end() {
    if (open_) {
      events_.event("response.reasoning_summary_text.done", [&](JsonWriter& w) {
        write_place(w);
        w.text("text", text_);
      });
      events_.event("response.reasoning_summary_part.done", [&](JsonWriter& w) {
        write_place(w);
        w.raw("part", part());
      });
    }
    std::string item = json();
    tell_item(events_, "response.output_item.done", place_.index, item);
    return item;
  }

 private:
  void write_place(JsonWriter& w) const {
    place_.write(w);
    w.count("summary_index", 0);
  }
  std::string part() const {
    std::string json;
    JsonWriter(json).begin_object().text("type", "summary_text").text("text", text_).end_object();
    return json;
  }
  std::string json() const {
    std::string item;
    JsonWriter w(item);
    w.begin_object().text("id", place_.id).text("type", "reasoning").begin_list("summary");
    if (open_ || shown_) w.raw(part());
    w.end_list().text_if("encrypted_content", proof_).end_object();
    return item;
  }

  Events& events_;
  Place place_;
  std::string text_, proof_;
  bool open_{false};
  bool shown_{false};
};

/// A call of a tool of the client's.
class CallItem {
 public:
  /// `held`: a free-form tool that another dialect's provider called as a function with `{"input": "..."}`; what it
  /// is called with is told when that is whole.
  CallItem(Events& events, Place place, ToolCall call, bool held)
      : events_(events), place_(std::move(place)), call_(std::move(call)), held_(held) {
    std::string const arguments = std::exchange(call_.arguments, {});
    call_.custom = call_.custom || held_;
    tell_item(events_, "response.output_item.added", place_.index, json("in_progress"));
    add(arguments);
  }

  void add(std::string_view arguments) {
    if (arguments.empty()) return;
    call_.arguments.append(arguments);
    if (!held_) tell_delta(arguments);
  }
  std::string end(std::string_view status) {
    if (held_) {
      call_.arguments = plain_input(call_.arguments);
      tell_delta(call_.arguments);
    }
    auto const type =
        call_.custom ? "response.custom_tool_call_input.done" : "response.function_call_arguments.done";
    events_.event(type, [&](JsonWriter& w) {
      place_.write(w);
      if (!call_.custom) w.text("name", call_.name);
      w.text(member(), call_.arguments);
    });
    std::string item = json(status);
    tell_item(events_, "response.output_item.done", place_.index, item);
    return item;
  }
  std::int64_t index() const noexcept { return place_.index; }

  /// What stands in `{"input": "..."}`; any other text as it is.
  static std::string plain_input(std::string const& arguments) {
    auto const input = find_member(arguments, "input");
    std::string text;
    if (!input || input->kind != JsonKind::string || !decode_string(input->value, text)) return arguments;
    return text;
  }

 private:
  std::string_view member() const noexcept { return call_.custom ? "input" : "arguments"; }
  void tell_delta(std::string_view text) {
    if (text.empty()) return;
    auto const type =
        call_.custom ? "response.custom_tool_call_input.delta" : "response.function_call_arguments.delta";
    events_.event(type, [&](JsonWriter& w) {
      place_.write(w);
      w.text("delta", text);
    });
  }
  std::string json(std::string_view status) const {
    std::string item;
    JsonWriter w(item);
    w.begin_object().text("id", place_.id).text("type", call_.custom ? "custom_tool_call" : "function_call");
    w.text("status", status).text("call_id", call_.id).text("name", call_.name);
    w.text(member(), call_.arguments).end_object();
    return item;
  }

  Events& events_;
  Place place_;
  ToolCall call_;
  bool held_;
};

}  // namespace lowart::dialect::responses_output
