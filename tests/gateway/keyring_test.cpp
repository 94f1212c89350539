#include <lowart/gateway/keyring.hpp>
#include <lowart/gateway/loop_state.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::keyring_test {
namespace {

KeyEntry entry(std::string name, std::string_view key, std::vector<std::string> models = {}) {
  return KeyEntry{
      .name = std::move(name), .digest = net::sha256(key), .limits = {}, .models = std::move(models)};
}

TEST(Keyring, FindsAKeyByItsTextAlone) {
  Keyring keys({entry("first", "sk-lw-1"), entry("second", "sk-lw-2")});
  EXPECT_FALSE(keys.open());
  for (auto const* text : {"sk-lw-1", "sk-lw-2"}) {
    auto const found = keys.find(text);
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)->name, std::string_view(text) == "sk-lw-1" ? "first" : "second");
  }
  Keyring const moved = std::move(keys);
  ASSERT_TRUE(moved.find("sk-lw-2"));
  EXPECT_EQ(*moved.find("sk-lw-2"), moved.by_digest(net::sha256("sk-lw-2")));
}

TEST(Keyring, RefusesWhatIsNotAKey) {
  Keyring const keys({entry("first", "sk-lw-1")});
  for (std::string const text : {"", "sk-lw-", "sk-lw-11", "SK-LW-1", "sk-lw-1 ", "first"}) {
    auto const found = keys.find(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code(), Errc::unauthenticated);
    EXPECT_EQ(found.error().origin(), Origin::client);
    if (!text.empty())
      EXPECT_EQ(found.error().message(), "the API key is not known here") << "and is not repeated";
  }
}

TEST(Keyring, IsOpenWithoutAKey) {
  EXPECT_TRUE(Keyring().open());
  EXPECT_FALSE(Keyring().find("anything"));
}

std::shared_ptr<KeyEntry const> shared_entry(std::string name, std::string_view key) {
  return std::make_shared<KeyEntry const>(entry(std::move(name), key));
}
std::string key_of(std::size_t i) { return "sk-lw-" + std::to_string(i); }
std::vector<std::string> names_of(Keyring const& keys) {
  std::vector<std::string> names;
  keys.for_each([&](KeyEntry const& one) { names.push_back(one.name); });
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Keyring, IsClosedOnceItWasChanged) {
  Keyring const none = Keyring({entry("first", "sk-lw-1")}).with({}, {net::sha256("sk-lw-1")});
  EXPECT_EQ(none.size(), 0U);
  EXPECT_FALSE(none.open()) << "nobody may call when the last key is gone";
  EXPECT_FALSE(Keyring().with({}, {}).open());
}

