#pragma once
/// The master key that secrets at rest are sealed with: where it comes from.

#include "config.hpp"
#include "yaml_reader.hpp"

#include <lowart/net/random_token.hpp>
#include <lowart/net/secret_box.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace lowart::server {

inline Result<std::vector<net::MasterKey>> parse_master_text(std::string const& text) {
  if (text.find(':') != text.npos) return net::parse_master_keys(text);
  auto one = net::parse_master_key("main", text);  // as it stands in an environment
  if (!one) return tl::unexpected(std::move(one).error());
  std::vector<net::MasterKey> keys;
  keys.push_back(std::move(*one));
  return keys;
}

/// `kms: {url: ..., token: ..., wrapped_key: ...}`
inline void read_kms(YamlMap& secrets, KmsConfig& kms) {
  auto map = secrets.map("kms");
  if (!map) return;
  std::string token;
  map->text("id", kms.id);
  map->text("url", kms.url);
  map->text("token", token);
  map->text("wrapped_key", kms.wrapped_key);
  map->text("ca_file", kms.ca_file);
  kms.token = Secret(std::move(token));
  bool const is_http = kms.url.starts_with("http://") || kms.url.starts_with("https://");
  if (!is_http) map->wrong("url", "'kms' needs a 'url' that begins with https:// or http://");
  if (kms.wrapped_key.empty())
    map->wrong("wrapped_key", "'kms' needs a 'wrapped_key', which the service unwraps");
  map->finish();
}

/// `secrets: {master_key: ..., master_key_file: ...}`
inline void read_secrets(YamlMap& root, Config& config) {
  auto map = root.map("secrets");
  if (!map) return;
  std::string key;
  map->text("master_key", key);
  map->text("master_key_file", config.secrets.master_key_file);
  read_kms(*map, config.secrets.kms);
  if (!key.empty() && !config.secrets.kms.url.empty())
    map->wrong("master_key", "'secrets' has either a 'master_key' or a 'kms'");
  if (!key.empty() && !config.secrets.master_key_file.empty())
    map->wrong("master_key", "'secrets' has either a 'master_key' or a 'master_key_file'");
  if (!key.empty())
    if (auto const parsed = parse_master_text(key); !parsed)
      map->wrong("master_key", parsed.error().message());
  config.secrets.master_key = Secret(std::move(key));
  map->finish();
}

namespace master_key {

/// A new key in a file that only its owner may read.
inline Result<std::string> make_file(std::string const& path) {
  constexpr std::size_t bytes = 32;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "first:";
  for (char const c : net::random_bytes(bytes)) {
    auto const byte = static_cast<unsigned char>(c);
    text.append({digits[byte >> 4U], digits[byte & 15U]});
  }
  text.push_back('\n');
  int const fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool const written = fd >= 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!written) return fail(Errc::storage_failed, "cannot write the master key to '" + path + "'");
  return text;
}

}  // namespace master_key

/// Whether there is one, that of DATA included.
inline bool has_master_key(SecretsConfig const& config, std::string const& data) {
  return !config.master_key.empty() || !config.master_key_file.empty() || !config.kms.url.empty() ||
         std::filesystem::exists(data + "/master.key");
}

/// The keys of the configuration, of its file, or of DATA/master.key, which is made where nothing is configured.
inline Result<net::SecretBox> secret_box(SecretsConfig const& config, std::string const& data) {
  std::vector<net::MasterKey> keys;
  if (!config.kms.url.empty()) {
    auto const unwrapped = unwrap_master_key(config.kms);
    if (!unwrapped) return tl::unexpected(unwrapped.error());
    auto key = net::parse_master_key(config.kms.id, unwrapped->reveal());
    if (!key) return fail(Errc::config_invalid, "the unwrapped master key: " + key.error().message());
    keys.push_back(std::move(*key));
    if (config.master_key_file.empty()) return net::SecretBox::make(std::move(keys));
  }
  std::string text(config.master_key.reveal());
  std::string const path = config.master_key_file.empty() ? data + "/master.key" : config.master_key_file;
  if (text.empty()) {
    auto in_file = read_file(path);
    bool const is_ours = config.master_key_file.empty();
    if (!in_file && !is_ours)
      return fail(Errc::config_invalid, "cannot read the master key file '" + path + "'");
    if (!in_file) {
      auto made = master_key::make_file(path);
      if (!made) return tl::unexpected(std::move(made).error());
      in_file = std::move(*made);
    }
    text = std::move(*in_file);
  }
  auto held = parse_master_text(text);
  if (!held) return fail(Errc::config_invalid, "master key: " + held.error().message());
  for (auto& key : *held) keys.push_back(std::move(key));
  return net::SecretBox::make(std::move(keys));
}

}  // namespace lowart::server
