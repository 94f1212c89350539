#pragma once
/// A Conversation, written as a request of the Responses dialect.

#include <lowart/core/result.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/reasoning_effort.hpp>
#include <lowart/dialect/responses_items_encode.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace responses_request {

/// Writes what is not an item.
class Settings {
 public:
  Settings(JsonWriter& w, Conversation const& c)
      : w_(w),
        c_(c),
        own_(c.dialect == Dialect::openai_responses || c.dialect == Dialect::neutral),
        theirs_(c.dialect != Dialect::openai_responses) {}

  void write() {
    if (!c_.tools.empty()) {
      w_.begin_list("tools");
      for (Tool const& tool : c_.tools) write_tool(tool);
      w_.end_list();
    }
    write_choice();
    write_text();
    write_reasoning();
    w_.flag_if("parallel_tool_calls", c_.parallel_tool_calls).count_if("max_output_tokens", c_.max_tokens);
    w_.number_if("temperature", c_.temperature).number_if("top_p", c_.top_p);
    w_.count_if("top_logprobs", c_.top_logprobs).text_if("user", c_.user);
    if (c_.stream) w_.flag("stream", true);
    if (theirs_) write_keeping();
    if (!own_) return;
    for (ExtraField const& field : c_.extra)
      if (field.name != "text" && field.name != "reasoning") w_.raw_if(field.name, field.value);
  }

 private:
  RawJson const* kept(std::string_view name) const { return own_ ? find_extra(c_.extra, name) : nullptr; }
  bool has(std::string_view name) const { return kept(name) != nullptr; }
  void end_inner(std::string_view name) {
    if (auto const* rest = kept(name)) w_.members_of(rest->text);
    w_.end_object();
  }

  void write_tool(Tool const& tool) {
    if (!tool.raw.empty()) {
      if (own_) w_.raw(tool.raw.text);
      return;
    }
    w_.begin_object().text("type", tool.custom ? "custom" : "function").text("name", tool.name);
    w_.text_if("description", tool.description);
    if (tool.custom) {
      w_.raw_if("format", tool.format);
    } else if (theirs_) {
      // Absent would mean strict here; other dialects mean the opposite.
      bool const takes_none = tool.parameters.empty();
      w_.raw("parameters", takes_none ? R"({"type":"object","properties":{}})" : tool.parameters.text);
      w_.flag("strict", tool.strict.value_or(false));
    } else {
      w_.raw_if("parameters", tool.parameters).flag_if("strict", tool.strict);
    }
    if (own_) w_.extra(tool.extra);
    w_.end_object();
  }

  std::string_view type_of(std::string const& tool) const noexcept {
    auto const found = std::find_if(c_.tools.begin(), c_.tools.end(),
                                    [&](Tool const& t) { return t.custom && t.name == tool; });
    return found == c_.tools.end() ? "function" : "custom";
  }
  void write_choice() {
    ToolChoice const& choice = c_.tool_choice;
    if (choice.kind == ToolChoiceKind::unset) return;
    if (own_ && !choice.raw.empty()) return void(w_.raw("tool_choice", choice.raw.text));
    bool const required = choice.kind == ToolChoiceKind::required;
    if (!choice.allowed.empty()) {
      w_.begin_object("tool_choice").text("type", "allowed_tools");
      w_.text("mode", required ? "required" : "auto").begin_list("tools");
      for (std::string const& name : choice.allowed)
        w_.begin_object().text("type", type_of(name)).text("name", name).end_object();
      return void(w_.end_list().end_object());
    }
    switch (choice.kind) {
      case ToolChoiceKind::automatic: w_.text("tool_choice", "auto"); break;
      case ToolChoiceKind::none: w_.text("tool_choice", "none"); break;
      case ToolChoiceKind::required: w_.text("tool_choice", "required"); break;
      case ToolChoiceKind::named:
        w_.begin_object("tool_choice").text("type", type_of(choice.name)).text("name", choice.name);
        w_.end_object();
        break;
      case ToolChoiceKind::unset:
      case ToolChoiceKind::other: break;
    }
  }

