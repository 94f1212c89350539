#pragma once
/// What a configuration of the LiteLLM proxy means here: providers, groups and models, and what cannot be carried over.

#include <lowart/core/result.hpp>

#include <boost/json.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// A setting that is not carried over, or means something else here.
struct ImportNote {
  std::size_t line{0};
  std::string setting;  ///< "router_settings.redis_host"
  std::string why;
};

/// By name, in the order in which they are to be made. Variables of the environment are marks: see named_variables().
struct LitellmImport {
  boost::json::object providers;
  boost::json::object groups;
  boost::json::object models;
  std::vector<ImportNote> notes;  ///< By line.
};

/// Errors:   config_invalid for what is not YAML, or has no `model_list`.
Result<LitellmImport> read_litellm(std::string const& yaml);

/// What stands for a variable until it is known how it is to be written, with a text behind it: "https://host" + "/openai".
boost::json::value variable_mark(std::string_view name, std::string_view behind = {});

/// `value` with each mark as "${NAME}", as lowart.yaml has it.
boost::json::value named_variables(boost::json::value value);

/// `value` with what each variable says; names of those that are not set are added to `missing`.
boost::json::value resolved_variables(
    boost::json::value value, std::function<std::optional<std::string>(std::string const&)> const& lookup,
    std::vector<std::string>& missing);

}  // namespace lowart::server
