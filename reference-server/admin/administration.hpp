#pragma once
/// Administration: the one place where acts are looked up, allowed, done and noted. HTTP and the command line ask it.

#include "admin/request_reading.hpp"
#include "identity/lockout.hpp"
#include "registry/audit_log.hpp"
#include "registry/registry.hpp"

#include <lowart/core/result.hpp>
#include <lowart/net/key_hash.hpp>
#include <lowart/net/secret_box.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

/// What it came to, as it is sent.
struct RawAnswer {
  int status{200};
  std::string content_type{"application/json"};
  std::string body;
  std::string etag;
};

/// The backups of a server that runs.
struct BackupDesk {
  std::string directory;
  std::function<void()> begin;  ///< Any thread: one is made soon.
};

/// Threads:  one at a time.
class Administration {
 public:
  struct Parts {
    std::string data;  ///< The directory of the databases.
    net::SecretBox box;
    std::function<std::string()> file;  ///< What stands in lowart.yaml now.
  };
  /// Opens DATA/lowart.db; makes the secrets of a new one.
  static Result<std::unique_ptr<Administration>> open(Parts parts, std::int64_t now);

  /// Does an act of `actor`'s, or says why not. Nothing of one that fails stays, but its entry in the audit log.
  Result<RawAnswer> perform(Actor const& actor, RawRequest const& request, std::int64_t now);
  /// Notes an act that no operation stands for: a login, a denied one.
  Result<void> note(Actor const& actor, std::string_view act, std::string_view subject,
                    std::string_view outcome, json::object detail, std::int64_t now);

  /// Before acts are done.
  void offer_backups(BackupDesk backups) { backups_ = std::move(backups); }

  /// Failed logins of users that are not there. Bounded by who adds to it.
  std::map<std::string, LoginAttempts>& strangers() noexcept { return strangers_; }

  // What acts are done with.
  Registry& registry() noexcept { return registry_; }
  AuditLog& audit() noexcept { return audit_; }
  /// Absent: none are made.
  std::optional<BackupDesk> const& backups() const noexcept { return backups_; }
  net::SecretBox const& box() const noexcept { return parts_.box; }
  std::string file() const { return parts_.file(); }
  /// Of a key's text, as key_digest has it.
  net::Sha256 digest_of(std::string_view key) const noexcept { return key_hash_(key); }
  net::KeyHash const& key_hash() const noexcept { return key_hash_; }
  /// All settings of the database, opened: what is laid over the file.
  Result<std::vector<Resource>> overlay();
  /// A secret of the installation's own, made at the first time.
  Result<Secret> own_secret(std::string_view name, std::int64_t now);
  /// Whether the file, with the settings of the database laid over it, is a configuration: all that is wrong, if not.
  Result<void> check_settings();

 private:
  Administration(Parts parts, Registry registry);
  Result<RawAnswer> find_and_do(Actor const& actor, RawRequest const& request, std::int64_t now);
  Result<AdminAnswer> within_transaction(AdminOperation const& operation, AdminRequest const& request);

  Parts parts_;
  Registry registry_;
  AuditLog audit_;
  net::KeyHash key_hash_;
  std::optional<BackupDesk> backups_;
  std::map<std::string, LoginAttempts> strangers_;
};

/// A resource as it is told: its name, revision and times, and its body with secrets masked.
json::object told(Resource const& resource);

}  // namespace lowart::server
