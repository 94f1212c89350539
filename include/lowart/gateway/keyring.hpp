#pragma once
/// Keyring: who may call, looked up by the hash of the key.

#include <lowart/core/result.hpp>
#include <lowart/gateway/key_entry.hpp>
#include <lowart/gateway/key_table.hpp>
#include <lowart/gateway/limit_rules.hpp>
#include <lowart/net/key_hash.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowart {

/// All keys of a gateway; an immutable value that is cheap to copy, and to derive another from. Readers hold one as
/// long as a request lasts, and nobody locks.
///
/// It is a large table that was built in bulk and a small one of what has changed since. When that has grown
/// (wants_table()), its owner has new_table() made on another thread and goes on with on(table).
///
/// A look-up hashes what was presented, whole, and compares whole digests, with the same steps for keys that are known
/// and for others: its time tells nothing about the keys that exist.
class Keyring {
 public:
  /// Without a single key, everybody may call without limits (a gateway inside another program).
  Keyring() = default;
  /// `entries` have digests that `hash` made.
  explicit Keyring(std::vector<KeyEntry> entries, LimitRules rules = {}, net::KeyHash hash = {})
      : Keyring(table_of(std::move(entries)), std::make_shared<LimitRules const>(std::move(rules)), hash) {
    open_ = size_ == 0;
  }
  /// One that is not open, also where the table is empty. Neither pointer is null.
  Keyring(std::shared_ptr<KeyTable const> table, std::shared_ptr<LimitRules const> rules, net::KeyHash hash)
      : table_(std::move(table)),
        rules_(std::move(rules)),
        hash_(hash),
        size_(table_->entries().size()),
        open_(false) {}

  /// Everybody may call.
  bool open() const noexcept { return open_; }
  std::size_t size() const noexcept { return size_; }
  /// The limits that are not of a key.
  LimitRules const& rules() const noexcept { return *rules_; }
  net::KeyHash const& hash() const noexcept { return hash_; }

  /// The entry of a key as a client presents it; Errc::unauthenticated when there is none. Lives as long as any keyring
  /// that has it.
  Result<KeyEntry const*> find(std::string_view presented) const {
    return look_up(presented, hash_, SameDigest());
  }
  /// find() with a hash and a comparison that count.
  template <class Hash, class Same>
  Result<KeyEntry const*> look_up(std::string_view presented, Hash const& hash, Same const& same) const {
    if (presented.empty())
      return fail(Errc::unauthenticated, "no API key: send it as 'Authorization: Bearer sk-lw-...'",
                  Origin::client);
    auto const prefetch = [this](std::uint64_t first) {
      changes_->prefetch(first);
      table_->prefetch(first);
    };
    KeyEntry const* found = entry_of(hash(presented, prefetch), same);
    if (looks_twice()) {
      // Whether or not the first has found it, as long as there are such keys: what was presented is no matter.
      KeyEntry const* const plain = entry_of(net::sha256(presented), same);
      found = found == nullptr ? plain : found;
    }
    if (found == nullptr) return fail(Errc::unauthenticated, "the API key is not known here", Origin::client);
    return found;
  }
  /// The entry with this digest; null when there is none.
  KeyEntry const* by_digest(net::Sha256 const& digest) const { return entry_of(digest, SameDigest()); }
  /// The entry that a client's certificate stands for (KeyPolicy::certificate); null when there is none.
  KeyEntry const* by_certificate(std::string_view subject) const {
    net::Sha256 const digest = certificate_digest(subject);
    if (KeyEntry const* const changed = changes_->find(digest)) return changed;
    KeyEntry const* const built = table_->find(digest);
    bool const is_current = built != nullptr && by_digest(built->digest) == built;
    return is_current ? built : nullptr;
  }

  /// Calls `f(KeyEntry const&)` for every key. One pass over all of them.
  template <class F>
  void for_each(F const& f) const {
    for (auto const& entry : changes_->entries()) f(*entry);
    for (auto const& entry : table_->entries())
      if (changes_->size() == 0 || changes_->find(entry->digest) == nullptr) f(*entry);
  }

  /// This one with some entries new, or in the place of those with the same digest, and others removed; what is in both
  /// is removed. Not open. Takes as long as there are changes since the table was built. Entries that go are told so
  /// (KeyPolicy::live), which ends what they stream; new versions are to share that of the old.
  Keyring with(std::vector<KeyEntryPtr> changed, std::vector<net::Sha256> removed) const {
    for (auto const& digest : removed) revoke(by_digest(digest));
    Changes all;
    for (auto const& entry : changes_->entries()) all[entry->digest] = entry;
    for (auto const& digest : changes_->removed()) all[digest] = nullptr;
    for (auto& entry : changed) all[entry->digest] = std::move(entry);
    for (auto const& digest : removed) all[digest] = nullptr;
    return with_changes(table_, all);
  }
  /// The same keys under other rules.
  Keyring with_rules(LimitRules rules) const {
    Keyring other = *this;
    other.rules_ = std::make_shared<LimitRules const>(std::move(rules));
    return other;
  }

