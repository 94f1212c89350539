#pragma once
/// BodyOptions: the options of a command that stand for the members of a body, made from its Shape.

#include "admin/shape.hpp"
#include "command.hpp"

#include <lowart/core/result.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// Must live as long as the command that its options were added to.
class BodyOptions {
 public:
  /// An option for each member that can be written; for open shapes also `--set` and `--file`. `changes`: also `--unset`
  /// and `--revision`.
  void add_to(CLI::App& command, Shape const& shape, bool changes);
  /// The body that the options say. Errors: what cannot be read as what it should be.
  Result<json::object> body() const;

 private:
  Result<void> add_member(Field const& field, std::vector<std::string> const& texts,
                          json::object& body) const;
  Result<void> add_assignments(json::object& body) const;

  std::map<Field const*, std::vector<std::string>> given_;
  std::vector<std::string> set_;
  std::vector<std::string> unset_;
  std::string file_;
  std::string revision_;
};

/// Puts a value at a path such as "timeouts.connect". The value is JSON, or else a text; a number with a fraction stays the
/// text that it is. Errors: config_invalid.
Result<void> assign(json::object& body, std::string_view assignment);

/// What stdin says: a line of it, without echo where it is a terminal. Errors: config_invalid when it is empty.
Result<std::string> read_secret(std::string const& prompt);

}  // namespace lowart::server
