#include "usage_command.hpp"

#include "reconcile_command.hpp"
#include "reprice_command.hpp"
#include "usage_view_command.hpp"

#include <memory>

namespace lowart::server {

void add_usage_commands(Commands& commands) {
  auto const flags = std::make_shared<UsageFlags>();
  auto* const usage =
      commands.add("usage", "What was recorded: added up, listed, priced anew, or compared with a bill");
  usage->require_subcommand(1);
  add_usage_views(commands, *usage);
  auto* const reprice =
      usage->add_subcommand("reprice", "Derive what records cost anew, by the prices of today's file");
  auto* const reconcile =
      usage->add_subcommand("reconcile", "List how a provider's CSV export and the records differ");
  for (auto* const one : {reprice, reconcile}) {
    one->add_option("--config", flags->config_path, "The configuration")->capture_default_str();
    one->add_option("--data", flags->data, "Directory of the usage database");
    one->add_option("--from", flags->from, "The first day (UTC): 2026-01-31");
    one->add_option("--until", flags->until, "The day after the last");
  }
  reprice->add_flag("--apply", flags->apply, "Write the new costs; the server must not be running");
  reconcile->add_option("--invoice", flags->invoice, "The export")->required();
  reconcile->add_option("--provider", flags->provider, "Only calls that this provider answered");
  reconcile->add_option("--tolerance", flags->tolerance, "Percent that figures may differ by")
      ->capture_default_str();
  commands.on(reprice, [flags] { return reprice_usage(*flags); });
  commands.on(reconcile, [flags] { return reconcile_usage(*flags); });
}

}  // namespace lowart::server
