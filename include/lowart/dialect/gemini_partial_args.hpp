#pragma once
/// GeminiPartialArgs: the arguments of a call that Vertex streams value by value, put together.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

/// Each piece names a place, "$.steps[0].text", and gives a value or, of a string, the next stretch of it.
class GeminiPartialArgs {
 public:
  /// Adds one element of `partialArgs`. False for a place that is none, or is nested or numbered beyond reason.
  bool add(std::string_view piece) {
    std::string path;
    std::optional<JsonMember> value;
    scan_object(piece, [&](JsonMember const& m) {
      if (m.key == "jsonPath") path = JsonObject::text_of(m);
      else if (m.key == "stringValue" || m.key == "numberValue" || m.key == "boolValue" ||
               m.key == "nullValue")
        value = m;
    });
    Node* const node = place(path);
    if (node == nullptr || node == &root_) return false;
    if (!value) return true;
    if (value->key == "stringValue") {
      node->kind = Kind::text;
      decode_string(value->value, node->text);
    } else {
      node->kind = Kind::raw;
      node->text = value->key == "nullValue" ? "null" : value->value;
    }
    return true;
  }

  /// The arguments so far, a JSON object.
  std::string json() const {
    std::string out;
    JsonWriter w(out);
    write(w, root_);
    return out;
  }

 private:
  static constexpr std::size_t most_nodes = 20'000;
  static constexpr std::size_t most_depth = 64;
  enum class Kind : std::uint8_t { empty, text, raw, object, list };
  struct Node {
    std::string name;  ///< Of a list's element: empty.
    Kind kind{Kind::empty};
    std::string text;
    std::vector<Node> members;
  };

  /// Makes what lies on the way to the place.
  Node* place(std::string_view path) {
    if (!path.starts_with('$')) return nullptr;
    path.remove_prefix(1);
    Node* node = &root_;
    for (std::size_t depth = 0; !path.empty(); ++depth) {
      if (depth == most_depth) return nullptr;
      node = path.front() == '.' ? named(*node, take_name(path)) : step_in(*node, path);
      if (node == nullptr) return nullptr;
    }
    return node;
  }

  static std::string_view take_name(std::string_view& path) {
    path.remove_prefix(1);
    std::string_view const name = path.substr(0, path.find_first_of(".["));
    path.remove_prefix(name.size());
    return name;
  }
  /// "[0]", "['a name']".
  Node* step_in(Node& node, std::string_view& path) {
    if (path.size() < 3 || path.front() != '[') return nullptr;
    char const quote = path[1];
    bool const is_name = quote == '\'' || quote == '"';
    std::string_view const closing = quote == '\'' ? "']" : quote == '"' ? "\"]" : "]";
    std::size_t const begin = is_name ? 2 : 1;
    std::size_t const end = path.find(closing, begin);
    if (end == std::string_view::npos) return nullptr;
    std::string_view const inside = path.substr(begin, end - begin);
    path.remove_prefix(end + closing.size());
    if (is_name) return named(node, inside);
    std::size_t index = 0;
    auto const [at, error] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
    if (error != std::errc() || at != inside.data() + inside.size() || index >= most_nodes) return nullptr;
    node.kind = Kind::list;
    if (node.members.size() <= index) {
      nodes_ += index + 1 - node.members.size();
      if (nodes_ > most_nodes) return nullptr;
      node.members.resize(index + 1);
    }
    return &node.members[index];
  }
  Node* named(Node& node, std::string_view name) {
    node.kind = Kind::object;
    for (Node& member : node.members)
      if (member.name == name) return &member;
    if (++nodes_ > most_nodes) return nullptr;
    Node& fresh = node.members.emplace_back();
    fresh.name = name;
    return &fresh;
  }

  static void write(JsonWriter& w, Node const& node) {
    switch (node.kind) {
      case Kind::empty: w.null(); return;
      case Kind::text: w.text(node.text); return;
      case Kind::raw: w.raw(node.text); return;
      case Kind::list:
        w.begin_list();
        for (Node const& member : node.members) write(w, member);
        w.end_list();
        return;
      case Kind::object:
        w.begin_object();
        for (Node const& member : node.members) {
          w.key(member.name);
          write(w, member);
        }
        w.end_object();
        return;
    }
  }

  Node root_{.name = {}, .kind = Kind::object, .text = {}, .members = {}};
  std::size_t nodes_{0};
};

}  // namespace lowart::dialect
