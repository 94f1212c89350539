/// `lowart config`: settings as they are at work, what changed of them, and those of other gateways.

#include "admin/admin_command.hpp"
#include "admin/config_difference.hpp"
#include "admin/console.hpp"
#include "admin/import_command.hpp"
#include "registry/config_overlay.hpp"
#include "registry/sealed_body.hpp"
#include "yaml_writer.hpp"

#include <algorithm>
#include <cstdio>

namespace lowart::server {

namespace {

struct ConfigFlags : ConsoleFlags {
  ListFlags list;
  std::int64_t revision{0};
  std::int64_t from{-1};
  std::int64_t to{INT64_MAX};
};

constexpr std::array<std::string_view, 7> columns{"revision", "time",   "actor", "kind",
                                                  "name",     "before", "after"};

int show(ConfigFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    auto const config = console.ask("GET", "/admin/config");
    if (!config) return refuse(config.error());
    if (flags.json) print_answer(config->as_object(), true);
    else
      std::printf("# revision %lld\n%s", static_cast<long long>(config->at("revision").as_int64()),
                  yaml_text(config->at("settings").as_object()).c_str());
    return exit_code::done;
  });
}

int history(ConfigFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    return print_list(console, "/admin/config/history", flags.list, "before", flags.json, columns);
  });
}

/// Those of the file, as they would be without a database; each that is there now has a place.
Settings settings_of_file(std::string const& file, Settings const& now) {
  Settings settings;
  for (auto const& [name, body] : now) settings[name] = nullptr;
  for (std::size_t i = 0; i < resource_kind_count; ++i) {
    auto const kind = static_cast<ResourceKind>(i);
    if (!is_setting(kind)) continue;
    for (auto& [name, body] : entries_of(file, kind)) {
      mask_body(body);
      settings[{std::string(plural(kind)), name}] = std::move(body);
    }
  }
  return settings;
}

Result<std::vector<MemberChange>> against_file(Console& console) {
  auto const config = console.ask("GET", "/admin/config");
  if (!config) return tl::unexpected(config.error());
  Settings now;
  for (auto const& kind : config->at("settings").as_object())
    for (auto const& entry : kind.value().as_object())
      now[{std::string(kind.key()), std::string(entry.key())}] = entry.value();
  auto before = settings_of_file(console.administration().file(), now);
  // What no database has a say in does not differ.
  for (auto it = now.begin(); it != now.end();) {
    auto const stored =
        console.administration().registry().find(*kind_named(it->first.first), it->first.second);
    if (!stored) return tl::unexpected(stored.error());
    if (!*stored) before.erase(it->first);
    it = *stored ? std::next(it) : now.erase(it);
  }
  return differences(before, now);
}

/// From the state after one revision to the state after another.
Result<std::vector<MemberChange>> between(Console& console, std::int64_t from, std::int64_t to) {
  Settings before, after;
  ListFlags list;
  list.all = true;
  if (to < INT64_MAX) list.after = std::to_string(to + 1);
  auto const read = console.each_page("/admin/config/history", list, "before", [&](json::array const& page) {
    for (auto const& entry : page) {
      json::object const& change = entry.as_object();
      if (change.at("revision").as_int64() <= from) continue;
      SettingName const name(text_in(change, "kind"), text_in(change, "name"));
      after.emplace(name, change.at("after"));  // newest first: later ones are older
      before[name] = change.at("before");
    }
  });
  if (!read) return tl::unexpected(read.error());
  return differences(before, after);
}

int diff(ConfigFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    bool const by_revision = flags.from >= 0 || flags.to < INT64_MAX;
    auto const found = by_revision ? between(console, std::max<std::int64_t>(flags.from, 0), flags.to)
                                   : against_file(console);
    if (!found) return refuse(found.error());
    json::array all;
    for (MemberChange const& change : *found) {
      if (flags.json) all.push_back(told(change));
      else std::printf("%s\n", line_of(change).c_str());
    }
    if (flags.json) std::printf("%s\n", json::serialize(all).c_str());
    else if (found->empty()) std::printf("nothing differs\n");
    return exit_code::done;
  });
}

int roll_back(ConfigFlags const& flags) {
  return with_console(flags, [&](Console& console) {
    json::object const body{{"revision_wanted", flags.revision}};
    auto const answer = console.ask("POST", "/admin/config/rollback", &body);
    if (!answer) return refuse(answer.error());
    print_answer(answer->as_object(), flags.json);
    return exit_code::done;
  });
}

}  // namespace

void add_config_commands(Commands& commands) {
  auto const flags = std::make_shared<ConfigFlags>();
  auto* const config = commands.add("config", "Settings as they are at work, and how they became so");
  config->require_subcommand(1);
  auto* const shown = config->add_subcommand("show", "The file, and over it the database");
  commands.on(shown, [flags] { return show(*flags); });
  auto* const changes = config->add_subcommand("history", "What was changed, newest first");
  flags->list.add_to(*changes);
  commands.on(changes, [flags] { return history(*flags); });
  auto* const differing = config->add_subcommand(
      "diff", "What the database says otherwise than the file; or what changed between revisions");
  differing->add_option("--from", flags->from, "The revision before the first change")
      ->check(CLI::NonNegativeNumber);
  differing->add_option("--to", flags->to, "The revision of the last change")->check(CLI::NonNegativeNumber);
  commands.on(differing, [flags] { return diff(*flags); });
  auto* const back =
      config->add_subcommand("rollback", "Put all settings back to what they were after a revision");
  back->add_option("REVISION", flags->revision)->required()->check(CLI::NonNegativeNumber);
  commands.on(back, [flags] { return roll_back(*flags); });
  for (auto* const one : {shown, changes, differing, back}) flags->add_to(*one);
  add_import_command(commands, *config);
}

}  // namespace lowart::server
