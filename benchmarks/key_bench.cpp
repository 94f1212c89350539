/// What it costs to look a key up, by how many there are: processor time of Keyring::find() for keys at random.
///
/// ./dev bench keys [--benchmark_filter=REGEX]
///
/// That time tells good beginnings of keys from bad ones no better than chance shows in `almost`, whose keys differ
/// from known ones in their last character only, beside `unknown`.

#include <lowart/gateway/keyring.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart;

constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t key_bytes = 49;  // "sk-lw-" and 43 characters

/// Keys one behind the other in the order in which they are looked up, so that only the table is read at random.
std::string random_keys(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string keys;
  keys.reserve(count * key_bytes);
  for (std::size_t i = 0; i < count; ++i) {
    keys.append("sk-lw-");
    for (std::size_t at = 6; at < key_bytes; ++at) keys.push_back(letters[random() % letters.size()]);
  }
  return keys;
}
std::string_view key_at(std::string const& keys, std::size_t at) {
  return std::string_view(keys).substr(at * key_bytes, key_bytes);
}

struct World {
  explicit World(std::size_t size) : known(random_keys(size, 1)) {
    std::vector<std::size_t> order(size);
    for (std::size_t i = 0; i < size; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937_64(2));
    std::vector<KeyEntry> entries(size);
    auto const owner = std::make_shared<KeyOwner const>(KeyOwner{.user = "somebody", .team = "some team"});
    for (std::size_t i = 0; i < size; ++i) {
      KeyEntry& entry = entries[order[i]];
      entry.name = "key " + std::to_string(i);
      entry.id = "key_" + std::to_string(i);
      entry.digest = hash(key_at(known, i));
      entry.owner = owner;
    }
    keys = Keyring(std::move(entries), {}, hash);
  }
  net::KeyHash hash{"0123456789abcdef0123456789abcdef"};
  std::string known;
  Keyring keys;
};
World const& world_of(std::size_t size) {
  static std::unique_ptr<World> world;
  if (!world || world->keys.size() != size) world.reset(), world = std::make_unique<World>(size);
  return *world;
}

void look_up(benchmark::State& state, Keyring const& keys, std::string const& texts) {
  std::size_t const count = texts.size() / key_bytes;
  std::size_t at = 0;
  for (auto _ : state) {
    auto const found = keys.find(key_at(texts, at));
    benchmark::DoNotOptimize(found);
    if (++at == count) at = 0;
  }
}
void known(benchmark::State& state) {
  World const& world = world_of(static_cast<std::size_t>(state.range(0)));
  look_up(state, world.keys, world.known);
}
void unknown(benchmark::State& state) {
  World const& world = world_of(static_cast<std::size_t>(state.range(0)));
  look_up(state, world.keys, random_keys(static_cast<std::size_t>(state.range(0)), 3));
}
void almost(benchmark::State& state) {
  World const& world = world_of(static_cast<std::size_t>(state.range(0)));
  std::string texts = world.known;
  for (std::size_t end = key_bytes; end <= texts.size(); end += key_bytes) texts[end - 1] = '!';
  look_up(state, world.keys, texts);
}
/// One look-up waits for the one before it, as it does where a request lies between.
void known_one_by_one(benchmark::State& state) {
  World const& world = world_of(static_cast<std::size_t>(state.range(0)));
  std::size_t const count = world.keys.size();
  std::size_t at = 0;
  for (auto _ : state) {
    auto const found = world.keys.find(key_at(world.known, at));
    at = (at + 1 + (*found)->digest[0] % 2) % count;
  }
}
void known_and_admitted(benchmark::State& state) {
  World const& world = world_of(static_cast<std::size_t>(state.range(0)));
  std::size_t const count = world.keys.size();
  std::size_t at = 0;
  for (auto _ : state) {
    auto const found = world.keys.find(key_at(world.known, at));
    bool const admitted = (*found)->admits("192.0.2.7:80", [] { return std::int64_t{1}; }) &&
                          (*found)->may_use("gpt-4o-mini", DoorKind::chat);
    benchmark::DoNotOptimize(admitted);
    if (++at == count) at = 0;
  }
}
void change_one_of_many(benchmark::State& state) {
  World const& world = world_of(1'000'000);
  Keyring keys = world.keys;
  KeyEntry entry;
  entry.name = "another";
  while (keys.changes() < static_cast<std::size_t>(state.range(0))) {
    std::vector<KeyEntryPtr> some;
    for (std::size_t i = keys.changes(); i < static_cast<std::size_t>(state.range(0)); ++i) {
      entry.digest = net::sha256(std::to_string(i));
      some.push_back(std::make_shared<KeyEntry const>(entry));
    }
    keys = keys.with(std::move(some), {});
  }
  for (auto _ : state) benchmark::DoNotOptimize(keys.with({std::make_shared<KeyEntry const>(entry)}, {}));
}
void hash_a_key(benchmark::State& state) {
  net::KeyHash const hash("0123456789abcdef0123456789abcdef");
  std::string key = random_keys(1, 1);
  for (auto _ : state) {
    net::Sha256 const digest = hash(key);
    key.back() = letters[digest[0] % letters.size()];
  }
}

BENCHMARK(hash_a_key);
BENCHMARK(known)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(known_one_by_one)->Arg(1'000'000);
BENCHMARK(known_and_admitted)->Arg(1'000'000);
BENCHMARK(unknown)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(almost)->Arg(1'000'000);
BENCHMARK(change_one_of_many)->Arg(1)->Arg(4096);

}  // namespace

BENCHMARK_MAIN();
