// The whole gateway under seeds: `lowart_sim --seeds 1000 [--first 1] [--shard 0/2]`, or `lowart_sim --seed 42`.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "world.hpp"

namespace {

using lowart::sim::run_seed;
using lowart::sim::Verdict;

struct Orders {
  std::uint64_t seeds{1'000};
  std::uint64_t first{1};
  std::uint64_t shard{0};
  std::uint64_t shards{1};
  bool one{false};
};

bool read_number(std::string_view text, std::uint64_t& number) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

bool read_orders(std::vector<std::string_view> const& words, Orders& orders) {
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    std::string_view const name = words[i];
    std::string_view const value = words[i + 1];
    auto const slash = value.find('/');
    if (name == "--seeds" && read_number(value, orders.seeds)) continue;
    if (name == "--first" && read_number(value, orders.first)) continue;
    if (name == "--seed" && read_number(value, orders.first)) {
      orders.one = true;
      orders.seeds = 1;
      continue;
    }
    bool const share = name == "--shard" && slash != std::string_view::npos &&
                       read_number(value.substr(0, slash), orders.shard) &&
                       read_number(value.substr(slash + 1), orders.shards) && orders.shard < orders.shards;
    if (!share) return false;
  }
  return words.size() % 2 == 0;
}

void tell(std::uint64_t seed, Verdict const& verdict) {
  for (auto const& fault : verdict.faults)
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), fault.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  Orders orders;
  if (!read_orders({arguments + 1, arguments + count}, orders)) {
    std::fputs("usage: lowart_sim [--seeds N] [--first SEED] [--shard I/N] | --seed SEED\n", stderr);
    return 2;
  }
  auto const began = std::chrono::steady_clock::now();
  std::uint64_t ran = 0;
  std::uint64_t failed = 0;
  std::map<std::string, std::uint64_t> met;
  for (std::uint64_t seed = orders.first + orders.shard; seed < orders.first + orders.seeds;
       seed += orders.shards) {
    Verdict verdict = run_seed(seed, orders.one);
    // Now and then twice: a run that depends on anything but its seed could not be replayed.
    bool const again = orders.one || seed % 64 == 0;
    if (again && run_seed(seed, false).digest != verdict.digest)
      verdict.faults.emplace_back("the same seed went another way");
    ++ran;
    for (auto const& [what, count] : verdict.met) met[what] += count;
    if (verdict.faults.empty()) continue;
    ++failed;
    tell(seed, verdict);
  }
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - began;
  for (auto const& [what, count] : met)
    std::printf("%10llu  %s\n", static_cast<unsigned long long>(count), what.c_str());
  std::printf("%.0f seeds a second\n", static_cast<double>(ran) / took.count());
  std::printf("%llu seeds, %llu failed\n", static_cast<unsigned long long>(ran),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
