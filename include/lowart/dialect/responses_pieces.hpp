#pragma once
/// Pieces of an answer from the events and items of the Responses dialect, each thing said once.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/responses_citation.hpp>
#include <lowart/dialect/responses_event.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect::responses_reply {

/// What kind of item it is, as far as we tell them apart.
enum class ItemKind : std::uint8_t { unknown, message, reasoning, call, vendor };

inline ItemKind kind_of(std::string_view type) noexcept {
  if (type == "message") return ItemKind::message;
  if (type == "reasoning") return ItemKind::reasoning;
  if (type == "function_call" || type == "custom_tool_call") return ItemKind::call;
  return type.empty() ? ItemKind::unknown : ItemKind::vendor;
}

inline std::string text_of(JsonMember const& m) {
  return m.kind == JsonKind::string ? JsonObject::text_of(m) : std::string();
}

/// One output item, taken apart.
struct ItemMembers {
  ItemKind kind{ItemKind::unknown};
  bool custom{false};
  JsonMember id, call_id, name, arguments, content, summary, proof;

  explicit ItemMembers(std::string_view item) {
    scan_object(item, [this](JsonMember const& m) {
      if (m.key_is("type")) {
        kind = kind_of(as_string_view(m.value).value_or("other"));
        custom = m.value == "\"custom_tool_call\"";
      } else if (m.key_is("id")) id = m;
      else if (m.key_is("call_id")) call_id = m;
      else if (m.key_is("name")) name = m;
      else if (m.key_is("arguments") || m.key_is("input")) arguments = m;
      else if (m.key_is("content")) content = m;
      else if (m.key_is("summary")) summary = m;
      else if (m.key_is("encrypted_content")) proof = m;
    });
  }
};

/// Turns what events and items say into pieces, each thing once: what came in deltas is not said again by the events
/// that end a part or an item, nor by the final response; what came in no delta is said by the first of those.
class Pieces {
 public:
  /// Where pieces go to until the next call.
  void into(ChoiceDelta& choice) noexcept { out_ = &choice; }
  bool any_call() const noexcept { return calls_ > 0; }

  /// A piece of text, refusal or reasoning of an item's part.
  void say(std::int64_t index, std::int64_t sub, PartKind kind, JsonMember const& text) {
    if (text.kind != JsonKind::string || text.value.size() <= 2) return;
    Item& item = item_at(index);
    Part& part = part_of(item, sub, kind);
    PieceDelta& piece = add(kind);
    bool const first = !std::exchange(part.said, true);
    bool const joins = kind == PartKind::reasoning && std::exchange(item.said, true);
    piece.begins = first && !joins && last_ == kind;
    if (first && joins) piece.text = "\n\n";
    decode_string(text.value, piece.text);
    item.said = true;
    last_ = kind;
  }
  /// The same, from an event that has the whole text.
  void settle_text(std::int64_t index, std::int64_t sub, PartKind kind, JsonMember const& text) {
    if (!part_of(item_at(index), sub, kind).said) say(index, sub, kind, text);
  }
  /// The thoughts themselves, or a summary of them: whichever an item says first is its text.
  bool takes_reasoning(std::int64_t index, bool summary) {
    Item& item = item_at(index);
    if (item.kind == ItemKind::unknown) item.kind = ItemKind::reasoning;
    if (!item.said) item.summary = summary;
    return item.summary == summary;
  }

  void cite(std::int64_t index, std::int64_t sub, JsonMember const& annotation) {
    if (annotation.kind != JsonKind::object) return;
    ++part_of(item_at(index), sub, PartKind::text).citations;
    PieceDelta& piece = add(PartKind::text);
    piece.citations.push_back(read_annotation(annotation.value));
    last_ = PartKind::text;
  }

  void logprobs(JsonMember const& list) {
    if (list.kind != JsonKind::array || list.value.find('{') == std::string_view::npos) return;
    out_->logprobs.text.assign("{\"content\":").append(list.value).append("}");
  }

  /// An item that begins: a call tells its id and name.
  void begin(std::int64_t index, std::string_view json) {
    ItemMembers const members(json);
    Item& item = item_at(index);
    if (item.kind == ItemKind::unknown) item.kind = members.kind;
    item.id = members.id.value;
    if (item.kind == ItemKind::call) name_call(item, members);
  }
  void argue(std::int64_t index, JsonMember const& delta, bool custom) {
    if (delta.kind != JsonKind::string || delta.value.size() <= 2) return;
    Item& item = item_at(index);
    if (item.kind == ItemKind::unknown) item.kind = ItemKind::call;
    PieceDelta& piece = add_call(item, custom);
    decode_string(delta.value, piece.call.arguments);
    item.said = true;
  }

