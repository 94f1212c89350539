#pragma once
/// judge(): holds the calls of a run that is over to the invariants.

#include "ledger.hpp"
#include "plan.hpp"

namespace lowart::sim {

/// Adds a fault to the ledger for each invariant that a call has broken. `drained`: the gateway was told to end before
/// the clients were done.
void judge(Plan const& plan, Ledger& ledger, bool drained);

}  // namespace lowart::sim
