#pragma once
/// CompletionBuilder: the steps of an answer, gathered into one.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Joins texts, merges the pieces of tool calls by index, keeps the last finish reason and the last usage.
/// Log probabilities are joined member by member; of an unknown field the last value counts, lists are
/// joined.
class CompletionBuilder {
 public:
  void add(ChatDelta const& delta) {
    if (whole_.id.empty()) whole_.id = delta.id;
    if (whole_.model.empty()) whole_.model = delta.model;
    if (whole_.created == 0) whole_.created = delta.created;
    if (delta.usage) whole_.usage = delta.usage;
    merge_extra(whole_.extra, delta.extra);
    for (ChoiceDelta const& choice : delta.choices) add_choice(choice);
  }

  /// One step that says the same as all those added; choices and tool calls in the order of their index.
  ChatDelta const& whole() const noexcept { return whole_; }
  ChatDelta take() && { return std::move(whole_); }

 private:
  /// The element of that index, made at its place when there is none yet.
  template <class T>
  static T& at_index(std::vector<T>& all, std::int64_t index) {
    auto const place = std::lower_bound(all.begin(), all.end(), index,
                                        [](T const& e, std::int64_t i) { return e.index < i; });
    if (place != all.end() && place->index == index) return *place;
    T fresh;
    fresh.index = index;
    return *all.insert(place, std::move(fresh));
  }

  void add_choice(ChoiceDelta const& from) {
    ChoiceDelta& to = at_index(whole_.choices, from.index);
    if (from.role) to.role = from.role;
    to.text.append(from.text);
    to.reasoning.append(from.reasoning);
    to.refusal.append(from.refusal);
    for (ToolCallDelta const& call : from.tool_calls)
      add_tool_call(at_index(to.tool_calls, call.index), call);
    if (from.finish != FinishReason::none) to.finish = from.finish, to.finish_text = from.finish_text;
    if (!from.logprobs.empty()) merge_objects(to.logprobs, from.logprobs);
    merge_extra(to.extra, from.extra);
  }

  static void add_tool_call(ToolCallDelta& to, ToolCallDelta const& from) {
    if (to.id.empty()) to.id = from.id;
    if (to.name.empty()) to.name = from.name;
    to.arguments.append(from.arguments);
    to.custom = to.custom || from.custom;
  }

  static bool is_list(RawJson const& json) { return json.text.size() > 1 && json.text.front() == '['; }

  static void merge_value(RawJson& to, RawJson const& from) {
    if (!is_list(to) || !is_list(from)) {
      to = from;
      return;
    }
    std::string joined;
    JsonWriter w(joined);
    w.begin_list();
    auto const add = [&](JsonMember const& element) { w.raw(element.value); };
    scan_array(to.text, add);
    scan_array(from.text, add);
    w.end_list();
    to.text = std::move(joined);
  }

  static void merge_extra(std::vector<ExtraField>& to, std::vector<ExtraField> const& from) {
    for (ExtraField const& field : from) {
      auto const known =
          std::find_if(to.begin(), to.end(), [&](ExtraField const& f) { return f.name == field.name; });
      if (known == to.end()) to.push_back(field);
      else merge_value(known->value, field.value);
    }
  }

  static std::vector<ExtraField> members(RawJson const& object) {
    std::vector<ExtraField> all;
    scan_object(object.text,
                [&](JsonMember const& m) { all.push_back({std::string(m.key), {std::string(m.value)}}); });
    return all;
  }
  static void merge_objects(RawJson& to, RawJson const& from) {
    auto all = members(to);
    merge_extra(all, members(from));
    std::string joined;
    JsonWriter w(joined);
    w.begin_object().extra(all).end_object();
    to.text = std::move(joined);
  }

  ChatDelta whole_;
};

}  // namespace lowart::dialect
