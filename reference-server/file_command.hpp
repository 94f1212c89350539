#pragma once
/// `lowart serve`, `lowart validate` and `lowart init`: what a configuration file is for.

#include "command.hpp"

namespace lowart::server {

void add_file_commands(Commands& commands);

}  // namespace lowart::server
