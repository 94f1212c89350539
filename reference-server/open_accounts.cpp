#include "open_accounts.hpp"

#include "secrets_config.hpp"
#include "snapshot.hpp"
#include "yaml_reader.hpp"

#include <filesystem>
#include <utility>

namespace lowart::server {

namespace {

tl::unexpected<Error> wrong(ServeFlags const& flags, std::vector<Problem> const& problems) {
  return fail(Errc::config_invalid, describe(flags.config_path, problems));
}

/// What must be known before the database can be opened: `data` and `secrets`.
Result<Config> read_basics(ServeFlags const& flags, std::string const& text) {
  Problems problems;
  Config config;
  auto const document = YamlNode::parse(text, problems);
  if (document && document->is_map()) {
    YamlMap root(*document, problems);
    root.text("data", config.data);
    read_secrets(root, config);
  }
  if (!problems.empty()) return wrong(flags, problems.take());
  apply_flags(flags, config);
  return config;
}

/// Where the master key was lost with nothing that it sealed for anybody, the installation's own secrets are made anew.
Result<void> forget_own_secrets(std::string const& path) {
  auto registry = Registry::open(path);
  if (!registry) return tl::unexpected(std::move(registry).error());
  auto const held = registry->database().integer("SELECT count(*) FROM resource");
  if (!held) return tl::unexpected(held.error());
  if (*held > 0)
    return fail(Errc::config_invalid,
                "'" + path +
                    "' is sealed with a master key that is not here: put DATA/master.key back, "
                    "or configure 'secrets'");
  return registry->database().execute("DELETE FROM secret");
}

Result<std::string> text_of(ServeFlags const& flags) {
  auto text = read_file(flags.config_path);
  if (!text) return wrong(flags, {{0, "the file cannot be read"}});
  return std::move(*text);
}

}  // namespace

Result<std::string> data_directory(ServeFlags const& flags) {
  if (!flags.data.empty()) return flags.data;
  auto const text = text_of(flags);
  if (!text) return tl::unexpected(text.error());
  auto basics = read_basics(flags, *text);
  if (!basics) return tl::unexpected(std::move(basics).error());
  return std::move(basics->data);
}

Result<std::unique_ptr<Administration>> open_administration(ServeFlags const& flags) {
  auto const text = text_of(flags);
  if (!text) return tl::unexpected(text.error());
  auto const basics = read_basics(flags, *text);
  if (!basics) return tl::unexpected(basics.error());
  std::error_code failed;
  std::filesystem::create_directories(basics->data, failed);
  if (failed) return fail(Errc::storage_failed, "cannot make the directory '" + basics->data + "'\n");
  std::string const path = basics->data + "/lowart.db";
  if (!has_master_key(basics->secrets, basics->data) && std::filesystem::exists(path))
    if (auto const done = forget_own_secrets(path); !done)
      return fail(done.error().code(), done.error().message() + "\n");
  auto box = secret_box(basics->secrets, basics->data);
  if (!box) return fail(box.error().code(), box.error().message() + "\n");
  Administration::Parts parts{.data = basics->data, .box = std::move(*box), .file = {}};
  parts.file = [path = flags.config_path] { return read_file(path).value_or(std::string()); };
  auto opened = Administration::open(std::move(parts), moment_now().utc);
  if (!opened) return fail(opened.error().code(), opened.error().message() + "\n");
  return opened;
}

Result<Accounts> open_accounts(ServeFlags const& flags) {
  auto const text = text_of(flags);
  if (!text) return tl::unexpected(text.error());
  // A file that is wrong by itself, and that no database puts right, is told of before anything is made.
  auto const basics = read_basics(flags, *text);
  bool const stands_alone = !basics || !std::filesystem::exists(basics->data + "/lowart.db");
  if (ConfigResult const alone = read_config(*text); !alone.config && stands_alone)
    return wrong(flags, alone.problems);
  auto administration = open_administration(flags);
  if (!administration) return tl::unexpected(std::move(administration).error());
  auto overlay = (*administration)->overlay();
  if (!overlay) return fail(overlay.error().code(), overlay.error().message() + "\n");
  ConfigResult read = read_config(*text, *overlay);
  if (!read.config) return wrong(flags, read.problems);
  apply_flags(flags, *read.config);
  return Accounts{std::move(*read.config), std::move(*overlay), std::move(*administration)};
}

Result<Config> config_at_work(ServeFlags const& flags) {
  auto const data = data_directory(flags);
  if (data && std::filesystem::exists(*data + "/lowart.db")) {
    auto accounts = open_accounts(flags);
    return accounts ? std::move(accounts->config)
                    : Result<Config>(tl::unexpected(std::move(accounts).error()));
  }
  ConfigResult read = load_config(flags.config_path);
  if (!read.config) return wrong(flags, read.problems);
  apply_flags(flags, *read.config);
  return std::move(*read.config);
}

}  // namespace lowart::server
