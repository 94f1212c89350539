#pragma once
/// What a start prints for the person at the terminal: the address, the first key, a first call.

#include "config.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// `addresses` as bound. This is the one place that shows a key, and only one that the file has in the clear.
inline std::string greeting(Config const& config, std::vector<net::ListenAddress> const& addresses,
                            std::string_view config_path) {
  std::string where;
  std::string all;
  for (auto const& address : addresses) {
    all.append(all.empty() ? "" : "  ").append(address.text());
    if (address.is_unix() || !where.empty()) continue;
    auto reachable = address;
    if (reachable.host == "0.0.0.0") reachable.host = "127.0.0.1";
    where = (address.is_tls() ? "https://" : "http://") + reachable.text();
  }
  std::string unix_flag;
  if (where.empty()) {
    unix_flag = "--unix-socket " + addresses.front().socket_path + " ";
    where = "http://localhost";
  }
  auto const shown =
      std::find_if(config.keys.begin(), config.keys.end(), [](auto const& k) { return !k.text.empty(); });
  std::string const key = shown == config.keys.end() ? "(your key)" : std::string(shown->text.reveal());
  bool const has_demo = std::any_of(config.providers.begin(), config.providers.end(),
                                    [](auto const& p) { return p.type == ProviderType::demo; });
  auto const plain = std::find_if(config.models.begin(), config.models.end(),
                                  [](auto const& m) { return !NamePattern::is_one(m.name); });
  std::string const model = plain == config.models.end() ? "(a model)" : plain->name;
  std::string text = "\nlowart is ready on " + all + "\n\n  key    " + key + "\n\n";
  text +=
      "  curl -N " + unix_flag + where + "/v1/chat/completions -H 'Authorization: Bearer " + key + "' \\\n";
  text += "    -H 'Content-Type: application/json' \\\n    -d '{\"model\":\"" + model;
  text += R"(","stream":true,"messages":[{"role":"user","content":"Hello"}]}')";
  text += "\n\n  models   " + where + "/v1/models          usage   " + where + "/v1/usage/me\n";
  text += "  metrics  " + where + "/metrics\n";
  if (has_demo)
    text += "  faults   ask for demo-429, demo-fail, demo-stall, demo-cut; demo-resilient fails over\n";
  return text.append("  config   ").append(config_path).append(" (changes are taken over while it runs)\n\n");
}

}  // namespace lowart::server
