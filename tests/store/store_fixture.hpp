#pragma once
/// What the tests of the store share: a directory of their own, sample records, and what is in a store.

#include <lowart/store/record_codec.hpp>
#include <lowart/store/usage_store.hpp>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace lowart_test {

/// A new directory, removed with the object.
class TempDirectory {
 public:
  TempDirectory() {
    auto pattern = (std::filesystem::temp_directory_path() / "lowart-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  TempDirectory(TempDirectory const&) = delete;
  TempDirectory& operator=(TempDirectory const&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string const& path() const { return path_; }
  std::string file(std::string const& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Files in the journal of a data directory whose names end so.
inline std::vector<std::filesystem::path> journal_files(std::string const& directory,
                                                        std::string const& suffix) {
  std::vector<std::filesystem::path> found;
  for (auto const& entry : std::filesystem::directory_iterator(directory + "/journal"))
    if (entry.path().extension() == suffix) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

/// Changes one byte of a file.
inline void flip_byte(std::filesystem::path const& file, std::streamoff at) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(at);
  auto const was = static_cast<char>(f.get());
  f.seekp(at);
  f.put(static_cast<char>(was ^ 0x40));
}

/// Record `n`, told from others by its id.
inline lowart::UsageRecord sample_record(std::uint64_t n) {
  lowart::UsageRecord r;
  r.id = {0x1234, n};
  r.started_at = 1'760'000'000'000'000 + static_cast<std::int64_t>(n) * 1'000;
  r.duration = 812'345;
  r.time_to_first_token = 201'000;
  r.key = "alice";
  r.model = n % 2 == 0 ? "gpt-4o-mini" : "gpt-4o";
  r.provider = "openai";
  r.upstream_model = "gpt-4o-mini-2024-07-18";
  r.operation = "chat";
  r.usage.set(lowart::UsageClass::input, 100);
  r.usage.set(lowart::UsageClass::output, static_cast<std::int64_t>(n));
  r.cost = lowart::NanoUsd(15'000);
  r.attempts = 1;
  r.status = 200;
  r.outcome = lowart::Outcome::complete;
  r.provenance = lowart::Provenance::reported;
  r.streamed = true;
  return r;
}

/// How often each record number is in the store.
template <class S>
std::map<std::uint64_t, int> numbers_in(S& store) {
  std::map<std::uint64_t, int> counts;
  auto const records = store.recent(1'000'000);
  if (records)
    for (auto const& r : *records) ++counts[r.get().id.low];
  return counts;
}

/// Runs `child` in another process, which dies without destructors, and returns its wait status.
inline int in_child(std::function<void()> const& child) {
  auto const pid = ::fork();
  if (pid == 0) {
    child();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

}  // namespace lowart_test
