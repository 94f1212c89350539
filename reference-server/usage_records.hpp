#pragma once
/// What the commands that read usage are told, and where they find it.

#include "config.hpp"

#include <lowart/core/result.hpp>
#include <lowart/store/record_rewrite.hpp>

#include <string>

namespace lowart::server {

struct UsageFlags {
  std::string config_path{"lowart.yaml"};
  std::string data;   ///< Of the usage database; empty: as the configuration says.
  std::string from;   ///< A day, 2026-01-31; empty: from the first record, or the invoice's first day.
  std::string until;  ///< The day after the last; empty: to the end.
  bool apply{false};
  std::string invoice;
  std::string provider;  ///< Whose calls are on the invoice; empty: all.
  std::string tolerance{"1"};
};

// What such a command ends with.
inline constexpr int all_agree = 0;
inline constexpr int something_differs = 1;
inline constexpr int cannot_tell = 2;

/// Says why on standard error; cannot_tell.
int stop_usage(std::string const& why);

/// Errc::config_invalid names the flag that is wrong.
Result<RecordRange> range_of(UsageFlags const& flags);
/// As a server would have it, with the settings of the database, and the data directory that the flags name.
Result<Config> usage_config(UsageFlags const& flags);
/// The path of the usage database. Errc::storage_failed when it is not there.
Result<std::string> usage_database_in(std::string const& data);
/// Opens it, and brings it up to date.
Result<sqlite::Database> open_records(std::string const& data);

}  // namespace lowart::server
