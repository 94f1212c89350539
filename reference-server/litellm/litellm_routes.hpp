#pragma once
/// Models and groups out of LiteLLM's deployments: who is asked for a model, in which order, and who after them.

#include "litellm/litellm_deployment.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

struct RouteSettings {
  std::string strategy;          ///< One that balance_of() knows.
  int attempts{0};               ///< Of a model's deployments together; 0: not said.
  YAML::Node fallbacks;          ///< [{model: [others]}]
  YAML::Node default_fallbacks;  ///< [others]
  YAML::Node aliases;            ///< {alias: model}
};

/// What a `routing_strategy` is called here; empty for one that is not known.
std::string_view balance_of(std::string_view strategy) noexcept;

/// Makes the models, and groups for what several of them lead to.
void make_routes(std::vector<LitellmDeployment> const& deployments, RouteSettings const& settings,
                 LitellmImport& made);

}  // namespace lowart::server
