/// lowart: the reference server and its tools.

#include "admin/admin_command.hpp"
#include "backup_command.hpp"
#include "command.hpp"
#include "file_command.hpp"
#include "providers_command.hpp"
#include "usage_command.hpp"

#include <lowart/core/pooled_new.hpp>

int main(int argc, char** argv) {
  using namespace lowart::server;
  CLI::App cli{"lowart: one API in front of many AI providers"};
  cli.set_version_flag("--version", "lowart 0.1.0");
  cli.require_subcommand(1);
  Commands commands(cli);
  add_file_commands(commands);
  add_admin_commands(commands);
  add_providers_commands(commands);
  add_usage_commands(commands);
  add_backup_commands(commands);
  try {
    cli.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return cli.exit(error) == 0 ? exit_code::done : exit_code::usage;
  }
  return commands.run();
}
