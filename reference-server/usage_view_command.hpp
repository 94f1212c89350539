#pragma once
/// `lowart usage summary` and `lowart usage history`: what was recorded, as GET /v1/usage/summary and /v1/usage/history
/// tell it to an operator, read from the database itself.

#include "command.hpp"

namespace lowart::server {

/// Adds both to `usage`. They work with a gateway beside them and without one.
void add_usage_views(Commands& commands, CLI::App& usage);

}  // namespace lowart::server
