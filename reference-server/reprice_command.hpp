#pragma once
/// `lowart usage reprice`: what was recorded, priced anew.

#include "usage_records.hpp"

namespace lowart::server {

/// Derives what each kept record cost anew, by the prices of the configuration, and shows the sums by model. With `apply`
/// they are written. Returns the exit code: 0, or 2 when that cannot be done.
int reprice_usage(UsageFlags const& flags);

}  // namespace lowart::server
