#pragma once
/// `lowart config import-litellm`.

#include "command.hpp"

namespace lowart::server {

/// Below `lowart config`.
void add_import_command(Commands& commands, CLI::App& config);

}  // namespace lowart::server
