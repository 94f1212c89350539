#pragma once
/// Spool: bytes that have come and may be wanted again: a little in memory, more in a file without a name.

#include <lowart/core/result.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lowart {

/// Append only. Reads and writes block: they go to the page cache, at memory's speed while there is some. One thread.
class Spool {
 public:
  static constexpr std::size_t memory_bytes = 256 * 1024;

  /// `directory`: where the file is made when it is needed; empty: the system's for temporary files.
  explicit Spool(std::string directory) : directory_(std::move(directory)) {}
  ~Spool() {
    if (file_ >= 0) ::close(file_);
  }
  Spool(Spool const&) = delete;
  Spool& operator=(Spool const&) = delete;

  std::uint64_t size() const noexcept { return size_; }
  /// Whether so many more bytes stay in memory.
  bool has_memory_for(std::size_t bytes) const noexcept {
    return file_ < 0 && held_.size() + bytes <= memory_bytes;
  }

  /// Errors: storage_failed, when there is no place for the file or it is full.
  Result<void> append(std::string_view bytes) {
    if (has_memory_for(bytes.size())) {
      held_.append(bytes);
      size_ += bytes.size();
      return {};
    }
    if (file_ < 0 && !open_file()) return failed("make");
    while (!bytes.empty()) {
      auto const wrote = ::write(file_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return failed("write");
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
      size_ += static_cast<std::uint64_t>(wrote);
    }
    return {};
  }

  /// Bytes from `at` on, at most `most`; some, unless `at` is the end. Valid until the next call.
  Result<std::string_view> read(std::uint64_t at, std::uint64_t most) {
    if (at < held_.size()) return std::string_view(held_).substr(at, most);
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>({most, size_ - at, block})));
    for (std::size_t have = 0; have < buffer_.size();) {
      auto const got = ::pread(file_, buffer_.data() + have, buffer_.size() - have,
                               static_cast<off_t>(at - held_.size() + have));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return failed("read");
      have += static_cast<std::size_t>(got);
    }
    return std::string_view(buffer_);
  }

 private:
  static constexpr std::size_t block = 64 * 1024;

  bool open_file() {
    std::error_code none;
    std::string const where =
        directory_.empty() ? std::filesystem::temp_directory_path(none).string() : directory_;
    file_ = ::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file_ >= 0) return true;
    std::string name = where + "/lowart-spool-XXXXXX";  // not every file system has files without a name
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ >= 0) ::unlink(name.c_str());
    return file_ >= 0;
  }
  static tl::unexpected<Error> failed(char const* what) {
    std::string message = std::string("cannot ") + what + " the file that holds a request's body: ";
    return fail(Errc::storage_failed, message + std::system_category().message(errno));
  }

  std::string directory_;
  std::string held_;  ///< The beginning.
  std::string buffer_;
  std::uint64_t size_{0};
  int file_{-1};
};

}  // namespace lowart
