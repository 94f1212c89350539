/// `lowart user|team|key|provider|model|group|tier`: the acts of every kind, and those that only one kind knows.

#include "admin/admin_command.hpp"
#include "admin/command_body.hpp"
#include "admin/command_table.hpp"
#include "admin/console.hpp"
#include "admin/shapes.hpp"

#include <array>
#include <cstdio>
#include <span>

namespace lowart::server {

namespace {

struct Kind {
  ResourceKind kind;
  char const* about;
  std::span<std::string_view const> columns;
  std::span<std::string_view const> filters;  ///< Parameters of its list.
};

constexpr std::array<std::string_view, 6> user_columns{"name", "role", "status",
                                                       "team", "tier", "display_name"};
constexpr std::array<std::string_view, 4> team_columns{"name", "status", "tier", "display_name"};
constexpr std::array<std::string_view, 7> key_columns{"name",   "status", "user",      "team",
                                                      "prefix", "models", "expires_at"};
constexpr std::array<std::string_view, 6> provider_columns{"name",     "type",    "vendor",
                                                           "base_url", "enabled", "source"};
constexpr std::array<std::string_view, 5> model_columns{"name", "aliases", "targets", "enabled", "source"};
constexpr std::array<std::string_view, 4> group_columns{"name", "balance", "targets", "source"};
constexpr std::array<std::string_view, 7> tier_columns{
    "name", "rpm", "tpm", "concurrency", "tokens_per_day", "cost_per_month", "source"};
constexpr std::array<std::string_view, 3> of_users{"prefix", "status", "team"};
constexpr std::array<std::string_view, 4> of_keys{"prefix", "status", "team", "user"};
constexpr std::array<std::string_view, 2> of_models{"prefix", "provider"};
constexpr std::array<std::string_view, 1> of_others{"prefix"};
constexpr std::array<std::string_view, 2> of_teams{"prefix", "status"};

constexpr std::array<Kind, 7> kinds{{
    {ResourceKind::user, "People, and programs that are some", user_columns, of_users},
    {ResourceKind::team, "Users and keys that share limits", team_columns, of_teams},
    {ResourceKind::key, "API keys", key_columns, of_keys},
    {ResourceKind::provider, "Who is asked", provider_columns, of_others},
    {ResourceKind::model, "What clients ask for", model_columns, of_models},
    {ResourceKind::group, "Targets that several models share", group_columns, of_others},
    {ResourceKind::tier, "Limits that have a name", tier_columns, of_others},
}};

/// What one command was told.
struct ResourceFlags : ConsoleFlags {
  std::string name;
  ListFlags list;
  BodyOptions body;
  std::string word;  ///< "on", or a target.
  std::string number;
  std::vector<std::string> assignments;
};
using FlagsPtr = std::shared_ptr<ResourceFlags>;

/// The text of a key and its secret are never told again: they stand alone, where nobody overlooks them.
void print_made(json::object entry, bool as_json) {
  if (as_json) return print_answer(entry, true);
  std::string once;
  for (auto const member : {"key", "signing_secret"}) {
    std::string const text(text_in(entry, member));
    if (!text.empty()) once.append("\n").append(member).append(": ").append(text).append("\n");
    entry.erase(member);
  }
  print_answer(entry, false);
  if (!once.empty()) std::printf("%s\nIt is shown this once and kept nowhere.\n", once.c_str());
}

int act(ResourceFlags const& flags, std::string_view method, std::string const& path,
        json::object const* body, std::string const& otherwise) {
  return with_console(flags, [&](Console& console) {
    auto const answer = console.ask(method, path, body);
    if (!answer) return refuse(answer.error());
    if (answer->is_object()) print_made(answer->get_object(), flags.json);
    else if (!flags.json) std::printf("%s\n", otherwise.c_str());
    return exit_code::done;
  });
}

int write(ResourceFlags const& flags, ResourceKind kind, bool changes) {
  auto body = flags.body.body();
  if (!body) return refuse_usage(body.error().message());
  if (changes) return act(flags, "PATCH", path_of(plural(kind), flags.name), &*body, {});
  (*body)["name"] = flags.name;
  return act(flags, "POST", "/admin/" + std::string(plural(kind)), &*body, {});
}

/// A command about the one of a name.
std::pair<CLI::App*, FlagsPtr> add_named(CLI::App& of, char const* name, std::string const& about) {
  auto flags = std::make_shared<ResourceFlags>();
  auto* const command = of.add_subcommand(name, about);
  command->add_option("NAME", flags->name)->required();
  flags->add_to(*command);
  return {command, std::move(flags)};
}

/// A command that asks for one path, without a body.
void add_plain(Commands& commands, CLI::App& of, ResourceKind kind, char const* name,
               std::string const& about, std::string_view method, std::string_view below,
               std::string const& otherwise) {
  auto const [command, flags] = add_named(of, name, about);
  commands.on(command, [flags = flags, kind, method, below, otherwise] {
    return act(*flags, method, path_of(plural(kind), flags->name, below), nullptr,
               std::string(singular(kind)) + " '" + flags->name + "' " + otherwise);
  });
}

void add_list(Commands& commands, CLI::App& of, Kind const& kind) {
  auto const flags = std::make_shared<ResourceFlags>();
  auto* const command = of.add_subcommand("list", "All of them, by name");
  flags->add_to(*command);
  flags->list.add_to(*command);
  for (auto const filter : kind.filters)
    command->add_option_function<std::string>(
        "--" + std::string(filter),
        [flags, filter](std::string const& value) { flags->list.query[std::string(filter)] = value; },
        filter == "prefix" ? "What the name begins with" : "Only those of it");
  commands.on(command, [flags, kind] {
    return with_console(*flags, [&](Console& console) {
      return print_list(console, "/admin/" + std::string(plural(kind.kind)), flags->list, "after",
                        flags->json, kind.columns);
    });
  });
}

void add_of_kind(Commands& commands, CLI::App& of, Kind const& kind) {
  add_list(commands, of, kind);
  add_plain(commands, of, kind.kind, "show", "All that is known of one", "GET", {}, {});
  for (bool const changes : {false, true}) {
    auto const [command, flags] =
        add_named(of, changes ? "update" : "create", changes ? "Change some of its members" : "Make one");
    flags->body.add_to(*command, shapes::of(kind.kind), changes);
    commands.on(command,
                [flags = flags, which = kind.kind, changes] { return write(*flags, which, changes); });
  }
  add_plain(commands, of, kind.kind, "delete", "Take one away", "DELETE", {}, "is gone");
}

// --- what only some kinds know

int set_password(ResourceFlags const& flags) {
  auto password = read_secret("password");
  if (!password) return refuse_usage(password.error().message());
  json::object const body{{"password", std::move(*password)}};
  return act(flags, "PUT", path_of("users", flags.name, "password"), &body,
             "user '" + flags.name + "' has a new password; its sessions have ended");
}

int toggle(ResourceFlags const& flags, ResourceKind kind) {
  if (flags.word != "on" && flags.word != "off") return refuse_usage("it is switched on or off");
  json::object const body{{"enabled", flags.word == "on"}};
  return act(flags, "PUT", path_of(plural(kind), flags.name, "toggle"), &body, {});
}

int set_priority(ResourceFlags const& flags) {
  json::object body{{"target", flags.word}};
  if (auto const ok = assign(body, "priority=" + flags.number); !ok)
    return refuse_usage(ok.error().message());
  return act(flags, "PUT", path_of("models", flags.name, "priority"), &body, {});
}

/// Amounts stay the texts that they are.
int set_price(ResourceFlags const& flags) {
  json::object price;
  for (auto const& one : flags.assignments)
    if (auto const ok = assign(price, one); !ok) return refuse_usage(ok.error().message());
  json::object const body{{"price", std::move(price)}};
  return act(flags, "PUT", path_of("models", flags.name, "price"), &body, {});
}

void add_toggle(Commands& commands, CLI::App& of, ResourceKind kind) {
  auto const [command, flags] = add_named(of, "toggle", "Switch it on or off");
  command->add_option("STATE", flags->word, "on or off")->required();
  commands.on(command, [flags = flags, kind] { return toggle(*flags, kind); });
}

void add_own(Commands& commands, CLI::App& of, ResourceKind kind) {
  switch (kind) {
    case ResourceKind::user: {
      auto const [command, flags] =
          add_named(of, "password", "Give it a password: a line of stdin, or asked for at a terminal");
      commands.on(command, [flags = flags] { return set_password(*flags); });
      add_plain(commands, of, kind, "logout", "End its sessions", "POST", "logout", "is logged in nowhere");
      return;
    }
    case ResourceKind::key:
      add_plain(commands, of, kind, "revoke", "End it at once, for ever", "POST", "revoke", {});
      add_plain(commands, of, kind, "regenerate", "New text for it; its limits and what is used of them stay",
                "POST", "regenerate", {});
      return;
    case ResourceKind::provider: return add_toggle(commands, of, kind);
    case ResourceKind::model: {
      add_toggle(commands, of, kind);
      auto const [priority, order] = add_named(of, "priority", "When one of its targets is asked");
      priority->add_option("TARGET", order->word, "provider/model")->required();
      priority->add_option("PRIORITY", order->number, "Lower ones are asked first")->required();
      commands.on(priority, [order = order] { return set_priority(*order); });
      auto const [price, amounts] = add_named(of, "price", "What its calls cost");
      price
          ->add_option("AMOUNTS", amounts->assignments,
                       "USD for a million tokens, such as input=0.15 output=0.60")
          ->required();
      commands.on(price, [amounts = amounts] { return set_price(*amounts); });
      return;
    }
    default: return;
  }
}

}  // namespace

void add_resource_commands(Commands& commands) {
  for (Kind const& kind : kinds) {
    auto* const command = commands.add(std::string(singular(kind.kind)), kind.about);
    command->require_subcommand(1);
    add_of_kind(commands, *command, kind);
    add_own(commands, *command, kind.kind);
  }
}

}  // namespace lowart::server
