#pragma once
/// yaml_text(): JSON as YAML for people to read and to put into lowart.yaml.

#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace lowart::server {

/// Blocks down to values that fit on a line; `depth` is how deep it is indented. Texts are quoted where YAML would take
/// them for something else. Ends with a newline.
std::string yaml_text(boost::json::object const& value, std::size_t depth = 0);

/// A text as YAML reads it back as that text.
std::string yaml_scalar(std::string_view text);

}  // namespace lowart::server
