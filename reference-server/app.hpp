#pragma once
/// The server at work: snapshots, the usage store, reloads, shutdown.

#include "serve_flags.hpp"

namespace lowart::server {

/// Runs until SIGTERM or SIGINT. Returns the exit code; what went wrong is on stderr.
int run_server(ServeFlags const& flags);

}  // namespace lowart::server
