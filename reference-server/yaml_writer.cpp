#include "yaml_writer.hpp"

#include <algorithm>
#include <array>

namespace lowart::server {

namespace {

namespace json = boost::json;

constexpr std::size_t widest = 100;

/// A key or a value that needs no quotes inside of {} and [] either.
bool is_plain(std::string_view text) {
  if (text.empty() || text == "true" || text == "false" || text == "null" || text == "~") return false;
  bool const begins_well =
      (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') || text[0] == '/';
  return begins_well && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-' || c == '.' || c == '/';
         });
}

/// YAML 1.1 takes these for switches.
bool is_word_of_yaml(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::array<std::string_view, 8> words{"yes", "no", "on", "off", "true", "false", "null", "y"};
  return std::ranges::find(words, lower) != words.end();
}

std::string flow(json::value const& value) {
  std::string text;
  if (auto const* const object = value.if_object()) {
    for (auto const& member : *object)
      text.append(text.empty() ? "" : ", ")
          .append(yaml_scalar(member.key()))
          .append(": ")
          .append(flow(member.value()));
    return "{" + text + "}";
  }
  if (auto const* const list = value.if_array()) {
    for (auto const& item : *list) text.append(text.empty() ? "" : ", ").append(flow(item));
    return "[" + text + "]";
  }
  if (auto const* const word = value.if_string()) return yaml_scalar(*word);
  return json::serialize(value);
}

void put(std::string& out, json::value const& value, std::size_t depth);

void put_members(std::string& out, json::object const& object, std::size_t depth) {
  for (auto const& member : object) {
    out.append(depth * 2, ' ').append(yaml_scalar(member.key())).append(":");
    put(out, member.value(), depth);
  }
}

void put(std::string& out, json::value const& value, std::size_t depth) {
  std::string const line = flow(value);
  auto const* const object = value.if_object();
  auto const* const list = value.if_array();
  bool const is_leaf = object == nullptr && list == nullptr;
  if (is_leaf || depth * 2 + line.size() <= widest || (object != nullptr && object->empty()) ||
      (list != nullptr && list->empty())) {
    out.append(" ").append(line).append("\n");
    return;
  }
  out.append("\n");
  if (object != nullptr) return put_members(out, *object, depth + 1);
  for (auto const& item : *list) {
    auto const* const inner = item.if_object();
    if (inner == nullptr || depth * 2 + flow(item).size() <= widest) {
      out.append((depth + 1) * 2, ' ').append("- ").append(flow(item)).append("\n");
      continue;
    }
    std::string block;
    put_members(block, *inner, depth + 2);
    block.replace((depth + 1) * 2, 1, "-");
    out.append(block);
  }
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text) && !is_word_of_yaml(text)) return std::string(text);
  return json::serialize(json::value(text));  // YAML reads JSON's quotes
}

std::string yaml_text(json::object const& value, std::size_t depth) {
  std::string out;
  // Entries of the outermost object are blocks, however short they are.
  for (auto const& member : value) {
    out.append(depth * 2, ' ').append(yaml_scalar(member.key())).append(":");
    auto const* const inner = member.value().if_object();
    if (inner == nullptr || inner->empty()) put(out, member.value(), depth);
    else out.append("\n"), put_members(out, *inner, depth + 1);
  }
  return out;
}

}  // namespace lowart::server
