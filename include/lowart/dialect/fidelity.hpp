#pragma once
/// check_fidelity(): tells everything a conversation says that another dialect cannot.

#include <lowart/dialect/feature.hpp>
#include <lowart/dialect/hints.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/dialect/spelling.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <concepts>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace fidelity {

/// One walk over a conversation, against one target.
class Walk {
 public:
  Walk(Conversation const& c, Dialect target, Losses& losses)
      : c_(c),
        target_(target),
        losses_(losses),
        why_("cannot be said to a provider that speaks " + std::string(to_string(target))) {}

  void run() {
    bool turns_began = false;
    for (std::size_t i = 0; i < c_.messages.size(); ++i) {
      Message const& message = c_.messages[i];
      bool const system = message.role == Role::system || message.role == Role::developer;
      if (system)
        need(turns_began ? Feature::later_system_prompt : Feature::system_prompt,
             [&] { return path_of(c_, i); });
      turns_began = turns_began || !system;
      walk_message(message, i);
    }
    for (std::size_t i = 0; i < c_.tools.size(); ++i) walk_tool(c_.tools[i], i);
    walk_choice();
    walk_output();
    walk_settings();
    walk_extra(c_.extra, "");
  }
  /// Within one dialect only this is a loss: a proof that travelled through its client, which its provider would
  /// refuse.
  void run_within() {
    for (std::size_t i = 0; i < c_.messages.size(); ++i)
      for (std::size_t j = 0; j < c_.messages[i].content.size(); ++j) {
        ContentPart const& part = c_.messages[i].content[j];
        if (part.signature.is_foreign_to(target_))
          losses_.lose(Weight::hint, signature_path(i, j), "was made by another provider");
      }
  }

 private:
  std::string signature_path(std::size_t i, std::size_t j) const {
    std::string_view const member = signature_member(c_.dialect, c_.messages[i].content[j]);
    return path_of(c_, i, j).append(".").append(member);
  }

  /// `field()` spells it, which mostly nobody asks for.
  template <std::invocable F>
  void need(Feature feature, F&& field) {
    FeatureRow const& row = row_of(feature);
    if (row.in(target_) == Fidelity::none) losses_.lose(row.weight, field(), why_);
  }
  void need(Feature feature) {
    need(feature, [&] { return std::string(spelling(feature, c_.dialect)); });
  }
  void need_if(bool used, Feature feature) {
    if (used) need(feature);
  }
  /// Words of the client's dialect that the neutral language does not know.
  void walk_extra(std::vector<ExtraField> const& extra, std::string const& at) {
    for (ExtraField const& field : extra) {
      if (field.value.text == "null" || is_label(c_.dialect, field)) continue;
      Weight const weight = is_hint(c_.dialect, field) ? Weight::hint : Weight::meaning;
      losses_.lose(weight, at.empty() ? field.name : at + "." + field.name, why_);
    }
  }

  void walk_message(Message const& message, std::size_t i) {
    auto const member = [&](std::string_view name) {
      return [this, i, name] { return path_of(c_, i).append(name); };
    };
    if (!message.name.empty() && message.role != Role::tool) need(Feature::speaker_name, member(".name"));
    if (message.tool_failed) need(Feature::failed_tool, member(".is_error"));
    if (message.cache) need(Feature::cache_mark, member(".cache_control"));
    if (!message.extra.empty()) walk_extra(message.extra, path_of(c_, i));
    for (std::size_t j = 0; j < message.content.size(); ++j) walk_part(message, i, j);
  }

  void walk_part(Message const& message, std::size_t i, std::size_t j) {
    ContentPart const& part = message.content[j];
    bool const from_tool = message.role == Role::tool;
    bool const by_url = !part.media->data.empty() && !part.media->data.starts_with("data:");
    auto const here = [&] { return path_of(c_, i, j); };
    if (!part.raw.empty()) return need(Feature::vendor_part, here);
    switch (part.kind) {
      case PartKind::text:
      case PartKind::tool_call: break;
      case PartKind::image:
        if (!part.media->file_id.empty()) need_stored_file(here());
        else need(by_url ? Feature::image_url : Feature::image, here);
        break;
      case PartKind::audio: need(Feature::audio, here); break;
      case PartKind::video: need(Feature::video, here); break;
      case PartKind::file:
        if (!part.media->file_id.empty()) need_stored_file(here());
        else need(by_url ? Feature::document_url : Feature::document, here);
        break;
      case PartKind::refusal: need(Feature::refusal, here); break;
      case PartKind::reasoning:
        if (part.signature.by != target_) need(Feature::reasoning, here);
        break;
      case PartKind::other: return;
    }
    if (from_tool && part.kind != PartKind::text) need(Feature::tool_media, here);
    bool const signs = part.signature.is_foreign_to(target_) && part.signature.value != gemini_no_signature;
    if (signs && part.kind != PartKind::reasoning)
      need(Feature::signature, [&] { return signature_path(i, j); });
    if (!part.citations.empty()) need(Feature::citation, [&] { return here() + ".citations"; });
    if (part.cache) need(Feature::cache_mark, [&] { return here() + ".cache_control"; });
    if (!part.extra.empty()) walk_extra(part.extra, here());
  }
  /// OpenAI's two dialects share their files; any other pair does not.
  void need_stored_file(std::string at) {
    auto const is_openai = [](Dialect d) {
      return d == Dialect::openai_chat || d == Dialect::openai_responses || d == Dialect::neutral;
    };
    if (!is_openai(c_.dialect) || !is_openai(target_)) losses_.lose(Weight::meaning, std::move(at), why_);
  }

