#pragma once
/// `lowart providers`: what the catalogue knows, and whether a provider answers.

#include "command.hpp"

#include <string>

namespace lowart::server {

struct ProvidersFlags {
  std::string name;   ///< Of a vendor, or of a provider in the configuration; may be empty.
  std::string model;  ///< To probe with; empty: one that is there.
  std::string config_path{"lowart.yaml"};  ///< Need not be there unless it was asked for.
  bool config_asked_for{false};
  bool json{false};
};

/// Prints all vendors, or the one of that name with its models. Exit code: 0, or 2 for a name that is not known.
int list_vendors(ProvidersFlags const& flags);

/// Asks one provider for its models and for a word. Exit code: 0 when all worked, 1 when something did not, 2 when there
/// was nothing to ask: an unknown name, no key, a bad configuration.
int test_provider(ProvidersFlags const& flags);

void add_providers_commands(Commands& commands);

}  // namespace lowart::server
