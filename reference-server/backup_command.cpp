#include "backup_command.hpp"

#include "config.hpp"

#include <lowart/store/backup.hpp>

#include <chrono>
#include <cstdio>
#include <memory>

namespace lowart::server {

namespace {

std::int64_t utc_us() {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}
int stop_with(Error const& error) {
  std::fprintf(stderr, "lowart: %s\n", error.message().c_str());
  return 1;
}

}  // namespace

int backup_command(std::string const& data, std::string const& directory) {
  auto const made = make_backup(data, directory, utc_us());
  if (!made) return stop_with(made.error());
  std::printf(
      "%s\nIt is verified. Calls of the last second or so may still be in the journal and not in it.\n",
      made->c_str());
  return 0;
}

int restore_command(std::string const& from, std::string const& data) {
  auto const restored = restore_backup(from, data, utc_us());
  if (!restored) return stop_with(restored.error());
  std::printf("%s is in the place of what was in %s.\n", from.c_str(), data.c_str());
  if (!restored->replaced.empty())
    std::printf("What was there is in %s; remove it when it is not needed.\n", restored->replaced.c_str());
  std::printf(
      "The journal has %zu segments: what they hold beyond the backup is added at the next start, nothing "
      "twice.\n"
      "Calls that came into the store after the backup, and whose segments are gone, are not in it.\n",
      restored->journal_segments);
  return 0;
}

void add_backup_commands(Commands& commands) {
  auto const data = std::make_shared<std::string>(Config{}.data);
  auto const place = std::make_shared<std::string>();
  auto* const backup = commands.add("backup", "Make a verified backup, also while the gateway runs");
  backup->add_option("--data", *data, "The data directory")->capture_default_str();
  backup->add_option("--to", *place, "Where backups are")->required();
  commands.on(backup, [data, place] { return backup_command(*data, *place); });
  auto* const restore = commands.add("restore", "Put a backup in the place of what is there");
  restore->add_option("--from", *place, "The backup, such as /backups/2026-11-30T17-00-00Z")->required();
  restore->add_option("--data", *data, "The data directory, which no gateway uses")->capture_default_str();
  commands.on(restore, [data, place] { return restore_command(*place, *data); });
}

}  // namespace lowart::server
