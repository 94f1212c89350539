#pragma once
/// Effective: a resource as it is at work: of a setting what the file says, and over it the database.

#include "admin/administration.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

struct Effective {
  Resource resource;
  std::string_view source;  ///< "file", "database" or "both"; empty for what no file has.
};

/// nullopt where neither has it.
Result<std::optional<Effective>> effective(Administration& admin, ResourceKind kind, std::string_view name);
/// All settings of a kind, by name.
Result<std::vector<Effective>> all_effective(Administration& admin, ResourceKind kind);

/// As it is shown, with secrets masked.
json::object told(Effective const& one);

}  // namespace lowart::server
