#pragma once
/// DirectoryLock: one process at a time on a data directory.

#include <lowart/core/result.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace lowart {

/// An Errc::storage_failed saying what could not be done, and the system's reason.
[[nodiscard]] inline tl::unexpected<Error> fail_with_errno(std::string what, int code = errno) {
  return fail(Errc::storage_failed, std::move(what) + ": " + std::generic_category().message(code));
}

/// Owns a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept { return std::swap(fd_, other.fd_), *this; }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  bool is_open() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

/// Makes `path` a directory unless it is one. Its parent must exist.
inline Result<void> make_directory(std::string const& path) {
  if (::mkdir(path.c_str(), 0750) == 0 || errno == EEXIST) return {};
  return fail_with_errno("cannot make directory '" + path + "'");
}

/// Holds `<directory>/lock` for as long as it lives. The system lets go of it when the process dies, however
/// it dies, so there is never a stale lock to remove.
class DirectoryLock {
 public:
  /// Errc::storage_failed when another process holds it, or the file cannot be made.
  static Result<DirectoryLock> take(std::string const& directory) {
    auto const path = directory + "/lock";
    FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (!fd.is_open()) return fail_with_errno("cannot open '" + path + "'");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return DirectoryLock(std::move(fd));
    if (errno != EWOULDBLOCK) return fail_with_errno("cannot lock '" + path + "'");
    return fail(Errc::storage_failed, "another process uses the data directory '" + directory +
                                          "' (it holds '" + path + "'); stop it or name another directory");
  }

 private:
  explicit DirectoryLock(FileDescriptor fd) noexcept : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace lowart
