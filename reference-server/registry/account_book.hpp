#pragma once
/// AccountBook: the users, teams and keys of the registry as calls meet them: who is active, and with which limits.

#include "identity/role.hpp"
#include "registry/account_limits.hpp"
#include "registry/registry.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/key_entry.hpp>
#include <lowart/net/secret_box.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowart::server {

/// What changed for a keyring.
struct KeyChanges {
  std::vector<KeyEntryPtr> changed{};
  std::vector<net::Sha256> removed{};
  std::vector<LimitSubject> limited{};  ///< Users, teams and keys whose limits are new or others.
};

/// Limits that stand in the file, by name: accounts may refer to its tiers, and belong to its users and teams.
struct FileLimits {
  std::map<std::string, Limits, std::less<>> tiers;
  std::map<std::string, std::shared_ptr<LimitState>, std::less<>> users;
  std::map<std::string, std::shared_ptr<LimitState>, std::less<>> teams;

  static FileLimits of(Snapshot const& snapshot);
  friend bool operator==(FileLimits const&, FileLimits const&) = default;
};

/// Threads:  one at a time; what it makes is immutable, but for LimitStates, which are shared with those who call.
///
/// What is used of a limit stays with its user, team or key by name, whatever else of it changes.
class AccountBook {
 public:
  explicit AccountBook(net::SecretBox box) : box_(std::move(box)) {}

  /// Reads all of it anew; LimitStates stay.
  Result<KeyChanges> load(Registry& registry, FileLimits file);
  /// Reads what changed. A user or a team takes its keys along.
  Result<KeyChanges> apply(Registry& registry, std::vector<Change> const& changes);
  FileLimits const& file() const noexcept { return file_; }
  /// Whose keys a user's are; never null.
  std::shared_ptr<KeyOwner const> owner(std::string const& user);

 private:
  struct Account {
    bool active{false};
    std::string team;                    ///< A user's.
    Role role{Role::member};             ///< The same.
    std::shared_ptr<LimitState> limits;  ///< Null: none.
  };
  /// What is kept of a key beside its entry: little, as there may be a million.
  struct Key {
    net::Sha256 digest{};
    std::string user;
    std::string team;  ///< Its own; empty: its user's.
    bool active{false};
    std::shared_ptr<LimitState> limits;
    std::shared_ptr<std::atomic<KeyState>> live;
  };
  using Accounts = std::unordered_map<std::string, Account>;

  Limits limits_of(json::object const& body) const;
  void keep_limits(LimitSubject::Kind kind, std::string const& name, std::shared_ptr<LimitState>& state,
                   Limits const& limits);
  void keep_account(ResourceKind kind, Resource const& resource);
  void forget_account(ResourceKind kind, std::string const& name);
  void keep_key(Resource const& resource);
  void index(std::string const& name, Key const& key, bool add);
  std::string team_of(Key const& key) const;
  bool counts(Key const& key) const;
  std::shared_ptr<KeyOwner const> owner_of(Key const& key);
  KeyEntryPtr entry_of(Resource const& resource, Key& key);
  Result<void> take(Registry& registry, Change const& change, KeyChanges& out);

  net::SecretBox box_;
  FileLimits file_;
  std::vector<LimitSubject> limited_;  ///< Since load() or apply() began.
  Accounts users_;
  Accounts teams_;
  std::unordered_map<std::string, Key> keys_;
  std::unordered_map<std::string, std::set<std::string>> keys_of_user_;
  std::unordered_map<std::string, std::set<std::string>> keys_of_team_;  ///< Those that name it themselves.
  std::unordered_map<std::string, std::set<std::string>> users_of_team_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<KeyOwner const>> owners_;
};

}  // namespace lowart::server
