#pragma once
/// FileStamp: has a file changed?

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace lowart::server {

/// What tells one version of a file from the next.
struct FileStamp {
  std::int64_t modified_ns{0};
  std::int64_t size{-1};
  std::uint64_t inode{0};
  friend bool operator==(FileStamp const&, FileStamp const&) = default;

  static FileStamp of(std::string const& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return {};
    return {static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec,
            static_cast<std::int64_t>(info.st_size), static_cast<std::uint64_t>(info.st_ino)};
  }
};

}  // namespace lowart::server
