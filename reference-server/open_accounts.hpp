#pragma once
/// open_accounts(): the configuration of a file with the settings of its database, and what administers both.

#include "admin/administration.hpp"
#include "config.hpp"
#include "serve_flags.hpp"

#include <memory>
#include <string>
#include <vector>

namespace lowart::server {

struct Accounts {
  Config config;
  std::vector<Resource> overlay;  ///< What is laid over the file.
  std::unique_ptr<Administration> administration;
};

/// Makes the data directory, the master key and the database where they are not there. Errors say all that is wrong, a line
/// each, as describe() does for what stands in the file.
Result<Accounts> open_accounts(ServeFlags const& flags);
/// The configuration alone, as a server would have it; makes nothing.
Result<Config> config_at_work(ServeFlags const& flags);
/// The same where the configuration need not be whole: for command lines, also such as put it right.
Result<std::unique_ptr<Administration>> open_administration(ServeFlags const& flags);
/// Where the databases are. Opens and makes nothing.
Result<std::string> data_directory(ServeFlags const& flags);

}  // namespace lowart::server
