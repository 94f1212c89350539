#pragma once
/// ServeFlags: what the command line sets, in the place of what the file says.

#include "config.hpp"

#include <cstdint>
#include <string>

namespace lowart::server {

struct ServeFlags {
  std::string config_path{"lowart.yaml"};
  int port{-1};      ///< Replaces the port of the first TCP listener; -1: as configured.
  std::string data;  ///< Replaces `data`; empty: as configured.
};

/// Replaces what the command line sets.
inline void apply_flags(ServeFlags const& flags, Config& config) {
  if (!flags.data.empty()) {
    // The socket of the default configuration lies in the data directory and moves with it.
    for (auto& address : config.listen) {
      std::string const prefix = config.data + "/";
      if (address.is_unix() && address.socket_path.starts_with(prefix))
        address.socket_path = flags.data + "/" + address.socket_path.substr(prefix.size());
    }
    config.data = flags.data;
  }
  if (flags.port < 0) return;
  for (auto& address : config.listen) {
    if (address.is_unix()) continue;
    address.port = static_cast<std::uint16_t>(flags.port);
    return;
  }
}

}  // namespace lowart::server
