/// lowart: the reference server and its tools.

#include "app.hpp"
#include "backup_command.hpp"
#include "catalogue.hpp"
#include "config_readers.hpp"
#include "default_config.hpp"
#include "providers_command.hpp"
#include "usage_command.hpp"

#include <lowart/core/pooled_new.hpp>
#include <lowart/net/random_token.hpp>

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

/// The models that nobody gave a price: what they cost by the catalogue.
void tell_prices(lowart::server::Config const& config) {
  using namespace lowart::server;
  for (auto const& model : config.models) {
    each_target(model.route, [&](TargetConfig const& target) {
      if (target.price || model.price) return;
      std::string const& asked = target.model.empty() ? model.name : target.model;
      Vendor const* const vendor = find_provider(config.providers, target.provider)->vendor;
      ListedModel const* const listed = find_listed(vendor, asked);
      if (listed == nullptr || listed->price.empty()) return;
      std::printf("  %s at %s: %s USD, tokens by the million, by the catalogue of %s\n", model.name.c_str(),
                  target.provider.c_str(), prices_text(listed->price).c_str(), listed->priced_at.c_str());
    });
  }
}

int validate(std::string const& path) {
  auto const read = lowart::server::load_config(path);
  if (read.config) {
    std::printf("%s is good: %zu providers, %zu models, %zu keys\n", path.c_str(),
                read.config->providers.size(), read.config->models.size(), read.config->keys.size());
    tell_prices(*read.config);
    return 0;
  }
  std::fputs(lowart::server::describe(path, read.problems).c_str(), stderr);
  return 1;
}

int init(std::string const& path) {
  // Only the owner may read it: it holds a key.
  int const fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    std::fprintf(stderr, "%s is there already, or cannot be written\n", path.c_str());
    return 1;
  }
  std::string const text = lowart::server::default_config(lowart::net::new_api_key());
  bool const written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  if (written) std::printf("wrote %s\n", path.c_str());
  return written ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"lowart: one API in front of many AI providers"};
  cli.set_version_flag("--version", "lowart 0.1.0");
  cli.require_subcommand(1);

  lowart::server::ServeFlags flags;
  auto* serve = cli.add_subcommand("serve", "Run the gateway");
  serve->add_option("--config", flags.config_path, "Its configuration")->capture_default_str();
  serve->add_option("--port", flags.port, "Port of the first TCP listener")->check(CLI::Range(0, 65535));
  serve->add_option("--data", flags.data, "Directory of the usage database and journal");

  std::string path;
  auto* check = cli.add_subcommand("validate", "Say what is wrong with a configuration");
  check->add_option("FILE", path, "The configuration")->required();
  auto* make = cli.add_subcommand("init", "Write a first configuration, with a new key");
  make->add_option("FILE", path, "Where")->required();

  lowart::server::ProvidersFlags vendors;
  auto* providers = cli.add_subcommand("providers", "What is known of vendors, and whether one answers");
  providers->add_option("NAME", vendors.name, "One vendor, with its models");
  providers->add_flag("--json", vendors.json, "As JSON");
  auto* test = providers->add_subcommand("test", "Ask one provider for its models and for a word");
  test->add_option("NAME", vendors.name, "A provider of the configuration, or a vendor")->required();
  test->add_option("--model", vendors.model, "The model to chat with");
  auto* test_config = test->add_option("--config", vendors.config_path, "The configuration");
  test_config->capture_default_str();

  lowart::server::UsageFlags usage_flags;
  auto* usage = cli.add_subcommand("usage", "What was recorded: priced anew, or compared with a bill");
  usage->require_subcommand(1);
  auto* reprice =
      usage->add_subcommand("reprice", "Derive what records cost anew, by the prices of today's file");
  auto* reconcile =
      usage->add_subcommand("reconcile", "List how a provider's CSV export and the records differ");
  for (auto* one : {reprice, reconcile}) {
    one->add_option("--config", usage_flags.config_path, "The configuration")->capture_default_str();
    one->add_option("--data", usage_flags.data, "Directory of the usage database");
    one->add_option("--from", usage_flags.from, "The first day (UTC): 2026-01-31");
    one->add_option("--until", usage_flags.until, "The day after the last");
  }
  reprice->add_flag("--apply", usage_flags.apply, "Write the new costs; the server must not be running");
  reconcile->add_option("--invoice", usage_flags.invoice, "The export")->required();
  reconcile->add_option("--provider", usage_flags.provider, "Only calls that this provider answered");
  reconcile->add_option("--tolerance", usage_flags.tolerance, "Percent that figures may differ by")
      ->capture_default_str();
  std::string backup_data = lowart::server::Config{}.data;
  std::string backups;
  auto* backup = cli.add_subcommand("backup", "Make a verified backup, also while the gateway runs");
  backup->add_option("--data", backup_data, "The data directory")->capture_default_str();
  backup->add_option("--to", backups, "Where backups are")->required();
  auto* restore = cli.add_subcommand("restore", "Put a backup in the place of what is there");
  restore->add_option("--from", backups, "The backup, such as /backups/2026-11-30T17-00-00Z")->required();
  restore->add_option("--data", backup_data, "The data directory, which no gateway uses")
      ->capture_default_str();

  CLI11_PARSE(cli, argc, argv);
  vendors.config_asked_for = test_config->count() > 0;
  if (*test) return lowart::server::test_provider(vendors);
  if (*reprice) return lowart::server::reprice_usage(usage_flags);
  if (*reconcile) return lowart::server::reconcile_usage(usage_flags);
  if (*providers) return lowart::server::list_vendors(vendors);
  if (*backup) return lowart::server::backup_command(backup_data, backups);
  if (*restore) return lowart::server::restore_command(backups, backup_data);
  if (*check) return validate(path);
  if (*make) return init(path);
  return lowart::server::run_server(flags);
}
