#pragma once
/// Console: acts of administration from a command line. They are those of the API, done on the database itself.

#include "admin/administration.hpp"
#include "command.hpp"
#include "serve_flags.hpp"

#include <lowart/core/result.hpp>

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lowart::server {

/// What every command that administers takes.
struct ConsoleFlags {
  ServeFlags serve;
  bool json{false};  ///< Print what the operation answered.

  void add_to(CLI::App& command);
};

/// Of a list: what to ask for, and how much of it.
struct ListFlags {
  std::map<std::string, std::string> query;
  std::int64_t limit{100};
  bool all{false};
  std::string after;  ///< Where to go on.

  void add_to(CLI::App& command);
};

class Console {
 public:
  /// Errors:   those of open_administration().
  static Result<Console> open(ConsoleFlags const& flags);

  Administration& administration() noexcept { return *administration_; }

  /// The text of the answer; empty where there is none.
  Result<std::string> ask_text(std::string_view method, std::string path, json::object const* body = nullptr,
                               std::map<std::string, std::string> const& query = {});
  /// The answer; null where there is none.
  Result<json::value> ask(std::string_view method, std::string path, json::object const* body = nullptr,
                          std::map<std::string, std::string> const& query = {});
  /// Calls `f` with each page of a list. `cursor` is the parameter that goes on behind a page. Returns where more would
  /// begin; empty: that was all.
  Result<std::string> each_page(std::string const& path, ListFlags const& flags, std::string const& cursor,
                                std::function<void(json::array const&)> const& f);

 private:
  explicit Console(std::unique_ptr<Administration> administration)
      : administration_(std::move(administration)) {}

  std::unique_ptr<Administration> administration_;
};

/// Prints a list as a table of these members, or as JSON; the exit code.
int print_list(Console& console, std::string const& path, ListFlags const& flags, std::string const& cursor,
               bool as_json, std::span<std::string_view const> members);
/// Prints an answer as lines, or as JSON.
void print_answer(json::object const& answer, bool as_json);

/// The path of something with a name: "/admin/users/ada".
std::string path_of(std::string_view all, std::string_view name, std::string_view act = {});
/// Says on stderr why something was not done; the exit code.
int refuse(Error const& error);
int refuse_usage(std::string const& why);
/// Opens the console and does `act` with it; the exit code.
int with_console(ConsoleFlags const& flags, std::function<int(Console&)> const& act);

}  // namespace lowart::server
