#pragma once
/// How the items of the Responses dialect lie in our messages: what the readers and writers of requests agree on.

#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace lowart::dialect::responses_items {

/// The assistant's items of one turn (message, reasoning, calls, and those we only carry) are the parts of one
/// Message. A message item may hold several parts: its own members beside role and content (id, status, phase)
/// are an extra field of this name at its first part, `{}` where there are none but another message item stands
/// right before it.
inline constexpr std::string_view item_field = "item";

inline bool is_said(PartKind kind) noexcept { return kind == PartKind::text || kind == PartKind::refusal; }

/// The members of the message item that begins with this part; null when it says none.
inline RawJson const* item_members(ContentPart const& part) noexcept {
  RawJson const* const members = find_extra(part.extra, item_field);
  return members != nullptr && members->text.starts_with('{') ? members : nullptr;
}

/// Whether part `i` of an assistant's turn begins an item.
inline bool begins_item(std::vector<ContentPart> const& parts, std::size_t i) noexcept {
  if (i == 0 || !is_said(parts[i].kind) || !is_said(parts[i - 1].kind)) return true;
  return item_members(parts[i]) != nullptr;
}

/// The items before part `i` of an assistant's turn.
inline std::size_t items_before(std::vector<ContentPart> const& parts, std::size_t i) noexcept {
  std::size_t items = 0;
  for (std::size_t k = 0; k < i && k < parts.size(); ++k) items += begins_item(parts, k) ? 1 : 0;
  return items;
}

}  // namespace lowart::dialect::responses_items
