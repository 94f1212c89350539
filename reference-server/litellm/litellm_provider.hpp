#pragma once
/// Who answers for a deployment of LiteLLM's, as a provider of ours.

#include "litellm/litellm_map.hpp"

#include <boost/json.hpp>

#include <optional>
#include <string>

namespace lowart::server {

struct LitellmProvider {
  std::string name;          ///< LiteLLM's for it: "together_ai".
  std::string model;         ///< What it calls the model.
  boost::json::object body;  ///< How it is reached, as an entry of `providers`.
};

/// Reads who is meant by `litellm_params`: `model`, addresses and credentials. Nothing, with a note, for somebody who is not
/// known here.
std::optional<LitellmProvider> read_litellm_provider(LitellmMap& params);

}  // namespace lowart::server
