#pragma once
/// The server at work: snapshots, the usage store, reloads, shutdown.

#include "config.hpp"

#include <string>

namespace lowart::server {

struct ServeFlags {
  std::string config_path{"lowart.yaml"};
  int port{-1};      ///< Replaces the port of the first TCP listener; -1: as configured.
  std::string data;  ///< Replaces `data`; empty: as configured.
};

/// Runs until SIGTERM or SIGINT. Returns the exit code; what went wrong is on stderr.
int run_server(ServeFlags const& flags);

/// Replaces what the command line sets.
void apply_flags(ServeFlags const& flags, Config& config);

}  // namespace lowart::server
