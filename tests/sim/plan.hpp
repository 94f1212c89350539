#pragma once
/// Plan: what a seed asks for: targets, chains, policies, keys, clients and their calls.

#include <lowart/core/call.hpp>
#include <lowart/meter/limiter.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/policy/breaker_state.hpp>
#include <lowart/policy/bulkhead_state.hpp>
#include <lowart/policy/hedge_decision.hpp>
#include <lowart/policy/retry_decision.hpp>
#include <lowart/policy/selection.hpp>

#include <optional>
#include <string>
#include <vector>

#include "client.hpp"
#include "random.hpp"
#include "speech.hpp"
#include "upstream.hpp"

namespace lowart::sim {

struct TargetPlan {
  int host{0};
  Speech speech{Speech::chat};
  std::string model;  ///< As the upstream calls it.
  Clocks clocks;
  BreakerOptions breaker;
  RetryOptions retry;
  std::optional<BulkheadOptions> bulkhead;
};

/// How one model is answered.
struct ChainPlan {
  std::vector<std::size_t> targets;  ///< Indices, in order.
  std::optional<AnySelection::Choice> balance;
  std::optional<HedgeOptions> hedge;
};

struct KeyPlan {
  std::string text;
  Limits limits;
};

struct ClientPlan {
  Manners manners;
  std::vector<Question> questions;
};

struct Plan {
  bool calm{false};             ///< Nothing goes wrong, so nothing may fail.
  bool keeps_responses{false};  ///< So that clients could go on from them.
  bool interrupts{false};       ///< System calls are interrupted now and then.
  Mood mood;
  std::vector<TargetPlan> targets;
  std::vector<ChainPlan> chains;  ///< Of the model "m0", "m1", ...
  std::vector<KeyPlan> keys;
  std::vector<ClientPlan> clients;
  net::ServerLimits server;
  std::optional<Nanos> drains_after;  ///< Before the clients are done.
  Nanos drain_bound{};                ///< Then what is left is cut.
};

Plan make_plan(Random& random);

}  // namespace lowart::sim
