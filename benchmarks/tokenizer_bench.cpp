/// How fast texts are counted and encoded: tokenizer_bench FILE... prints the best of some rounds, in MB/s.
///
/// One thread, its processor time. "first" is the first look at the text, with little of it in the cache of
/// pieces; "count" and "encode" are warm.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <lowart/meter/encoding.hpp>
#include <string>
#include <vector>

namespace {

/// The processor time of this thread: other work on the machine then disturbs less.
double seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Work>
double best_of(int rounds, Work work) {
  double best = 1e9;
  for (int i = 0; i < rounds; ++i) {
    double const start = seconds();
    work();
    best = std::min(best, seconds() - start);
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
    double const start = seconds();
    lowart::Encoding const& encoding = make();
    std::size_t const tokens = encoding.count("Hello, world!");
    std::printf("%s: first answer (%zu tokens) after %.3f ms\n", std::string{encoding.name()}.c_str(), tokens,
                (seconds() - start) * 1e3);
    for (int i = 1; i < argc; ++i) {
      std::ifstream file{argv[i], std::ios::binary};
      std::string const text{std::istreambuf_iterator<char>{file}, {}};
      std::string const path{argv[i]};
      measure(encoding, path.substr(path.rfind('/') + 1), text);
    }
  }
}