  void write_text() {
    bool const has_format = c_.output_format.kind != OutputKind::unset;
    if (!has_format && c_.verbosity.empty() && !has("text")) return;
    w_.begin_object("text");
    if (has_format) write_format();
    w_.text_if("verbosity", c_.verbosity);
    end_inner("text");
  }
  void write_format() {
    OutputFormat const& format = c_.output_format;
    if (own_ && !format.raw.empty()) return void(w_.raw("format", format.raw.text));
    if (format.kind == OutputKind::other) return;
    w_.begin_object("format");
    if (format.kind == OutputKind::json_schema) {
      bool const nameless = format.name.empty() && theirs_;
      w_.text("type", "json_schema").text_if("name", nameless ? "answer" : format.name);
      w_.text_if("description", format.description).raw_if("schema", format.schema);
      w_.flag_if("strict", format.strict);
    } else {
      w_.text("type", format.kind == OutputKind::text ? "text" : "json_object");
    }
    w_.end_object();
  }

  std::string effort() const {
    bool const off = theirs_ && c_.reasoning.effort.empty() && c_.reasoning.mode == "disabled";
    return off ? "none" : effort_of(c_.reasoning);
  }
  /// The summary that comes nearest to what is to be shown.
  std::string_view summary() const noexcept {
    std::string_view const shown = c_.reasoning.shown;
    if (!theirs_) return shown;
    if (shown == "full") return "detailed";
    return shown == "none" ? "" : shown;
  }
  void write_reasoning() {
    std::string const how_much = effort();
    if (how_much.empty() && summary().empty() && !has("reasoning")) return;
    w_.begin_object("reasoning").text_if("effort", how_much).text_if("summary", summary());
    end_inner("reasoning");
  }

  /// The provider is to keep nothing, so its reasoning has to come with its proof.
  void write_keeping() {
    if (!has("store")) w_.flag("store", false);
    if (has("include")) return;
    bool const proof = wants_reasoning(), logprobs = c_.logprobs == true;
    if (!proof && !logprobs) return;
    w_.begin_list("include");
    if (proof) w_.text(wants_proof);
    if (logprobs) w_.text(wants_logprobs);
    w_.end_list();
  }
  /// A model that does not reason refuses to be asked for the proof of it.
  bool wants_reasoning() const {
    std::string const how_much = effort();
    if (!how_much.empty()) return how_much != "none";
    if (!summary().empty() || c_.reasoning.budget_tokens.has_value()) return true;
    for (Message const& message : c_.messages)
      for (ContentPart const& part : message.content)
        if (part.kind == PartKind::reasoning && part.signature.by == Dialect::openai_responses) return true;
    return false;
  }

  JsonWriter& w_;
  Conversation const& c_;
  bool own_;     ///< Extra fields and raw JSON are words of this dialect.
  bool theirs_;  ///< Absent members mean what another dialect means by them.
};

/// Whether the first message can be said in `instructions`: one text without more.
inline bool is_instructions(Conversation const& c) noexcept {
  if (!c.system_is_apart || c.messages.empty() || c.messages.front().content.size() != 1) return false;
  return c.messages.front().content.front().kind == PartKind::text;
}

}  // namespace responses_request

/// The body of a POST /v1/responses for `model`. What decode_responses read comes out with the same meaning: all
/// members, known or not; only their order, white space, nulls and defaults may differ. What this dialect cannot
/// say goes to `losses`. Another dialect's conversation is not to be stored (`store:false`), and reasoning is asked
/// for with its proof, so that it can be brought back.
///
/// Errors: that of `losses`.
inline Result<std::string> encode_responses(Conversation const& c, std::string_view model, Losses& losses) {
  using namespace responses_request;
  check_fidelity(c, Dialect::openai_responses, losses);
  std::string body;
  body.reserve(estimated_size(c));
  JsonWriter w(body);
  w.begin_object().text("model", model);
  bool const instructed = is_instructions(c);
  if (instructed) w.text("instructions", c.messages.front().content.front().text);
  if (c.messages.size() > (instructed ? 1U : 0U) || c.dialect != Dialect::openai_responses) {
    w.begin_list("input");
    responses_items::Writer items(w, c, losses);
    for (std::size_t i = instructed ? 1 : 0; i < c.messages.size(); ++i) items.message(i);
    w.end_list();
  }
  Settings(w, c).write();
  w.end_object();
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  return body;
}

}  // namespace lowart::dialect
