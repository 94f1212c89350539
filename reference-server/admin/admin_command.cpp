#include "admin/admin_command.hpp"

#include "admin/command_table.hpp"
#include "admin/console.hpp"

#include <cstdio>

namespace lowart::server {

namespace {

struct AuditFlags : ConsoleFlags {
  ListFlags list;
  std::string expect;
};

constexpr std::array<std::string_view, 7> columns{"seq", "time",    "actor",  "address",
                                                  "act", "subject", "outcome"};

int list_audit(AuditFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    return print_list(console, "/admin/audit", flags.list, "before", flags.json, columns);
  });
}

int export_audit(AuditFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    auto const text = console.ask_text("GET", "/admin/audit/export", nullptr, flags.list.query);
    if (!text) return refuse(text.error());
    if (*text != "\n") std::fputs(text->c_str(), stdout);
    return exit_code::done;
  });
}

int verify_audit(AuditFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    std::map<std::string, std::string> query;
    if (!flags.expect.empty()) query["expect"] = flags.expect;
    auto const verdict = console.ask("GET", "/admin/audit/verify", nullptr, query);
    if (!verdict) return refuse(verdict.error());
    json::object const& told = verdict->as_object();
    print_answer(told, flags.json);
    return told.at("intact").as_bool() ? exit_code::done : exit_code::refused;
  });
}

void add_filters(CLI::App& command, ListFlags& list) {
  for (auto const& [option, parameter, about] : {std::array{"--actor", "actor", "Who, such as 'user ada'"},
                                                 {"--act", "act", "What, such as createUser"},
                                                 {"--subject", "subject", "To whom, such as users/ada"},
                                                 {"--outcome", "outcome", "done, denied or failed"},
                                                 {"--from", "from", "2026-01-31T00:00:00Z"},
                                                 {"--until", "until", "The first moment that is too late"}})
    command.add_option_function<std::string>(
        option,
        [&list, name = std::string(parameter)](std::string const& value) { list.query[name] = value; },
        about);
}

}  // namespace

void add_audit_commands(Commands& commands) {
  auto const flags = std::make_shared<AuditFlags>();
  auto* const audit = commands.add("audit", "Who did what");
  audit->require_subcommand(1);
  auto* const list = audit->add_subcommand("list", "Newest first");
  add_filters(*list, flags->list);
  flags->list.add_to(*list);
  commands.on(list, [flags] { return list_audit(*flags); });
  auto* const verify =
      audit->add_subcommand("verify", "Whether the log is what was written; exit code 1: it is not");
  verify->add_option("--expect", flags->expect,
                     "A hash that was noted earlier, whose entry must still be there");
  commands.on(verify, [flags] { return verify_audit(*flags); });
  auto* const whole = audit->add_subcommand("export", "JSON lines, newest first, with their hashes");
  add_filters(*whole, flags->list);
  commands.on(whole, [flags] { return export_audit(*flags); });
  for (auto* const one : {list, verify, whole}) flags->add_to(*one);
}

void add_admin_commands(Commands& commands) {
  add_resource_commands(commands);
  add_audit_commands(commands);
  add_config_commands(commands);
  add_schema_commands(commands);
}

}  // namespace lowart::server