  /// How much has changed since the table was built.
  std::size_t changes() const noexcept { return changes_->size(); }
  bool wants_table() const noexcept { return changes() > most_changes; }
  static constexpr std::size_t most_changes = 4096;
  /// A table of all keys, those that have changed included. Takes as long as there are keys: any thread.
  std::shared_ptr<KeyTable const> new_table() const {
    if (changes_->size() == 0) return table_;
    std::vector<KeyEntryPtr> all(changes_->entries());
    all.reserve(size_);
    for (auto const& entry : table_->entries())
      if (changes_->find(entry->digest) == nullptr) all.push_back(entry);
    return std::make_shared<KeyTable const>(std::move(all));
  }
  /// The same keys on a table that was made of this keyring, or of one that it comes from.
  Keyring on(std::shared_ptr<KeyTable const> table) const {
    Changes left;
    for (auto const& entry : changes_->entries())
      if (table->find(entry->digest) != entry.get()) left[entry->digest] = entry;
    for (auto const& digest : changes_->removed())
      if (table->find(digest) != nullptr) left[digest] = nullptr;
    return with_changes(std::move(table), left);
  }

 private:
  struct FirstBytes {
    std::size_t operator()(net::Sha256 const& digest) const noexcept {
      std::size_t h = 0;
      std::memcpy(&h, digest.data(), sizeof h);
      return h;
    }
  };
  using Changes = std::unordered_map<net::Sha256, KeyEntryPtr, FirstBytes>;  // null: removed

  static std::shared_ptr<KeyTable const> no_table() {
    static auto const none = std::make_shared<KeyTable const>();
    return none;
  }
  static std::shared_ptr<LimitRules const> no_rules() {
    static auto const none = std::make_shared<LimitRules const>();
    return none;
  }
  static std::shared_ptr<KeyTable const> table_of(std::vector<KeyEntry> entries) {
    std::vector<KeyEntryPtr> all;
    all.reserve(entries.size());
    for (auto& entry : entries) all.push_back(std::make_shared<KeyEntry const>(std::move(entry)));
    return std::make_shared<KeyTable const>(std::move(all));
  }
  static void revoke(KeyEntry const* entry) noexcept {
    if (entry != nullptr && entry->policy && entry->policy->live)
      entry->policy->live->store(KeyState::revoked, std::memory_order_relaxed);
  }

  /// Whether some keys are known by their plain SHA-256 only, and others are not.
  bool looks_twice() const noexcept {
    return hash_.has_pepper() && (table_->has_plain() || changes_->has_plain());
  }
  template <class Same>
  KeyEntry const* entry_of(net::Sha256 const& digest, Same const& same) const {
    KeyEntry const* const changed = changes_->find(digest, same);
    KeyEntry const* const built = table_->find(digest, same);
    if (changed == nullptr) return built;
    return changed == KeyTable::gone() ? nullptr : changed;
  }
  Keyring with_changes(std::shared_ptr<KeyTable const> table, Changes const& all) const {
    Keyring next(std::move(table), rules_, hash_);
    std::vector<KeyEntryPtr> changed;
    std::vector<net::Sha256> removed;
    for (auto const& [digest, entry] : all) {
      bool const is_new = next.table_->find(digest) == nullptr;
      if (entry && is_new) ++next.size_;
      if (!entry && !is_new) --next.size_;
      if (entry) changed.push_back(entry);
      else
        removed.push_back(
            digest);  // also what is not in this table: a new one that is being made may have it
    }
    next.changes_ = std::make_shared<KeyTable const>(std::move(changed), std::move(removed));
    return next;
  }

  std::shared_ptr<KeyTable const> table_{no_table()};
  std::shared_ptr<KeyTable const> changes_{no_table()};
  std::shared_ptr<LimitRules const> rules_{no_rules()};
  net::KeyHash hash_;
  std::size_t size_{0};
  bool open_{true};
};

/// Tells the entries that `after` does not have (KeyPolicy::live): what they stream ends. One pass over all keys.
inline void revoke_missing(Keyring const& before, Keyring const& after) {
  before.for_each([&](KeyEntry const& entry) {
    bool const can_hear = entry.policy && entry.policy->live;
    if (can_hear && after.by_digest(entry.digest) == nullptr)
      entry.policy->live->store(KeyState::revoked, std::memory_order_relaxed);
  });
}

}  // namespace lowart
