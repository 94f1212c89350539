#include "file_command.hpp"

#include "app.hpp"
#include "catalogue.hpp"
#include "config_readers.hpp"
#include "default_config.hpp"

#include <lowart/net/random_token.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

namespace lowart::server {

namespace {

/// The models that nobody gave a price: what they cost by the catalogue.
void tell_prices(Config const& config) {
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
  auto const read = load_config(path);
  if (read.config) {
    std::printf("%s is good: %zu providers, %zu models, %zu keys\n", path.c_str(),
                read.config->providers.size(), read.config->models.size(), read.config->keys.size());
    tell_prices(*read.config);
    return 0;
  }
  std::fputs(describe(path, read.problems).c_str(), stderr);
  return 1;
}

int init(std::string const& path) {
  // Only the owner may read it: it holds a key.
  int const fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    std::fprintf(stderr, "%s is there already, or cannot be written\n", path.c_str());
    return 1;
  }
  std::string const text = default_config(net::new_api_key());
  bool const written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  if (written) std::printf("wrote %s\n", path.c_str());
  return written ? 0 : 1;
}

}  // namespace

void add_file_commands(Commands& commands) {
  auto const flags = std::make_shared<ServeFlags>();
  auto* const serve = commands.add("serve", "Run the gateway");
  serve->add_option("--config", flags->config_path, "Its configuration")->capture_default_str();
  serve->add_option("--port", flags->port, "Port of the first TCP listener")->check(CLI::Range(0, 65535));
  serve->add_option("--data", flags->data, "Directory of the usage database and journal");
  commands.on(serve, [flags] { return run_server(*flags); });

  auto const path = std::make_shared<std::string>();
  auto* const check = commands.add("validate", "Say what is wrong with a configuration");
  check->add_option("FILE", *path, "The configuration")->required();
  commands.on(check, [path] { return validate(*path); });
  auto* const make = commands.add("init", "Write a first configuration, with a new key");
  make->add_option("FILE", *path, "Where")->required();
  commands.on(make, [path] { return init(*path); });
}

}  // namespace lowart::server
