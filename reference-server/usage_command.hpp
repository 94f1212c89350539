#pragma once
/// `lowart usage`: what was recorded, shown, priced anew and compared with a bill.

#include "command.hpp"

namespace lowart::server {

/// Adds the views, `reprice` and `reconcile`.
void add_usage_commands(Commands& commands);

}  // namespace lowart::server
