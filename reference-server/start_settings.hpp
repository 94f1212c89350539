#pragma once
/// What of a configuration only a start takes over, to tell when a changed file needs one.

#include "config.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

inline std::string request_log_text(Config const& config) {
  if (!config.request_log) return {};
  RequestLogConfig const& log = *config.request_log;
  std::string text;
  for (std::size_t const number :
       {static_cast<std::size_t>(log.files.archive_after), static_cast<std::size_t>(log.files.retention),
        log.queue_bytes, static_cast<std::size_t>(log.content), log.content_bytes})
    text.append(std::to_string(number)).append(" ");
  for (auto const& kind : log.builtin) text.append(kind).append(" ");
  for (auto const& [pattern, with] : log.redact) text.append(pattern).append("\n").append(with).append("\n");
  return text;
}
inline std::string backup_text(Config const& config) {
  if (!config.backup) return {};
  BackupConfig const& backup = *config.backup;
  return std::to_string(backup.every.count()) + " " + std::to_string(backup.keep) + " " + backup.directory +
         (backup.requests ? " requests" : "");
}

/// Each setting by its name in lowart.yaml, with a text that differs when it does.
inline std::vector<std::pair<std::string_view, std::string>> fixed_at_start(Config const& config) {
  std::string listen;
  for (auto const& address : config.listen)
    listen.append(address.text())
        .append(" ")
        .append(address.cert_file)
        .append(" ")
        .append(address.key_file)
        .append(" ")
        .append(address.client_ca_file)
        .append(address.client_required ? " required\n" : "\n");
  std::string limits;
  auto const add = [&limits](auto number) { limits.append(std::to_string(number)).append(" "); };
  auto const& server = config.limits;
  for (auto count : {server.head.head_bytes, server.head.fields, server.connections, config.door.body_bytes,
                     config.door.upload.bytes})
    add(count);
  for (auto time : {server.head_time, server.body_time, server.write_time, server.idle_time})
    add(time.count());
  add(config.door.assumed_output_tokens);
  std::string responses;
  if (auto const& kept = config.responses)
    for (auto number : {static_cast<std::int64_t>(kept->bytes), static_cast<std::int64_t>(kept->entries),
                        static_cast<std::int64_t>(kept->lifetime.count())})
      responses.append(std::to_string(number)).append(" ");
  std::string conversations;
  if (auto const& known = config.conversations)
    conversations = std::to_string(known->window.count()) + " " + std::to_string(known->entries);
  return {{"listen", listen},
          {"threads", std::to_string(config.threads)},
          {"data", config.data},
          {"access_log", config.access_log},
          {"limits", limits},
          {"responses", responses},
          {"conversations", conversations},
          {"request_log", request_log_text(config)},
          {"backup", backup_text(config)}};
}

}  // namespace lowart::server
