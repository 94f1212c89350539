#pragma once
/// World: one run: the gateway as it is, on a simulated kernel, among clients and upstreams of a seed.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lowart::sim {

/// What became of a run.
struct Verdict {
  std::vector<std::string> faults;  ///< Broken invariants; none: all held.
  std::uint64_t digest{0};          ///< Of everything that happened: the same seed gives the same.
  std::map<std::string, std::uint64_t>
      met;  ///< How often what was met: so that nobody trusts runs without trouble.
};

/// Runs a seed to its end; `prints`: with everything that happens.
Verdict run_seed(std::uint64_t seed, bool prints);

}  // namespace lowart::sim
