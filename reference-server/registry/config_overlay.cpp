#include "registry/config_overlay.hpp"

#include <array>
#include <charconv>

namespace lowart::server {

namespace {

/// As it would stand in the file: "0.15", and not JSON's 1.5E-1.
std::string text_of(json::value const& value) {
  if (auto const* text = value.if_string()) return std::string(*text);
  if (value.is_null()) return {};
  if (!value.is_double()) return json::serialize(value);
  std::array<char, 400> digits{};  // the longest of a double, in full
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value.get_double(),
                                 std::chars_format::fixed);
  return std::string(digits.data(), end.ptr);
}

YAML::Node node_of(json::value const& value) {
  if (auto const* object = value.if_object()) {
    YAML::Node node(YAML::NodeType::Map);
    for (auto const& member : *object) node[std::string(member.key())] = node_of(member.value());
    return node;
  }
  if (auto const* list = value.if_array()) {
    YAML::Node node(YAML::NodeType::Sequence);
    for (auto const& item : *list) node.push_back(node_of(item));
    return node;
  }
  YAML::Node node(text_of(value));
  node.SetTag(literal_tag);
  return node;
}

void patch(YAML::Node& target, json::object const& with) {
  for (auto const& member : with) {
    std::string const name(member.key());
    auto const* const inner = member.value().if_object();
    YAML::Node mine = target[name];
    if (member.value().is_null()) target.remove(name);
    else if (inner != nullptr && mine.IsDefined() && mine.IsMap()) patch(mine, *inner);
    else target[name] = node_of(member.value());
  }
}

/// Of plain text as YAML's core schema has it, as far as JSON does.
json::value scalar_of(YAML::Node const& node) {
  std::string const& text = node.Scalar();
  if (node.Tag() == "!") return json::value(text);  // it stood in quotes
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return json::value(text);
}

json::value value_of(YAML::Node const& node) {
  if (node.IsMap()) {
    json::object object;
    for (auto const& entry : node) object[entry.first.Scalar()] = value_of(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    json::array list;
    for (auto const& item : node) list.push_back(value_of(item));
    return list;
  }
  return node.IsScalar() ? scalar_of(node) : json::value();
}

}  // namespace

void lay_over(YAML::Node& root, std::vector<Resource> const& settings) {
  for (Resource const& one : settings) {
    std::string const kind(plural(one.kind));
    YAML::Node entries = root[kind];
    if (!entries.IsDefined() || !entries.IsMap()) entries = root[kind] = YAML::Node(YAML::NodeType::Map);
    YAML::Node entry = entries[one.name];
    if (!entry.IsDefined() || !entry.IsMap()) entry = entries[one.name] = YAML::Node(YAML::NodeType::Map);
    patch(entry, one.body);
  }
}

std::map<std::string, json::object> entries_of(std::string const& yaml, ResourceKind kind) {
  std::map<std::string, json::object> all;
  try {
    YAML::Node const entries = YAML::Load(yaml)[std::string(plural(kind))];
    if (!entries.IsDefined() || !entries.IsMap()) return all;
    for (auto const& entry : entries) {
      json::value value = value_of(entry.second);
      all[entry.first.Scalar()] = value.is_object() ? std::move(value.get_object()) : json::object();
    }
  } catch (YAML::Exception const&) {
    all.clear();  // the configuration's reader tells of it
  }
  return all;
}

std::set<std::string> key_names_in(std::string const& yaml) {
  std::set<std::string> names;
  try {
    YAML::Node const keys = YAML::Load(yaml)["keys"];
    if (!keys.IsDefined() || !keys.IsSequence()) return names;
    for (auto const& key : keys)
      if (key.IsMap() && key["name"].IsDefined() && key["name"].IsScalar())
        names.insert(key["name"].Scalar());
  } catch (YAML::Exception const&) {
    names.clear();  // the configuration's reader tells of it
  }
  return names;
}

}  // namespace lowart::server
