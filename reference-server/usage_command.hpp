#pragma once
/// `lowart usage reprice` and `lowart usage reconcile`: what was recorded, priced anew and compared with a bill.

#include "command.hpp"

#include <lowart/core/result.hpp>

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

/// Derives what each kept record cost anew, by the prices of the configuration, and shows the sums by model. With `apply`
/// they are written. Returns the exit code: 0, or 2 when that cannot be done.
int reprice_usage(UsageFlags const& flags);

/// Lists how a provider's invoice and the records differ, by day and model. Returns 0, 1 when more than is tolerated, or 2
/// when they cannot be compared.
int reconcile_usage(UsageFlags const& flags);

/// The path of the usage database. Errc::storage_failed when it is not there.
Result<std::string> usage_database_in(std::string const& data);

/// Adds these and the views of usage_view_command.hpp.
void add_usage_commands(Commands& commands);

}  // namespace lowart::server
