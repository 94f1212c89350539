/// How fast texts are counted and encoded: tokenizer_bench FILE... prints the best of some rounds, in MB/s.
///
/// One thread. "first" is the first call on the text with an empty cache and cold tables, the way a
/// short-lived thread sees it; "count" and "encode" are warm.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <lowart/meter/encoding.hpp>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Work>
double best_of(int rounds, Work work) {
  double best = 1e9;
  for (int i = 0; i < rounds; ++i) {
    auto const start = Clock::now();
    work();
    best = std::min(best, seconds_since(start));
  }
  return best;
}

void measure(lowart::Encoding const& encoding, std::string const& name, std::string const& text) {
  double const megabytes = static_cast<double>(text.size()) / 1e6;
  std::size_t tokens = 0;
  double const first = best_of(1, [&] { tokens = encoding.count(text); });
  double const count = best_of(7, [&] { tokens = encoding.count(text); });
  std::vector<std::uint32_t> ids;
  double const encode = best_of(7, [&] {
    ids.clear();
    encoding.encode(text, ids);
  });
  std::string const label{encoding.name()};
  std::printf("%-12s %-24s %8.2f MB %9zu tokens  first %7.1f  count %7.1f  encode %7.1f MB/s\n",
              label.c_str(), name.c_str(), megabytes, tokens, megabytes / first, megabytes / count,
              megabytes / encode);
}

}  // namespace

int main(int argc, char** argv) {
  for (auto* const make : {&lowart::o200k_base, &lowart::cl100k_base}) {
    auto const start = Clock::now();
    lowart::Encoding const& encoding = make();
    std::size_t const tokens = encoding.count("Hello, world!");
    std::printf("%s: first answer (%zu tokens) after %.3f ms\n", std::string{encoding.name()}.c_str(), tokens,
                seconds_since(start) * 1e3);
    for (int i = 1; i < argc; ++i) {
      std::ifstream file{argv[i], std::ios::binary};
      std::string const text{std::istreambuf_iterator<char>{file}, {}};
      std::string const path{argv[i]};
      measure(encoding, path.substr(path.rfind('/') + 1), text);
    }
  }
}
