#include "usage_records.hpp"

#include "open_accounts.hpp"

#include <lowart/meter/price_card.hpp>
#include <lowart/store/usage_schema.hpp>

#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

namespace lowart::server {

int stop_usage(std::string const& why) {
  std::fprintf(stderr, "lowart: %s\n", why.c_str());
  return cannot_tell;
}

Result<RecordRange> range_of(UsageFlags const& flags) {
  RecordRange range;
  auto const read = [](std::string const& text, std::string_view flag, std::int64_t& out) -> Result<void> {
    if (text.empty()) return {};
    auto const day = parse_day(text);
    if (!day)
      return fail(Errc::config_invalid,
                  std::string(flag) + " is a day such as 2026-01-31, not '" + text + "'");
    out = *day;
    return {};
  };
  if (auto const ok = read(flags.from, "--from", range.from); !ok) return fail(ok.error());
  if (auto const ok = read(flags.until, "--until", range.until); !ok) return fail(ok.error());
  if (range.from >= range.until) return fail(Errc::config_invalid, "--from is not before --until");
  return range;
}

Result<Config> usage_config(UsageFlags const& flags) {
  ServeFlags where;
  where.config_path = flags.config_path;
  where.data = flags.data;
  auto config = config_at_work(where);
  return config ? std::move(config) : fail(Errc::config_invalid, "\n" + config.error().message());
}

Result<std::string> usage_database_in(std::string const& data) {
  std::string path = data + "/usage.db";
  if (!std::filesystem::exists(path))
    return fail(Errc::storage_failed,
                "there is no usage database '" + path + "'; --data names its directory");
  return path;
}

Result<sqlite::Database> open_records(std::string const& data) {
  auto const path = usage_database_in(data);
  if (!path) return tl::unexpected(path.error());
  auto database = sqlite::Database::open(*path);
  if (!database) return database;
  if (auto const done = sqlite::migrate_usage(*database); !done) return fail(done.error());
  return database;
}

}  // namespace lowart::server