  void walk_tool(Tool const& tool, std::size_t i) {
    auto const here = [&] { return tool_path(c_.dialect, i); };
    if (!tool.raw.empty()) return need(Feature::vendor_tool, here);
    need(tool.custom ? Feature::custom_tool : Feature::tools, here);
    if (tool.strict == true) need(Feature::strict_tool, [&] { return here() + ".strict"; });
    if (tool.cache) need(Feature::cache_mark, [&] { return here() + ".cache_control"; });
    if (!tool.extra.empty()) walk_extra(tool.extra, here());
  }

  void walk_choice() {
    ToolChoice const& choice = c_.tool_choice;
    if (choice.kind == ToolChoiceKind::other)
      return need(Feature::vendor_tool, [] { return std::string("tool_choice"); });
    need_if(choice.kind != ToolChoiceKind::unset, Feature::tool_choice);
    need_if(!choice.allowed.empty(), Feature::allowed_tools);
    bool const may_be_several = choice.kind != ToolChoiceKind::named && choice.kind != ToolChoiceKind::none;
    need_if(c_.parallel_tool_calls == false && !c_.tools.empty() && may_be_several,
            Feature::one_call_at_a_time);
  }

  void walk_output() {
    switch (c_.output_format.kind) {
      case OutputKind::unset:
      case OutputKind::text: return;
      case OutputKind::json_object: return need(Feature::json_object);
      case OutputKind::json_schema: return need(Feature::json_schema);
      case OutputKind::other:
        return need(Feature::vendor_part,
                    [&] { return std::string(spelling(Feature::json_schema, c_.dialect)); });
    }
  }

  /// Google's own clients always send the default of Google's models, some of Ollama's that of Ollama: that is not the
  /// user's wish.
  void need_top_k() {
    constexpr std::int64_t googles_default = 64, ollamas_default = 40;
    bool const of_ollama = c_.dialect == Dialect::ollama || c_.dialect == Dialect::ollama_generate;
    bool const says_nothing = (c_.dialect == Dialect::gemini && c_.top_k == googles_default) ||
                              (of_ollama && c_.top_k == ollamas_default);
    if (!says_nothing) return need_if(c_.top_k.has_value(), Feature::top_k);
    if (row_of(Feature::top_k).in(target_) == Fidelity::none)
      losses_.lose(Weight::hint, std::string(spelling(Feature::top_k, c_.dialect)), why_);
  }

  void walk_settings() {
    ReasoningWish const& wish = c_.reasoning;
    need_if(!wish.effort.empty(), Feature::reasoning_effort);
    need_if(wish.budget_tokens.has_value(), Feature::reasoning_budget);
    need_if(!wish.shown.empty() && wish.shown != "none", Feature::shown_reasoning);
    need_if(c_.temperature.has_value(), Feature::temperature);
    need_if(c_.top_p.has_value(), Feature::top_p);
    need_top_k();
    need_if(c_.frequency_penalty.value_or(0) != 0, Feature::frequency_penalty);
    need_if(c_.presence_penalty.value_or(0) != 0, Feature::presence_penalty);
    need_if(c_.n.value_or(1) != 1, Feature::choices);
    need_if(c_.seed.has_value(), Feature::seed);
    need_if(c_.logprobs.value_or(false) || c_.top_logprobs.has_value(), Feature::logprobs);
    need_if(!c_.stop.empty(), Feature::stop);
    need_if(!c_.verbosity.empty(), Feature::verbosity);
    need_if(!c_.user.empty(), Feature::user);
  }

  Conversation const& c_;
  Dialect target_;
  Losses& losses_;
  std::string why_;
};

}  // namespace fidelity

/// Notes each loss of saying `c` in `target`. Within one dialect, and from the neutral language without extras,
/// nothing is lost but the signatures of other providers. An encoder calls it first, so that it only writes what its
/// dialect can say.
inline void check_fidelity(Conversation const& c, Dialect target, Losses& losses) {
  fidelity::Walk walk(c, target, losses);
  if (c.dialect != target) walk.run();
  else walk.run_within();
}

}  // namespace lowart::dialect
