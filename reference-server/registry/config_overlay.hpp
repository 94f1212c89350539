#pragma once
/// Settings of the database, laid over those of lowart.yaml: file first, then database.

#include "registry/resource.hpp"

#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace lowart::server {

/// Replaces, member by member, what each entry of the file says by what the resource of its name says (RFC 7396); entries
/// that the file does not have come behind those that it has. In what the database says, `${NAME}` is no variable: who may
/// change settings need not see the environment.
void lay_over(YAML::Node& root, std::vector<Resource> const& settings);

/// The entries of a kind in a file, as JSON, variables as they stand there. What is not YAML has none.
std::map<std::string, json::object> entries_of(std::string const& yaml, ResourceKind kind);

/// The names of a file's keys, which are a list there.
std::set<std::string> key_names_in(std::string const& yaml);

/// The tag of texts in which nothing is replaced.
inline constexpr char const* literal_tag = "!literal";

}  // namespace lowart::server
