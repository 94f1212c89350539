#include "registry/account_book.hpp"

#include "key_policy_config.hpp"
#include "registry/sealed_body.hpp"

#include <lowart/dialect/rfc3339.hpp>

#include <algorithm>

namespace lowart::server {

namespace {

std::vector<std::string> texts_in(json::object const& body, std::string_view name) {
  std::vector<std::string> texts;
  auto const* const list = body.if_contains(name);
  if (list == nullptr || !list->is_array()) return texts;
  for (auto const& item : list->get_array())
    if (auto const* text = item.if_string()) texts.emplace_back(*text);
  return texts;
}
bool flag_in(json::object const& body, std::string_view name) {
  auto const* const value = body.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

bool is_active(json::object const& body) { return text_in(body, "status") == "active"; }

KeyPolicy policy_in(json::object const& body) {
  KeyPolicy policy;
  policy.blocked = texts_in(body, "blocked_models");
  for (auto const& type : texts_in(body, "types"))
    if (auto const known = model_type_named(type)) policy.types.add(*known);
  for (auto const& address : texts_in(body, "addresses")) static_cast<void>(policy.addresses.add(address));
  policy.expires_at = dialect::parse_rfc3339(text_in(body, "expires_at")).value_or(0);
  policy.revoke_streams = flag_in(body, "revoke_streams");
  policy.signing_secret = Secret(std::string(text_in(body, "signing_secret")));
  policy.certificate = text_in(body, "certificate");
  return policy;
}

}  // namespace

FileLimits FileLimits::of(Snapshot const& snapshot) {
  FileLimits file;
  for (auto const& tier : snapshot.config.tiers) file.tiers[tier.name] = tier.limits;
  for (auto const& subject : snapshot.subjects) {
    if (subject.kind == LimitSubject::Kind::user) file.users[subject.name] = subject.state;
    if (subject.kind == LimitSubject::Kind::team) file.teams[subject.name] = subject.state;
  }
  return file;
}

Limits AccountBook::limits_of(json::object const& body) const {
  Limits limits;
  if (auto const tier = text_in(body, "tier"); !tier.empty())
    if (auto const found = file_.tiers.find(tier); found != file_.tiers.end()) limits = found->second;
  read_limits(body, limits);
  return limits;
}

void AccountBook::keep_limits(LimitSubject::Kind kind, std::string const& name,
                              std::shared_ptr<LimitState>& state, Limits const& limits) {
  if (limits.none()) {
    state.reset();
    return;
  }
  std::string subject = kind == LimitSubject::Kind::key    ? "key "
                        : kind == LimitSubject::Kind::user ? "user "
                                                           : "team ";
  subject.append(name);
  if (state) state->change(limits, moment_now(), std::move(subject));
  else state = std::make_shared<LimitState>(limits, moment_now(), std::move(subject));
  limited_.push_back({kind, name, {name}, state});
}

std::string AccountBook::team_of(Key const& key) const {
  if (!key.team.empty()) return key.team;
  auto const user = users_.find(key.user);
  return user == users_.end() ? std::string() : user->second.team;
}

bool AccountBook::counts(Key const& key) const {
  auto const user = users_.find(key.user);
  auto const team = teams_.find(team_of(key));
  bool const user_counts = user == users_.end() || user->second.active;
  return key.active && user_counts && (team == teams_.end() || team->second.active);
}

std::shared_ptr<KeyOwner const> AccountBook::owner_of(Key const& key) {
  std::string const team = team_of(key);
  if (key.user.empty() && team.empty()) return nullptr;
  auto& place = owners_[{key.user, team}];
  if (place) return place;
  KeyOwner owner{.user = key.user, .team = team};
  auto const add = [&](Accounts const& accounts, auto const& in_file, std::string const& name) {
    auto const known = accounts.find(name);
    auto const filed = in_file.find(name);
    if (known != accounts.end() && known->second.limits) owner.limits.push_back(known->second.limits);
    else if (filed != in_file.end()) owner.limits.push_back(filed->second);
  };
  add(users_, file_.users, key.user);
  add(teams_, file_.teams, team);
  return place = std::make_shared<KeyOwner const>(std::move(owner));
}

std::shared_ptr<KeyOwner const> AccountBook::owner(std::string const& user) {
  Key any;
  any.user = user;
  return owner_of(any);
}

KeyEntryPtr AccountBook::entry_of(Resource const& resource, Key& key) {
  json::object const& body = resource.body;
  auto entry = std::make_shared<KeyEntry>();
  entry->name = entry->id = resource.name;
  entry->digest = key.digest;
  entry->limits = key.limits;
  entry->models = texts_in(body, "models");
  entry->owner = owner_of(key);
  auto const user = users_.find(key.user);
  bool const may_read = user == users_.end() || may(user->second.role, Permission::read_usage);
  entry->admin = flag_in(body, "admin") && may_read;
  if (auto const* priority = body.if_contains("priority"); priority != nullptr && priority->is_int64())
    entry->priority = static_cast<int>(priority->get_int64());
  KeyPolicy policy = policy_in(body);
  if (!asks_for_anything(policy)) return entry;
  if (policy.revoke_streams && !key.live)
    key.live = std::make_shared<std::atomic<KeyState>>(KeyState::active);
  if (key.live) key.live->store(KeyState::active, std::memory_order_relaxed);
  policy.live = key.live;
  entry->policy = std::make_shared<KeyPolicy const>(std::move(policy));
  return entry;
}

void AccountBook::index(std::string const& name, Key const& key, bool add) {
  auto const note = [&](auto& by, std::string const& of) {
    if (of.empty()) return;
    if (add) by[of].insert(name);
    else if (auto const found = by.find(of); found != by.end()) found->second.erase(name);
  };
  note(keys_of_user_, key.user);
  note(keys_of_team_, key.team);
}

void AccountBook::keep_account(ResourceKind kind, Resource const& resource) {
  bool const is_user = kind == ResourceKind::user;
  Account& account = (is_user ? users_ : teams_)[resource.name];
  if (is_user && !account.team.empty()) users_of_team_[account.team].erase(resource.name);
  account.active = is_active(resource.body);
  account.team = text_in(resource.body, "team");
  account.role = role_named(text_in(resource.body, "role")).value_or(Role::member);
  if (is_user && !account.team.empty()) users_of_team_[account.team].insert(resource.name);
  keep_limits(is_user ? LimitSubject::Kind::user : LimitSubject::Kind::team, resource.name, account.limits,
              limits_of(resource.body));
}
void AccountBook::forget_account(ResourceKind kind, std::string const& name) {
  if (kind == ResourceKind::team) {
    teams_.erase(name);
    return;
  }
  auto const found = users_.find(name);
  if (found == users_.end()) return;
  if (!found->second.team.empty()) users_of_team_[found->second.team].erase(name);
  users_.erase(found);
}
void AccountBook::keep_key(Resource const& resource) {
  Key& key = keys_[resource.name];
  index(resource.name, key, false);
  key.user = text_in(resource.body, "user");
  key.team = text_in(resource.body, "team");
  key.active = is_active(resource.body);
  index(resource.name, key, true);
  keep_limits(LimitSubject::Kind::key, resource.name, key.limits, limits_of(resource.body));
}

Result<KeyChanges> AccountBook::load(Registry& registry, FileLimits file) {
  file_ = std::move(file);
  limited_.clear();
  owners_.clear();
  Result<void> read;
  auto const note = [&](Result<void> const& done) {
    if (read && !done) read = done;
  };
  for (auto const kind : {ResourceKind::team, ResourceKind::user})
    note(registry.for_each(kind, [&](Resource&& one) { keep_account(kind, one); }));
  note(registry.for_each_digest(
      [&](std::string_view name, net::Sha256 const& digest) { keys_[std::string(name)].digest = digest; }));
  KeyChanges out;
  out.changed.reserve(keys_.size());
  note(registry.for_each(ResourceKind::key, [&](Resource&& one) {
    note(open_body(box_, one, one.body));
    keep_key(one);
    Key& key = keys_[one.name];
    if (counts(key)) out.changed.push_back(entry_of(one, key));
  }));
  if (!read) return tl::unexpected(read.error());
  out.limited = std::exchange(limited_, {});
  return out;
}

Result<void> AccountBook::take(Registry& registry, Change const& change, KeyChanges& out) {
  auto const found = registry.find(change.kind, change.name);
  if (!found) return tl::unexpected(found.error());
  if (change.kind != ResourceKind::key) {
    if (*found) keep_account(change.kind, **found);
    else forget_account(change.kind, change.name);
    owners_.clear();
    return {};
  }
  if (!*found) {
    auto const known = keys_.find(change.name);
    if (known == keys_.end()) return {};
    index(change.name, known->second, false);
    out.removed.push_back(known->second.digest);
    keys_.erase(known);
    return {};
  }
  keep_key(**found);
  Key& key = keys_[change.name];
  auto const digest = registry.digest_of(change.name);
  if (!digest) return tl::unexpected(digest.error());
  net::Sha256 const fresh = digest->value_or(net::Sha256{});
  if (key.digest != net::Sha256{} && key.digest != fresh) {
    out.removed.push_back(key.digest);
    key.live.reset();  // what the old text streams has ended
  }
  key.digest = fresh;
  return {};
}

Result<KeyChanges> AccountBook::apply(Registry& registry, std::vector<Change> const& changes) {
  KeyChanges out;
  limited_.clear();
  std::set<std::string> concerned;
  std::set<std::pair<ResourceKind, std::string>> seen;
  auto const add_keys = [&](auto const& by, std::string const& of) {
    if (auto const keys = by.find(of); keys != by.end())
      concerned.insert(keys->second.begin(), keys->second.end());
  };
  for (Change const& change : changes) {
    if (is_setting(change.kind) || !seen.emplace(change.kind, change.name).second) continue;
    if (auto done = take(registry, change, out); !done) return tl::unexpected(std::move(done).error());
    if (change.kind == ResourceKind::key) concerned.insert(change.name);
    if (change.kind == ResourceKind::user) add_keys(keys_of_user_, change.name);
    if (change.kind != ResourceKind::team) continue;
    add_keys(keys_of_team_, change.name);
    if (auto const users = users_of_team_.find(change.name); users != users_of_team_.end())
      for (std::string const& user : users->second) add_keys(keys_of_user_, user);
  }
  for (std::string const& name : concerned) {
    auto const known = keys_.find(name);
    if (known == keys_.end()) continue;
    if (!counts(known->second)) {
      out.removed.push_back(known->second.digest);
      continue;
    }
    auto resource = registry.find(ResourceKind::key, name);
    if (!resource) return tl::unexpected(std::move(resource).error());
    if (!*resource) continue;  // it went meanwhile, and the next change tells
    if (auto opened = open_body(box_, **resource, (*resource)->body); !opened)
      return tl::unexpected(std::move(opened).error());
    out.changed.push_back(entry_of(**resource, known->second));
  }
  out.limited = std::exchange(limited_, {});
  return out;
}

}  // namespace lowart::server
