#pragma once
/// Commands: what the subcommands of the command line run.

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lowart::server {

namespace exit_code {

inline constexpr int done = 0;
inline constexpr int refused = 1;  ///< Why is on stderr.
inline constexpr int usage = 2;    ///< The command line is wrong.

}  // namespace exit_code

class Commands {
 public:
  explicit Commands(CLI::App& cli) noexcept : cli_(cli) {}

  /// A subcommand of the program itself.
  CLI::App* add(std::string const& name, std::string const& about) {
    return cli_.add_subcommand(name, about);
  }
  /// What runs when no subcommand of `command` was given.
  void on(CLI::App* command, std::function<int()> run) { list_.emplace_back(command, std::move(run)); }

  /// The exit code of the innermost subcommand that was given.
  int run() const {
    for (CLI::App const* given = &cli_;;) {
      auto const inner = given->get_subcommands();
      if (!inner.empty()) {
        given = inner.front();
        continue;
      }
      for (auto const& [command, run] : list_)
        if (command == given) return run();
      return exit_code::usage;
    }
  }

 private:
  CLI::App& cli_;
  std::vector<std::pair<CLI::App const*, std::function<int()>>> list_;
};

}  // namespace lowart::server
