#pragma once
/// The one way an option that is out of its range is told: a programmer's error, at construction.

#include <stdexcept>
#include <string>

namespace lowart {

/// Throws std::invalid_argument("lowart: " + rule) unless `holds`.
/// Whoever reads options from a file checks them first.
inline void require_option(bool holds, char const* rule) {
  if (!holds) throw std::invalid_argument(std::string("lowart: ") + rule);
}

}  // namespace lowart
