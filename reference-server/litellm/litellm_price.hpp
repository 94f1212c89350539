#pragma once
/// Prices of a LiteLLM configuration, which are by the token, as a price card, which is by the million.

#include "litellm/litellm_map.hpp"

#include <boost/json.hpp>

namespace lowart::server {

/// The prices of both blocks; `params` goes before `info`. Empty where there are none. Notes say what cannot be said in a
/// price card.
boost::json::object read_litellm_price(LitellmMap& params, LitellmMap& info);

}  // namespace lowart::server
