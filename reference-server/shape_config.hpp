#pragma once
/// Reads the `shape` of a group or a target.

#include "route_config.hpp"
#include "yaml_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// The names of tags that a file gives: of letters, digits, `_`, `-` and `:`, as they stand between the brackets.
inline bool is_tag_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == ':';
  });
}

inline std::optional<ShapeOptions> read_shape(YamlMap& parent) {
  constexpr std::size_t most_words = 16;
  constexpr std::int64_t most_tokens = 1'000'000'000;
  auto map = parent.map("shape");
  if (!map) return std::nullopt;
  ShapeOptions shape;
  map->texts("strip_tags", shape.strip_tags);
  map->flag("drop_empty_messages", shape.drop_empty_messages);
  map->flag("merge_user_messages", shape.merge_user_messages);
  map->texts("stop", shape.stop);
  map->integer("stop_limit", shape.stop_limit, std::size_t{1}, std::size_t{64});
  map->integer("max_tokens", shape.max_tokens, std::int64_t{1}, most_tokens);
  map->text("prefix", shape.prefix);
  map->finish();
  if (!std::all_of(shape.strip_tags.begin(), shape.strip_tags.end(), is_tag_name))
    map->wrong("strip_tags", "'strip_tags' names tags without their brackets: think, tool_call");
  if (std::find(shape.stop.begin(), shape.stop.end(), std::string()) != shape.stop.end())
    map->wrong("stop", "a stop word is not empty");
  for (auto const* words : {&shape.strip_tags, &shape.stop})
    if (words->size() > most_words)
      map->wrong("'strip_tags' and 'stop' have at most " + std::to_string(most_words) + " words each");
  if (shape == ShapeOptions{} && !map->has("drop_empty_messages") && !map->has("merge_user_messages"))
    map->wrong("this 'shape' changes nothing");
  return shape;
}

}  // namespace lowart::server
