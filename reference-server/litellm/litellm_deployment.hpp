#pragma once
/// A deployment of LiteLLM's `model_list`: the provider that it means here, and a target of it.

#include "litellm/litellm_map.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lowart::server {

/// What router_settings and litellm_settings say of all deployments.
struct LitellmDefaults {
  std::string timeout;  ///< Seconds as they stand there; empty: not said.
  bool has_retries{false};
  bool drop_params{false};
  boost::json::object breaker;  ///< Empty: not said.
};

struct LitellmDeployment {
  std::string model_name;     ///< What clients ask for.
  std::string provider_hint;  ///< A name for the provider, where no other has it.
  boost::json::object provider;
  boost::json::object target;    ///< Without its `provider`.
  std::string weight, rpm, tpm;  ///< As they stand there; empty: not said.
  std::int64_t order{std::numeric_limits<std::int64_t>::max()};
};

/// Nothing for one that cannot be asked from here: a note says why. `credentials`: those of `credential_list`, by name.
std::optional<LitellmDeployment> read_deployment(YAML::Node const& entry, LitellmDefaults const& defaults,
                                                 std::map<std::string, YAML::Node> const& credentials,
                                                 std::vector<ImportNote>& notes);

/// Of "30" or "0.5" seconds; nothing for what is no time. At most a day.
std::optional<std::int64_t> milliseconds_of(std::string_view seconds);

/// "30s", "500ms"
std::string time_text(std::int64_t ms);

/// As YAML, or Python, writes it.
bool is_true(std::string_view text) noexcept;

}  // namespace lowart::server
