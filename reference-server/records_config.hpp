#pragma once
/// Readers of what lowart.yaml says of conversations, the request log and backups.

#include "config.hpp"
#include "yaml_reader.hpp"

#include <chrono>
#include <cstddef>

namespace lowart::server {

/// `conversations: {track: true, window: 30m, entries: 100000}`; unset unless they are tracked.
inline void read_conversations(YamlMap& root, Config& config) {
  auto map = root.map("conversations");
  if (!map) return;
  bool track = false;
  ConversationOptions options;
  map->flag("track", track);
  map->duration("window", options.window);
  map->integer("entries", options.entries, std::size_t{8}, std::size_t{100'000'000});
  if (options.window.count() == 0) map->wrong("window", "'window' is a time from 1ms to 24h, not 0");
  if (track) config.conversations = options;
  map->finish();
}

}  // namespace lowart::server