  /// A finished part of a message: what of it was not said.
  void settle_part(std::int64_t index, std::int64_t sub, std::string_view json) {
    JsonMember text, annotations, probabilities;
    PartKind kind = PartKind::text;
    bool known = true;
    scan_object(json, [&](JsonMember const& m) {
      if (m.key_is("type")) known = m.value == "\"output_text\"" || m.value == "\"refusal\"";
      else if (m.key_is("text")) text = m;
      else if (m.key_is("refusal")) text = m, kind = PartKind::refusal;
      else if (m.key_is("annotations")) annotations = m;
      else if (m.key_is("logprobs")) probabilities = m;
    });
    if (!known) return;
    if (!part_of(item_at(index), sub, kind).said) {
      say(index, sub, kind, text);
      logprobs(probabilities);
    }
    if (annotations.kind != JsonKind::array) return;
    std::int64_t const told = part_of(item_at(index), sub, kind).citations;
    std::int64_t position = 0;
    scan_array(annotations.value, [&](JsonMember const& annotation) {
      if (position++ >= told) cite(index, sub, annotation);
    });
  }
  /// A finished item, whole.
  void settle(std::int64_t index, std::string_view json) { settle(index, ItemMembers(json), json); }
  /// The item at a place of the final response. Places there need not be those in the stream, and the ids of some
  /// vendors change from event to event: it is the one of its id, else the one that came as many-th.
  void settle_final(std::size_t place, std::string_view json) {
    ItemMembers const members(json);
    if (place == 0)
      std::sort(items_.begin(), items_.end(), [](Item const& a, Item const& b) { return a.index < b.index; });
    auto known = std::find_if(items_.begin(), items_.end(), [&](Item const& item) {
      return !item.id.empty() && item.id == members.id.value && item.kind == members.kind;
    });
    if (known == items_.end() && place < items_.size() && items_[place].kind == members.kind)
      known = items_.begin() + static_cast<std::ptrdiff_t>(place);
    if (known != items_.end()) return settle(known->index, members, json);
    settle(items_.empty() ? 0 : items_.back().index + 1, members, json);
  }

 private:
  void settle(std::int64_t index, ItemMembers const& members, std::string_view json) {
    Item& item = item_at(index);
    item.id = members.id.value;
    item.kind = members.kind;
    switch (members.kind) {
      case ItemKind::message: return settle_message(index, members);
      case ItemKind::reasoning: return settle_reasoning(index, members);
      case ItemKind::call:
        name_call(item, members);
        if (!item.said) argue(index, members.arguments, members.custom);
        return;
      case ItemKind::vendor:
        if (std::exchange(item.said, true)) return;
        add(PartKind::other).raw.text = json;
        last_ = PartKind::other;
        return;
      case ItemKind::unknown: return;
    }
  }

  struct Part {
    std::int64_t sub;
    PartKind kind;
    bool said{false};
    std::int64_t citations{0};
  };
  struct Item {
    std::int64_t index{0};
    std::string id{};  ///< As it is written, quotes included.
    ItemKind kind{ItemKind::unknown};
    std::int64_t call{-1};  ///< Which of the calls it is.
    bool said{false};
    bool named{false};
    bool proved{false};
    bool summary{false};  ///< Reasoning: its text is the summary.
    std::vector<Part> parts{};
  };

  Item& item_at(std::int64_t index) {
    for (auto item = items_.rbegin(); item != items_.rend(); ++item)
      if (item->index == index) return *item;
    return items_.emplace_back(Item{.index = index});
  }
  static Part& part_of(Item& item, std::int64_t sub, PartKind kind) {
    for (Part& part : item.parts)
      if (part.sub == sub && part.kind == kind) return part;
    return item.parts.emplace_back(Part{.sub = sub, .kind = kind});
  }
  PieceDelta& add(PartKind kind) {
    PieceDelta& piece = out_->pieces.emplace_back();
    piece.kind = kind;
    return piece;
  }
  PieceDelta& add_call(Item& item, bool custom) {
    if (item.call < 0) item.call = calls_++;
    PieceDelta& piece = add(PartKind::tool_call);
    piece.index = item.call;
    piece.call.custom = custom;
    last_ = PartKind::tool_call;
    return piece;
  }
  void name_call(Item& item, ItemMembers const& members) {
    if (std::exchange(item.named, true)) return;
    PieceDelta& piece = add_call(item, members.custom);
    piece.call.id = text_of(members.call_id);
    piece.call.name = text_of(members.name);
  }

  void settle_message(std::int64_t index, ItemMembers const& members) {
    if (members.content.kind != JsonKind::array) return;
    std::int64_t sub = 0;
    scan_array(members.content.value, [&](JsonMember const& part) {
      if (part.kind == JsonKind::object) settle_part(index, sub, part.value);
      ++sub;
    });
  }
  void settle_reasoning(std::int64_t index, ItemMembers const& members) {
    settle_texts(index, members.content, false);
    settle_texts(index, members.summary, true);
    Item& item = item_at(index);
    if (members.proof.kind != JsonKind::string || members.proof.value.size() <= 2) return;
    if (std::exchange(item.proved, true)) return;
    PieceDelta& piece = add(PartKind::reasoning);
    piece.signature = unseal(text_of(members.proof), Dialect::openai_responses);
    piece.redacted = !item.said;
    piece.begins = piece.redacted && last_ == PartKind::reasoning;
    last_ = PartKind::reasoning;
  }
  void settle_texts(std::int64_t index, JsonMember const& list, bool summary) {
    if (list.kind != JsonKind::array) return;
    std::int64_t sub = 0;
    scan_array(list.value, [&](JsonMember const& entry) {
      auto const text = entry.kind == JsonKind::object ? find_member(entry.value, "text") : std::nullopt;
      if (text && text->value.size() > 2 && takes_reasoning(index, summary))
        settle_text(index, sub, PartKind::reasoning, *text);
      ++sub;
    });
  }

  std::vector<Item> items_;
  ChoiceDelta* out_{nullptr};
  std::int64_t calls_{0};
  PartKind last_{PartKind::other};  ///< Of the piece said last.
};

}  // namespace lowart::dialect::responses_reply
