#pragma once
/// `lowart user|team|key|provider|model|group|tier`, `audit`, `config`, `keys` and `db`: administration from the command
/// line.

#include "command.hpp"

namespace lowart::server {

void add_admin_commands(Commands& commands);

/// The parts of it.
void add_resource_commands(Commands& commands);
void add_audit_commands(Commands& commands);
void add_config_commands(Commands& commands);
void add_schema_commands(Commands& commands);

}  // namespace lowart::server