TEST(Keyring, FindsEachOfManyKeys) {
  std::vector<KeyEntry> entries;
  for (std::size_t i = 0; i < 20'000; ++i) entries.push_back(entry(key_of(i), key_of(i)));
  Keyring const keys(std::move(entries));
  EXPECT_EQ(keys.size(), 20'000U);
  for (std::size_t i = 0; i < 20'000; ++i) {
    auto const found = keys.find(key_of(i));
    ASSERT_TRUE(found) << i;
    ASSERT_EQ((*found)->name, key_of(i));
    ASSERT_FALSE(keys.find(key_of(i + 20'000))) << i;
  }
}

TEST(Keyring, TheFirstOfTwoWithOneKeyCounts) {
  Keyring const keys({entry("first", "sk-lw-1"), entry("second", "sk-lw-1")});
  EXPECT_EQ((*keys.find("sk-lw-1"))->name, "first");
}

TEST(Keyring, ANewOneIsDerivedAndTheOldStays) {
  Keyring const before({entry("a", "sk-lw-1"), entry("b", "sk-lw-2")});
  Keyring const after = before.with({shared_entry("a2", "sk-lw-1"), shared_entry("c", "sk-lw-3")},
                                    {net::sha256("sk-lw-2"), net::sha256("sk-lw-unknown")});
  EXPECT_EQ(names_of(before), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(names_of(after), (std::vector<std::string>{"a2", "c"}));
  EXPECT_EQ(after.size(), 2U);
  EXPECT_EQ((*after.find("sk-lw-1"))->name, "a2");
  EXPECT_FALSE(after.find("sk-lw-2"));
  EXPECT_TRUE(before.find("sk-lw-2"));
  Keyring const again = after.with({shared_entry("b2", "sk-lw-2")}, {net::sha256("sk-lw-3")});
  EXPECT_EQ(names_of(again), (std::vector<std::string>{"a2", "b2"}));
  EXPECT_EQ(again.size(), 2U);
}

TEST(Keyring, MovesToANewTableWhileItChanges) {
  std::vector<KeyEntry> entries;
  for (std::size_t i = 0; i < 100; ++i) entries.push_back(entry(key_of(i), key_of(i)));
  Keyring keys(std::move(entries));
  EXPECT_FALSE(keys.wants_table());
  std::vector<KeyEntryPtr> many;
  for (std::size_t i = 100; i < 102 + Keyring::most_changes; ++i)
    many.push_back(shared_entry(key_of(i), key_of(i)));
  keys = keys.with(std::move(many), {net::sha256(key_of(0))});
  EXPECT_TRUE(keys.wants_table());
  auto const table = keys.new_table();
  keys = keys.with({shared_entry("changed", key_of(1))}, {net::sha256(key_of(2)), net::sha256(key_of(100))});
  std::size_t const size = keys.size();
  auto const names = names_of(keys);
  keys = keys.on(table);
  EXPECT_EQ(keys.changes(), 3U) << "those that came while the table was built";
  EXPECT_EQ(keys.size(), size);
  EXPECT_EQ(names_of(keys), names);
  EXPECT_EQ((*keys.find(key_of(1)))->name, "changed");
  for (std::size_t const gone : {0U, 2U, 100U}) EXPECT_FALSE(keys.find(key_of(gone)));
  EXPECT_TRUE(keys.find(key_of(101)));
}

TEST(Keyring, TellsEntriesThatTheyAreGone) {
  auto const live = std::make_shared<std::atomic<KeyState>>(KeyState::active);
  KeyEntry one = entry("one", "sk-lw-1");
  one.policy = std::make_shared<KeyPolicy const>(KeyPolicy{.live = live});
  Keyring const before({one, entry("two", "sk-lw-2")});
  revoke_missing(before, Keyring({one}));
  EXPECT_EQ(live->load(), KeyState::active);
  revoke_missing(before, Keyring({entry("two", "sk-lw-2")}));
  EXPECT_EQ(live->load(), KeyState::revoked);
  live->store(KeyState::active);
  Keyring const after = before.with({}, {net::sha256("sk-lw-1")});
  EXPECT_EQ(live->load(), KeyState::revoked);
}

TEST(Keyring, FindsWhomACertificateStandsFor) {
  KeyEntry worker = entry("worker", "sk-lw-1");
  worker.policy = std::make_shared<KeyPolicy const>(KeyPolicy{.certificate = "CN=worker-7,O=Example"});
  Keyring const keys({worker, entry("two", "sk-lw-2")}, {}, net::KeyHash());
  ASSERT_NE(keys.by_certificate("CN=worker-7,O=Example"), nullptr);
  EXPECT_EQ(keys.by_certificate("CN=worker-7,O=Example")->name, "worker");
  EXPECT_EQ(keys.by_certificate("CN=worker-8,O=Example"), nullptr);
  Keyring const changed = keys.with({shared_entry("worker", "sk-lw-1")}, {});
  EXPECT_EQ(changed.by_certificate("CN=worker-7,O=Example"), nullptr) << "not of the entry that was";
  EXPECT_EQ(keys.with({}, {net::sha256("sk-lw-1")}).by_certificate("CN=worker-7,O=Example"), nullptr);
}

/// What a look-up does, counted: how long it takes shows nothing on a machine that does other things as well.
struct Steps {
  int hashes{0};
  std::size_t hashed_bytes{0};
  int comparisons{0};
};
Steps steps_for(Keyring const& keys, std::string_view presented) {
  Steps steps;
  auto const hash = [&](std::string_view text, auto const& soon) {
    ++steps.hashes;
    steps.hashed_bytes += text.size();
    return keys.hash()(text, soon);
  };
  auto const same = [&](DigestPart const& a, DigestPart const& b) {
    ++steps.comparisons;
    return SameDigest()(a, b);
  };
  static_cast<void>(keys.look_up(presented, hash, same));
  return steps;
}

TEST(Keyring, TakesTheSameStepsHoweverMuchOfAKeyIsRight) {
  std::string const known = "sk-lw-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
  Keyring const keys = Keyring({entry("one", known)}).with({shared_entry("two", "sk-lw-2")}, {});
  Steps const right = steps_for(keys, known);
  EXPECT_EQ(right.hashes, 1);
  EXPECT_EQ(right.hashed_bytes, known.size());
  for (std::size_t at = 0; at < known.size(); ++at) {
    std::string almost = known;
    almost[at] = '#';
    Steps const wrong = steps_for(keys, almost);
    EXPECT_EQ(wrong.hashes, 1) << at;
    EXPECT_EQ(wrong.hashed_bytes, right.hashed_bytes) << at;
    EXPECT_EQ(wrong.comparisons, right.comparisons) << at;
  }
}

TEST(SameDigest, LooksAtAllThatATableKeeps) {
  net::Sha256 const digest = net::sha256("x");
  EXPECT_TRUE(SameDigest()(DigestPart::of(digest), DigestPart::of(digest)));
  for (std::size_t bit = 8 * 8; bit < 23 * 8; ++bit) {
    net::Sha256 other = digest;
    other[bit / 8] = static_cast<unsigned char>(other[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(SameDigest()(DigestPart::of(digest), DigestPart::of(other))) << bit;
  }
}

TEST(KeyEntry, IsSmallEnoughForAMillion) {
  constexpr std::size_t in_table = 64 * 5 / 9 + sizeof(KeyEntryPtr);
  constexpr std::size_t around = 16 + 16;  // the count of its owners, and what the allocator adds
  EXPECT_LE(sizeof(KeyEntry) + around + in_table, 300U);
}

TEST(KeyEntry, AllowsTheModelsItNames) {
  EXPECT_TRUE(entry("a", "k").allows("m"));
  EXPECT_TRUE(entry("a", "k", {"*"}).allows("m"));
  EXPECT_TRUE(entry("a", "k", {"x", "m"}).allows("m"));
  EXPECT_FALSE(entry("a", "k", {"x"}).allows("m"));
  EXPECT_FALSE(entry("a", "k", {"m"}).allows("mm"));
  EXPECT_FALSE(entry("a", "k", {"m"}).allows(""));
  EXPECT_TRUE(entry("a", "k", {"gpt-*"}).allows("gpt-4"));
  EXPECT_FALSE(entry("a", "k", {"gpt-*"}).allows("my-gpt-4"));
}

KeyEntry with_policy(KeyPolicy policy) {
  KeyEntry one = entry("a", "k");
  one.policy = std::make_shared<KeyPolicy const>(std::move(policy));
  return one;
}
std::string refused(KeyEntry const& key, std::string_view peer, std::int64_t now, Errc code) {
  auto const admitted = key.admits(peer, [&] { return now; });
  if (admitted) return "admitted";
  EXPECT_EQ(admitted.error().code(), code);
  EXPECT_EQ(admitted.error().origin(), Origin::client);
  return admitted.error().message();
}

TEST(KeyPolicy, EndsWhenItExpires) {
  KeyEntry const key = with_policy({.expires_at = 1'801'353'600'000'000});
  EXPECT_TRUE(key.admits("unix", [] { return std::int64_t{1'801'353'599'999'999}; }));
  EXPECT_EQ(refused(key, "unix", 1'801'353'600'000'000, Errc::unauthenticated),
            "the API key has expired on 2027-01-31T00:00:00Z; ask for a new one");
}

TEST(KeyPolicy, CountsFromItsAddressesOnly) {
  KeyPolicy policy;
  ASSERT_TRUE(policy.addresses.add("10.0.0.0/8"));
  KeyEntry const key = with_policy(policy);
  EXPECT_TRUE(key.admits("10.1.2.3:4567", [] { return std::int64_t{0}; }));
  EXPECT_TRUE(key.admits("[::ffff:10.1.2.3]:4567", [] { return std::int64_t{0}; }));
  EXPECT_EQ(refused(key, "192.0.2.1:4567", 0, Errc::permission_denied),
            "this API key may not be used from the address 192.0.2.1");
  EXPECT_EQ(refused(key, "unix", 0, Errc::permission_denied),
            "this API key may not be used from the address unix");
}

TEST(KeyPolicy, IsOverWhenRevoked) {
  auto const live = std::make_shared<std::atomic<KeyState>>(KeyState::active);
  KeyEntry const key = with_policy({.live = live});
  EXPECT_TRUE(key.admits("unix", [] { return std::int64_t{0}; }));
  live->store(KeyState::revoked);
  EXPECT_EQ(refused(key, "unix", 0, Errc::unauthenticated), "the API key was revoked");
}

TEST(KeyPolicy, NamesWhatItDoesNotAllow) {
  KeyPolicy policy{.blocked = {"gpt-4*"}};
  policy.types.add(ModelType::chat);
  KeyEntry const key = with_policy(policy);
  EXPECT_FALSE(key.allows("gpt-4o"));
  EXPECT_TRUE(key.may_use("gpt-3", DoorKind::messages));
  EXPECT_TRUE(key.may_use("gpt-3", DoorKind::count_tokens)) << "counts are of chats";
  auto const blocked = key.may_use("gpt-4o", DoorKind::chat);
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().code(), Errc::permission_denied);
  EXPECT_EQ(blocked.error().message(), "this API key may not use the model 'gpt-4o'");
  auto const other = key.may_use("embed-1", DoorKind::embeddings);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message(), "this API key may not be used for 'embedding'");
  EXPECT_FALSE(key.may_use("passthrough/openai", DoorKind::passthrough)) << "which may be of any type";
}

TEST(KeyHash, IsSha256WithoutAPepper) {
  net::KeyHash const plain;
  EXPECT_EQ(plain("sk-lw-1"), net::sha256("sk-lw-1"));
  for (std::size_t const bytes : {0U, 1U, 54U, 55U, 56U, 63U, 64U, 65U, 1000U}) {
    std::string const text(bytes, 'k');
    EXPECT_EQ(plain(text), net::sha256(text)) << bytes;
  }
}

TEST(KeyHash, PutsThePepperInABlockBeforeTheKey) {
  std::string const pepper = "0123456789abcdef0123456789abcdef";
  std::string const block = pepper + std::string(64 - pepper.size(), '\0');
  net::KeyHash const hash(pepper);
  for (std::size_t const bytes : {0U, 1U, 49U, 54U, 55U, 56U, 63U, 64U, 65U, 128U, 1000U}) {
    std::string const key(bytes, 'k');
    net::Sha256 const digest = hash(key), whole = net::sha256(block + key);
    EXPECT_TRUE(std::equal(digest.begin() + 8, digest.end(), whole.begin() + 8)) << bytes;
  }
  EXPECT_NE(net::KeyHash("another")("sk-lw-1"), hash("sk-lw-1"));
  EXPECT_NE(net::KeyHash(std::string(65, 'p'))("sk-lw-1"), net::KeyHash(std::string(64, 'p'))("sk-lw-1"));
}

TEST(KeyHash, TellsTheBeginningOfADigestBeforeTheRest) {
  net::KeyHash const hash("0123456789abcdef0123456789abcdef");
  int times = 0;
  std::uint64_t said = 0;
  net::Sha256 const digest = hash("sk-lw-1", [&](std::uint64_t first) { ++times, said = first; });
  EXPECT_EQ(times, 1);
  EXPECT_EQ(said, net::first_word(digest));
  EXPECT_EQ(digest, hash("sk-lw-1"));
  EXPECT_NE(said, net::first_word(net::KeyHash("another")("sk-lw-1"))) << "it is under the pepper, too";
  EXPECT_NE(said, net::first_word(net::sha256("sk-lw-1")));
  net::KeyHash()("sk-lw-1", [&](std::uint64_t) { ++times; });
  EXPECT_EQ(times, 1) << "SHA-256 has no such beginning";
}

TEST(KeyTable, FindsAndMissesWhereBucketsAreCrowded) {
  // All of them belong into one bucket, and go on into others.
  std::vector<KeyEntryPtr> entries;
  std::vector<net::Sha256> digests;
  for (unsigned char i = 0; i < 200; ++i) {
    net::Sha256 digest = net::sha256(std::string(1, static_cast<char>(i)));
    std::fill_n(digest.begin(), 8, static_cast<unsigned char>(i % 2 == 0 ? 0x00 : 0xff));
    digests.push_back(digest);
    if (i >= 100) continue;
    KeyEntry one;
    one.digest = digest;
    one.name = std::to_string(i);
    entries.push_back(std::make_shared<KeyEntry const>(one));
  }
  KeyTable const table(entries, {digests.begin() + 100, digests.begin() + 110});
  for (std::size_t i = 0; i < 200; ++i) {
    KeyEntry const* const expected = i < 100 ? entries[i].get() : i < 110 ? KeyTable::gone() : nullptr;
    EXPECT_EQ(table.find(digests[i]), expected) << i;
  }
}

TEST(Keyring, FindsKeysThatOnlyTheirSha256IsKnownOfBesideOthers) {
  net::KeyHash const hash("0123456789abcdef0123456789abcdef");
  KeyEntry peppered = entry("peppered", "sk-lw-1"), plain = entry("plain", "sk-lw-2");
  peppered.digest = hash("sk-lw-1");
  Keyring const one({peppered}, {}, hash);
  plain.is_plain = true;
  Keyring const both = one.with({std::make_shared<KeyEntry const>(plain)}, {});
  EXPECT_EQ((*both.find("sk-lw-1"))->name, "peppered");
  EXPECT_EQ((*both.find("sk-lw-2"))->name, "plain");
  EXPECT_FALSE(both.find("sk-lw-3"));
  auto const digest = net::sha256("sk-lw-2");
  EXPECT_FALSE(both.find({reinterpret_cast<char const*>(digest.data()), digest.size()}))
      << "a hash is no key";
  EXPECT_EQ((*both.on(both.new_table()).find("sk-lw-2"))->name, "plain");
  EXPECT_FALSE(both.with({}, {plain.digest}).find("sk-lw-2"));
  Keyring const unmarked({peppered, entry("plain", "sk-lw-2")}, {}, hash);
  EXPECT_FALSE(unmarked.find("sk-lw-2")) << "nobody asks for it unless it is said to be there";
  EXPECT_EQ(steps_for(both, "sk-lw-1").comparisons, steps_for(both, "sk-lw-9").comparisons)
      << "whichever of the two has it, both are looked up";
}

TEST(RequestId, IsFreshEveryTime) {
  std::mt19937_64 random{1};
  RequestId const a(random);
  RequestId const b(random);
  EXPECT_NE(a.view(), b.view());
  EXPECT_EQ(a.view().size(), 28U);
  EXPECT_TRUE(a.view().starts_with("req_"));
  EXPECT_TRUE(RequestId::acceptable(a.view()));
}

TEST(RequestId, TakesAClientsOwnIfItNeedsNoEscape) {
  for (std::string const good : {"a", "req_1", "0af7651916cd43dd8448eb211c80319c", "a.b:c-d_E"})
    EXPECT_TRUE(RequestId::acceptable(good)) << good;
  EXPECT_TRUE(RequestId::acceptable(std::string(128, 'a')));
  for (std::string const bad : {"", "a b", "a\"", "a\n", "\xC3\xA4", "a/b", "<x>"})
    EXPECT_FALSE(RequestId::acceptable(bad)) << bad;
  EXPECT_FALSE(RequestId::acceptable(std::string(129, 'a')));
}

}  // namespace
}  // namespace lowart::keyring_test
