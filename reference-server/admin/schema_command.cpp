/// `lowart db migrate` and `lowart keys rotate`: databases of older programs, and secrets under older master keys.

#include "admin/admin_command.hpp"
#include "admin/console.hpp"
#include "open_accounts.hpp"
#include "registry/registry_schema.hpp"

#include <lowart/store/usage_schema.hpp>

#include <cstdio>
#include <filesystem>

namespace lowart::server {

namespace {

struct Held {
  char const* file;
  char const* what;  ///< As messages name it.
  std::span<sqlite::SchemaStep const> steps;
};

struct SchemaFlags : ConsoleFlags {
  bool dry_run{false};
};

std::string verdict_on(sqlite::SchemaVersion const& version, bool dry_run) {
  if (version.is_newer()) return "newer, and this program works with it: nothing to do";
  if (version.found == version.known) return "up to date";
  std::string const steps = std::to_string(version.known - version.found) + " steps";
  return dry_run ? "would be brought up to date in " + steps : "was brought up to date in " + steps;
}

Result<json::object> migrate_one(std::string const& data, Held const& held, bool dry_run) {
  std::string const path = data + "/" + held.file;
  json::object told{{"database", path}, {"known", static_cast<std::int64_t>(held.steps.size())}};
  if (!std::filesystem::exists(path)) {
    told["state"] = "not there: made when the gateway starts";
    return told;
  }
  auto database = sqlite::Database::open(path);
  if (!database) return tl::unexpected(std::move(database).error());
  auto const version = dry_run ? sqlite::schema_version(*database, held.steps, held.what)
                               : sqlite::migrate(*database, held.steps, held.what);
  if (!version) return tl::unexpected(version.error());
  told["found"] = version->found;
  told["state"] = verdict_on(*version, dry_run);
  return told;
}

int migrate(SchemaFlags const& flags) {
  auto const data = data_directory(flags.serve);
  if (!data) return refuse(data.error());
  int code = exit_code::done;
  json::array all;
  for (Held const& held : {Held{"lowart.db", "account", registry_steps},
                           Held{"usage.db", "usage", sqlite::usage_schema_steps}}) {
    auto told = migrate_one(*data, held, flags.dry_run);
    if (!told) {
      code = refuse(told.error());
      continue;
    }
    if (!flags.json) {
      auto const* const found = told->if_contains("found");
      std::string const number = found == nullptr ? "-" : std::to_string(found->get_int64());
      std::printf("%s: found version %s, known up to %lld: %s\n", text_in(*told, "database").data(),
                  number.c_str(), static_cast<long long>(told->at("known").get_int64()),
                  text_in(*told, "state").data());
    }
    all.push_back(std::move(*told));
  }
  if (flags.json) std::printf("%s\n", json::serialize(all).c_str());
  return code;
}

int rotate(ConsoleFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    auto const answer = console.ask("POST", "/admin/secrets/rotate");
    if (!answer) return refuse(answer.error());
    json::object const& told = answer->as_object();
    if (flags.json) print_answer(told, true);
    else
      std::printf("%lld secrets are sealed under the master key '%s'; those behind it can go\n",
                  static_cast<long long>(told.at("sealed").as_int64()), text_in(told, "master_key").data());
    return exit_code::done;
  });
}

}  // namespace

void add_schema_commands(Commands& commands) {
  auto const flags = std::make_shared<SchemaFlags>();
  auto* const db = commands.add("db", "The databases of the data directory");
  db->require_subcommand(1);
  auto* const steps = db->add_subcommand("migrate", "Bring databases of an older program up to date");
  flags->add_to(*steps);
  steps->add_flag("--dry-run", flags->dry_run, "Only say what would be done");
  commands.on(steps, [flags] { return migrate(*flags); });

  auto* const keys = commands.add("keys", "The master keys that secrets are sealed with");
  keys->require_subcommand(1);
  auto* const anew =
      keys->add_subcommand("rotate", "Seal all secrets under the first of today's master keys");
  flags->add_to(*anew);
  commands.on(anew, [flags] { return rotate(*flags); });
}

}  // namespace lowart::server
