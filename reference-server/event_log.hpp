#pragma once
/// Events of the server itself (started, reloaded, failed), one JSON line each on stderr.

#include <lowart/dialect/json_text.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

enum class Level { info, warning, error };

/// Writes one line at once. Never pass a secret.
inline void log_event(Level level, std::string_view event,
                      std::initializer_list<std::pair<std::string_view, std::string_view>> fields = {}) {
  static constexpr std::string_view names[] = {"info", "warning", "error"};
  std::time_t const now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char when[32];
  std::string line = "{\"time\":\"";
  line.append(when, std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts));
  line.append("\",\"level\":\"").append(names[static_cast<int>(level)]).append("\",\"event\":");
  dialect::append_json_string(line, event);
  for (auto const& [name, value] : fields) {
    line.append(",");
    dialect::append_json_string(line, name);
    line.append(":");
    dialect::append_json_string(line, value);
  }
  line.append("}\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace lowart::server
