#include "providers_command.hpp"

#include "catalogue.hpp"
#include "config_readers.hpp"
#include "open_accounts.hpp"
#include "provider_probe.hpp"

#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

namespace lowart::server {

namespace {

constexpr int all_good = 0;
constexpr int something_failed = 1;
constexpr int cannot_ask = 2;

int refuse(std::string const& why) {
  std::fprintf(stderr, "lowart: %s\n", why.c_str());
  return cannot_ask;
}

std::string joined(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

std::string unknown(std::string const& name) {
  std::string const like = vendors_like(name);
  return "no vendor '" + name + "' is known" + (like.empty() ? "" : "; near it are " + like) +
         "; `lowart providers` lists them all";
}

// --- JSON -----------------------------------------------------------------------------------------------------------

void write_amounts(dialect::JsonWriter& w, Price const& price, bool of_tokens) {
  price.each([&](PriceName const& name, std::string const& usd) {
    if (is_tokens(name.of) == of_tokens) w.text(name.name, usd);
  });
}
/// Tokens by themselves, for who knows nothing else; then what is sold by other units, by longer contexts and tiers.
void write(dialect::JsonWriter& w, DatedPrice const& price) {
  w.begin_object("usd_per_million_tokens");
  write_amounts(w, price.price, true);
  w.end_object().begin_object("usd");
  write_amounts(w, price.price, false);
  if (price.per_request.count() > 0) w.text("per_request", usd_text(price.per_request));
  w.end_object();
  if (!price.by_context.empty()) {
    w.begin_list("above");
    for (PriceStep const& step : price.by_context) {
      w.begin_object().count("input_tokens", step.above).begin_object("usd_per_million_tokens");
      write_amounts(w, step.price, true);
      w.end_object().end_object();
    }
    w.end_list();
  }
  if (price.tiers.empty()) return;
  w.begin_object("tiers");
  for (TierFactor const& tier : price.tiers) w.text(std::string_view(tier.tier), tier.factor.text());
  w.end_object();
}

void write(dialect::JsonWriter& w, ListedModel const& model) {
  auto const words = [&](dialect::JsonName name, std::vector<std::string> const& list) {
    w.begin_list(name);
    for (auto const& word : list) w.text(word);
    w.end_list();
  };
  w.begin_object().text("id", model.id);
  if (model.context_tokens > 0) w.count("context", model.context_tokens);
  if (model.output_tokens > 0) w.count("output", model.output_tokens);
  words("types", model.types);
  words("capabilities", model.capabilities);
  w.text_if("source", model.source);
  if (!model.price.empty()) {
    write(w, model.price);
    w.text("priced_at", model.priced_at).text("price_source", model.price_source);
  }
  w.end_object();
}

void write(dialect::JsonWriter& w, Vendor const& vendor) {
  w.begin_object().text("id", vendor.id).text("name", vendor.name).text("type", vendor.type);
  w.flag("supported", is_provider_type(vendor.type))
      .text("base_url", vendor.base_url)
      .text("auth", vendor.auth);
  w.text_if("key_variable", vendor.key_variable)
      .text("docs", vendor.docs)
      .text_if("checked_at", vendor.checked_at)
      .text_if("source", vendor.source);
  w.begin_object("settings");
  for (auto const& [name, value] : vendor.settings) w.text(std::string_view(name), value);
  w.end_object().begin_list("models");
  for (ListedModel const& model : vendor.models) write(w, model);
  w.end_list().end_object();
}

// --- text -----------------------------------------------------------------------------------------------------------

void print_row(Vendor const& vendor) {
  std::string const type = vendor.type + (is_provider_type(vendor.type) ? "" : "*");
  std::printf("%-18s %-36s %-16s %-30s %6zu  %s\n", vendor.id.c_str(), vendor.name.c_str(), type.c_str(),
              vendor.key_variable.empty() ? "-" : vendor.key_variable.c_str(), vendor.models.size(),
              vendor.base_url.c_str());
}

void print_table() {
  std::printf("%-18s %-36s %-16s %-30s %6s  %s\n", "vendor", "name", "type", "key variable", "models",
              "base URL");
  bool all_supported = true;
  for (Vendor const& vendor : catalogue()) {
    print_row(vendor);
    all_supported = all_supported && is_provider_type(vendor.type);
  }
  std::printf("\n%zu vendors.%s `lowart providers NAME` shows one with its models.\n", catalogue().size(),
              all_supported ? "" : " Types with a * are not in this version yet.");
}

/// The line that lowart.yaml needs.
std::string entry_of(Vendor const& vendor) {
  std::string entry = vendor.id + ": {vendor: " + vendor.id;
  for (auto const& name : placeholders_in(vendor.base_url)) entry.append(", ").append(name).append(": ...");
  std::string const credential = vendor.auth == "google" ? "service_account" : "api_key";
  if (vendor.needs_key())
    entry.append(", " + credential + ": \"${").append(vendor.key_variable).append("}\"");
  return entry + "}";
}

void print_model(ListedModel const& model) {
  auto const tokens = [](std::int64_t n) { return n > 0 ? std::to_string(n) : std::string("-"); };
  std::printf("  %c %-44s %9s %8s  %s", model.source.empty() ? '*' : ' ', model.id.c_str(),
              tokens(model.context_tokens).c_str(), tokens(model.output_tokens).c_str(),
              joined(model.types).c_str());
  if (!model.capabilities.empty()) std::printf("; %s", joined(model.capabilities).c_str());
  if (!model.price.empty())
    std::printf("; %s (%s)", prices_text(model.price).c_str(), model.priced_at.c_str());
  std::printf("\n");
}

void print_vendor(Vendor const& vendor) {
  std::printf("%s: %s\n", vendor.id.c_str(), vendor.name.c_str());
  std::printf("  type         %s%s\n", vendor.type.c_str(),
              is_provider_type(vendor.type) ? "" : ", which this version does not have yet");
  std::printf("  base URL     %s\n", vendor.base_url.c_str());
  std::printf("  key          %s\n", vendor.needs_key() ? vendor.key_variable.c_str() : "none needed");
  for (auto const& [name, value] : vendor.settings) std::printf("  %-12s %s\n", name.c_str(), value.c_str());
  std::printf("  docs         %s\n  checked      %s\n", vendor.docs.c_str(),
              vendor.checked_at.empty() ? "not against the vendor's documents"
                                        : (vendor.checked_at + " against " + vendor.source).c_str());
  std::printf("  lowart.yaml  providers:\n                 %s\n", entry_of(vendor).c_str());
  if (vendor.models.empty()) return;
  std::printf("  models: context and output in tokens, prices in USD, tokens by the million\n");
  for (ListedModel const& model : vendor.models) print_model(model);
  bool const all_compared = std::all_of(vendor.models.begin(), vendor.models.end(),
                                        [](ListedModel const& model) { return !model.source.empty(); });
  if (!all_compared)
    std::printf("  * compared with no page but for its price; --json names the pages of the others\n");
}

// --- whom to test ---------------------------------------------------------------------------------------------------

/// The first model that the configuration asks this provider for by name; empty where there is none.
std::string configured_model(Config const& config, ProviderConfig const& provider) {
  std::string first;
  for (auto const& model : config.models) {
    each_target(model.route, [&](TargetConfig const& target) {
      std::string const& asked = target.model.empty() ? model.name : target.model;
      if (first.empty() && target.provider == provider.name && !NamePattern::is_one(asked)) first = asked;
    });
  }
  return first;
}

/// Those of the catalogue that write text.
std::vector<std::string> candidates_of(ProviderConfig const& provider) {
  std::vector<std::string> names;
  if (provider.vendor == nullptr) return names;
  for (ListedModel const& model : provider.vendor->models)
    if (std::find(model.types.begin(), model.types.end(), "text") != model.types.end())
      names.push_back(model.id);
  return names;
}

/// As `lowart providers NAME` says that it would stand in lowart.yaml. The vendor's id is a plain word.
std::string config_text(Vendor const& vendor) {
  return "providers: {" + entry_of(vendor) + "}\nmodels: {\"*\": {targets: [{provider: " + vendor.id +
         "}]}}\nkeys: [{name: probe, key: not-a-key-of-anybody}]\n";
}

int ask(Config const& config, ProviderConfig const& provider, std::string const& model) {
  ProbeOptions const options{.model = model.empty() ? configured_model(config, provider) : model,
                             .candidates = candidates_of(provider)};
  auto const steps = probe(provider, options);
  if (!steps) return refuse("provider '" + provider.name + "': " + steps.error().message());
  std::printf("%s: %s%s%s\n", provider.name.c_str(), std::string(name_of(provider.type)).c_str(),
              provider.base_url.empty() ? "" : " at ", provider.base_url.c_str());
  bool all_worked = true;
  for (ProbeStep const& step : *steps) {
    std::printf("  %-4s  %-10s %6lld ms  %s\n", step.worked ? "ok" : "FAIL", step.name.c_str(),
                static_cast<long long>(step.took.count()), step.said.c_str());
    if (!step.worked) std::printf("        %s\n", step.advice.c_str());
    all_worked = all_worked && step.worked;
  }
  return all_worked ? all_good : something_failed;
}

int ask_vendor(Vendor const& vendor, std::string const& model) {
  if (!placeholders_in(vendor.base_url).empty())
    return refuse("the vendor '" + vendor.id + "' needs " + joined(placeholders_in(vendor.base_url)) +
                  ": put it into lowart.yaml first:\n  " + entry_of(vendor));
  char const* const key = vendor.needs_key() ? std::getenv(vendor.key_variable.c_str()) : "";
  if (vendor.needs_key() && (key == nullptr || *key == '\0'))
    return refuse("no provider '" + vendor.id + "' is configured, and the variable " + vendor.key_variable +
                  " is not set: set it to a key of " + vendor.name);
  auto const read = read_config(config_text(vendor));
  if (!read.config) return refuse(read.problems.front().message);
  return ask(*read.config, read.config->providers.front(), model);
}

}  // namespace

int list_vendors(ProvidersFlags const& flags) {
  Vendor const* const vendor = find_vendor(flags.name);
  if (!flags.name.empty() && vendor == nullptr) return refuse(unknown(flags.name));
  if (!flags.json) {
    vendor == nullptr ? print_table() : print_vendor(*vendor);
    return all_good;
  }
  std::string text;
  dialect::JsonWriter w(text);
  if (vendor != nullptr) write(w, *vendor);
  else {
    w.begin_list();
    for (Vendor const& one : catalogue()) write(w, one);
    w.end_list();
  }
  std::puts(text.c_str());
  return all_good;
}

int test_provider(ProvidersFlags const& flags) {
  bool const has_file = std::filesystem::exists(flags.config_path);
  if (!has_file && flags.config_asked_for) return refuse(flags.config_path + ": the file cannot be read");
  if (has_file) {
    ServeFlags where;
    where.config_path = flags.config_path;
    auto const config = config_at_work(where);
    if (!config) return refuse("\n" + config.error().message());
    if (auto const* provider = find_provider(config->providers, flags.name))
      return ask(*config, *provider, flags.model);
  }
  Vendor const* const vendor = find_vendor(flags.name);
  if (vendor == nullptr)
    return refuse((has_file ? flags.config_path + " has no provider '" + flags.name + "', and " : "") +
                  unknown(flags.name));
  return ask_vendor(*vendor, flags.model);
}

void add_providers_commands(Commands& commands) {
  auto const flags = std::make_shared<ProvidersFlags>();
  auto* const providers = commands.add("providers", "What is known of vendors, and whether one answers");
  providers->add_option("NAME", flags->name, "One vendor, with its models");
  providers->add_flag("--json", flags->json, "As JSON");
  commands.on(providers, [flags] { return list_vendors(*flags); });
  auto* const test = providers->add_subcommand("test", "Ask one provider for its models and for a word");
  test->add_option("NAME", flags->name, "A provider of the configuration, or a vendor")->required();
  test->add_option("--model", flags->model, "The model to chat with");
  auto* const config = test->add_option("--config", flags->config_path, "The configuration");
  config->capture_default_str();
  commands.on(test, [flags, config] {
    flags->config_asked_for = config->count() > 0;
    return test_provider(*flags);
  });
}

}  // namespace lowart::server
