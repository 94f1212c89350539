#pragma once
/// What the API answers, for people: aligned columns, and texts that cannot move a cursor.

#include "registry/resource.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// A value on one line: texts as they are, lists with commas, targets by their names, all else as JSON. What has control
/// characters in it is shown as JSON, which escapes them.
std::string line_of(json::value const& value);

/// Rows under a head, each column as wide as its widest cell.
class CommandTable {
 public:
  explicit CommandTable(std::vector<std::string> head) { rows_.push_back(std::move(head)); }

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Names of members; those that are not there are empty.
  void add(json::object const& entry, std::span<std::string_view const> members);
  std::size_t size() const noexcept { return rows_.size() - 1; }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A member a line: "name   ada".
std::string members_text(json::object const& entry);

}  // namespace lowart::server
