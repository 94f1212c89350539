#pragma once
/// `lowart backup` and `lowart restore`.

#include "command.hpp"

#include <string>

namespace lowart::server {

/// Makes a verified backup of `data` in `directory`; the exit code. The server may run.
int backup_command(std::string const& data, std::string const& directory);

/// Puts the backup `from` in the place of what is in `data`; the exit code. The server must not run.
int restore_command(std::string const& from, std::string const& data);

void add_backup_commands(Commands& commands);

}  // namespace lowart::server
