#pragma once
/// `lowart usage reconcile`: what was recorded, compared with a bill.

#include "usage_records.hpp"

namespace lowart::server {

/// Lists how a provider's invoice and the records differ, by day and model. Returns 0, 1 when more than is tolerated, or 2
/// when they cannot be compared.
int reconcile_usage(UsageFlags const& flags);

}  // namespace lowart::server
