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

/// Pieces that go on with a part are joined to it, those of a tool call by its index; parts stand in the order in
/// which they began. The last finish reason and the last usage count. Log probabilities are joined member by member;
/// of an unknown field the last value counts, lists are joined.
class CompletionBuilder {
 public:
  void add(ChatDelta delta) {
    whole_.dialect = delta.dialect;
    if (whole_.id.empty()) whole_.id = std::move(delta.id);
    if (whole_.model.empty()) whole_.model = std::move(delta.model);
    if (whole_.created == 0) whole_.created = delta.created;
    if (delta.usage) whole_.usage = delta.usage;
    merge_extra(whole_.extra, std::move(delta.extra));
    for (ChoiceDelta& choice : delta.choices) add_choice(std::move(choice));
  }

  /// One step that says the same as all those added; choices in the order of their index.
  ChatDelta const& whole() const noexcept { return whole_; }
  ChatDelta take() && { return std::move(whole_); }

 private:
  ChoiceDelta& choice_at(std::int64_t index) {
    auto& all = whole_.choices;
    auto const place = std::lower_bound(all.begin(), all.end(), index,
                                        [](ChoiceDelta const& e, std::int64_t i) { return e.index < i; });
    if (place != all.end() && place->index == index) return *place;
    ChoiceDelta fresh;
    fresh.index = index;
    return *all.insert(place, std::move(fresh));
  }

  void add_choice(ChoiceDelta from) {
    ChoiceDelta& to = choice_at(from.index);
    if (from.role) to.role = from.role;
    for (PieceDelta& piece : from.pieces) add_piece(to.pieces, std::move(piece));
    if (from.finish != FinishReason::none) {
      to.finish = from.finish;
      to.finish_text = std::move(from.finish_text);
      to.stop_sequence = std::move(from.stop_sequence);
    }
    if (!from.logprobs.empty()) merge_objects(to.logprobs, from.logprobs);
    merge_extra(to.extra, std::move(from.extra));
  }

  /// The part that a piece goes on with; null when it begins one.
  static PieceDelta* part_of(std::vector<PieceDelta>& parts, PieceDelta const& piece) {
    if (piece.kind == PartKind::other || piece.begins) return nullptr;
    if (piece.kind != PartKind::tool_call)
      return !parts.empty() && parts.back().kind == piece.kind ? &parts.back() : nullptr;
    auto const known = std::find_if(parts.begin(), parts.end(), [&](PieceDelta const& p) {
      return p.kind == PartKind::tool_call && p.index == piece.index;
    });
    return known == parts.end() ? nullptr : &*known;
  }

  /// Behind the last part; a tool call stands before those of a higher index.
  static std::vector<PieceDelta>::iterator place_of(std::vector<PieceDelta>& parts, PieceDelta const& piece) {
    if (piece.kind != PartKind::tool_call) return parts.end();
    return std::find_if(parts.begin(), parts.end(), [&](PieceDelta const& p) {
      return p.kind == PartKind::tool_call && p.index > piece.index;
    });
  }

  static void add_piece(std::vector<PieceDelta>& parts, PieceDelta from) {
    PieceDelta* const to = part_of(parts, from);
    if (to == nullptr) return void(parts.insert(place_of(parts, from), std::move(from)));
    to->text.append(from.text);
    if (to->call.id.empty()) to->call.id = from.call.id;
    if (to->call.name.empty()) to->call.name = from.call.name;
    to->call.arguments.append(from.call.arguments);
    to->call.custom = to->call.custom || from.call.custom;
    if (!from.signature.empty()) to->signature = from.signature;
    to->redacted = to->redacted || from.redacted;
    to->data.append(from.data);
    if (to->media_type.empty()) to->media_type = from.media_type;
    to->citations.insert(to->citations.end(), from.citations.begin(), from.citations.end());
  }

  static bool is_list(RawJson const& json) { return json.text.size() > 1 && json.text.front() == '['; }

  static void merge_value(RawJson& to, RawJson from) {
    if (!is_list(to) || !is_list(from)) {
      to = std::move(from);
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

  static void merge_extra(std::vector<ExtraField>& to, std::vector<ExtraField> from) {
    for (ExtraField& field : from) {
      auto const known =
          std::find_if(to.begin(), to.end(), [&](ExtraField const& f) { return f.name == field.name; });
      if (known == to.end()) to.push_back(std::move(field));
      else merge_value(known->value, std::move(field.value));
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
