#pragma once
/// Readers of what lowart.yaml says of conversations, the request log and backups.

#include "config.hpp"
#include "yaml_reader.hpp"

#include <lowart/gateway/redactor.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

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

/// What of content is not kept: `builtin` kinds and patterns of `redact`.
inline void read_redaction(YamlMap& map, RequestLogConfig& log) {
  if (map.has("builtin")) log.builtin.clear();
  map.items("builtin", [&](YamlNode const& item) {
    std::string name = item.scalar();
    if (!Redactor::kind_named(name))
      map.wrong_at(item, "'builtin' has email, phone, card and key, not '" + name + "'");
    log.builtin.push_back(std::move(name));
  });
  map.each("redact", [&](YamlMap& rule) {
    std::string pattern;
    std::string with = "[redacted]";
    rule.text("pattern", pattern);
    rule.text("with", with);
    if (pattern.empty()) rule.wrong("a rule of 'redact' needs a 'pattern'");
    else if (!Redactor().add(pattern, with))
      rule.wrong("pattern",
                 "'" + pattern + "' is no regular expression (ECMAScript, without back-references)");
    log.redact.emplace_back(std::move(pattern), std::move(with));
    rule.finish();
  });
}

/// `request_log: {keep: true, archive_after: 6, retention: 24, content: false, ...}`; unset unless it is kept.
inline void read_request_log(YamlMap& root, Config& config) {
  auto map = root.map("request_log");
  if (!map) return;
  bool keep = false;
  RequestLogConfig log;
  map->flag("keep", keep);
  map->integer("archive_after", log.files.archive_after, 0, 1200);
  map->integer("retention", log.files.retention, 0, 1200);
  map->bytes("queue", log.queue_bytes, std::size_t{1} << 20U, std::size_t{1} << 40U);
  map->flag("content", log.content);
  map->bytes("content_size", log.content_bytes, 256, std::size_t{4} << 20U);
  read_redaction(*map, log);
  bool const never_archived = log.files.retention > 0 && log.files.archive_after > log.files.retention;
  if (never_archived)
    map->wrong("retention", "'retention' is at least 'archive_after', or 0 to delete nothing");
  if (keep) config.request_log = std::move(log);
  map->finish();
}

/// `backup: {every: 1h, keep: 24, directory: /backups}`; unset without the block.
inline void read_backup(YamlMap& root, Config& config) {
  auto map = root.map("backup");
  if (!map) return;
  BackupConfig backup;
  map->duration("every", backup.every);
  map->integer("keep", backup.keep, std::size_t{1}, std::size_t{100'000});
  map->text("directory", backup.directory);
  map->flag("requests", backup.requests);
  if (backup.directory.empty()) map->wrong("a 'backup' needs a 'directory', best on another disk");
  if (backup.every < std::chrono::seconds(1)) map->wrong("every", "'every' is a time from 1s to 24h");
  config.backup = std::move(backup);
  map->finish();
}

}  // namespace lowart::server
