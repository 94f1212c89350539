#include "admin/command_table.hpp"

#include <algorithm>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::size_t widest_cell = 60;

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7F; });
}
/// Also of DEL, which JSON lets stand.
std::string escaped(json::value const& value) {
  std::string text;
  for (char const c : json::serialize(value))
    if (c == '\x7F') text.append("\\u007f");
    else text.push_back(c);
  return text;
}

/// A target, a group or a condition by its name.
std::string route_of(json::object const& route) {
  std::string name(text_in(route, "provider"));
  if (auto const model = text_in(route, "model"); !model.empty()) name.append("/").append(model);
  if (name.empty()) name = text_in(route, "group");
  if (name.empty() && route.contains("targets")) name = "(" + line_of(route.at("targets")) + ")";
  return name.empty() ? escaped(route) : name;
}

/// In characters: bytes that only go on with one take no place.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}
std::string padded(std::string text, std::size_t width) {
  std::size_t const used = width_of(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

std::string cell_of(std::string text) {
  if (text.size() <= widest_cell) return text;
  std::size_t end = widest_cell - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

std::string line_of(json::value const& value) {
  if (value.is_null()) return {};
  if (auto const* const text = value.if_string())
    return has_control(*text) ? escaped(value) : std::string(*text);
  if (auto const* const list = value.if_array()) {
    std::string line;
    for (auto const& item : *list) {
      auto const* const route = item.if_object();
      line.append(line.empty() ? "" : ", ").append(route == nullptr ? line_of(item) : route_of(*route));
    }
    return line;
  }
  return escaped(value);
}

void CommandTable::add(json::object const& entry, std::span<std::string_view const> members) {
  std::vector<std::string> row;
  for (auto const member : members) {
    auto const* const value = entry.if_contains(member);
    row.push_back(value == nullptr ? std::string() : cell_of(line_of(*value)));
  }
  add(std::move(row));
}

std::string CommandTable::text() const {
  std::vector<std::size_t> widths;
  for (auto const& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (auto const& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line.append(padded(row[i], widths[i])).append("  ");
    line.erase(line.find_last_not_of(' ') + 1);
    text.append(line).append("\n");
  }
  return text;
}

std::string members_text(json::object const& entry) {
  std::size_t width = 0;
  for (auto const& member : entry) width = std::max(width, member.key().size());
  std::string text;
  for (auto const& member : entry)
    text.append(padded(std::string(member.key()), width))
        .append("  ")
        .append(line_of(member.value()))
        .append("\n");
  return text;
}

}  // namespace lowart::server
