#pragma once
/// Probing a provider: its list of models, then one word of chat, and what to change where that fails.

#include "config.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace lowart::server {

/// One question that was put to a provider.
struct ProbeStep {
  std::string name;  ///< "model list", "chat"
  bool worked{false};
  std::chrono::milliseconds took{0};
  std::string said;    ///< What came back, or what went wrong.
  std::string advice;  ///< What to change; empty where it worked.
};

struct ProbeOptions {
  std::string model;                    ///< To chat with; empty: the first of `candidates` that is offered.
  std::vector<std::string> candidates;  ///< Models worth asking; none: the first one that is offered.
};

/// Asks the provider once each, with its own clocks and without retries. Blocks until that is done.
///
/// Errors: config_invalid where no connection could ever be made (base_url, ca_file).
Result<std::vector<ProbeStep>> probe(ProviderConfig provider, ProbeOptions const& options);

}  // namespace lowart::server
