#pragma once
/// archive_file(): compresses a file, reads it back, and only then removes it.

#include <lowart/store/directory_lock.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lowart {

namespace gzip {

struct CloseRead {
  void operator()(gzFile_s* file) const noexcept { gzclose_r(file); }
};
inline constexpr std::size_t piece_bytes = std::size_t{64} << 10U;

/// The next piece of a file; fewer bytes than asked for only at its end.
inline Result<std::size_t> read_piece(int fd, std::span<char> piece) {
  std::size_t got = 0;
  while (got < piece.size()) {
    ssize_t const n = ::read(fd, piece.data() + got, piece.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_with_errno("cannot read a file that is to be compressed");
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

inline Result<void> compress(std::string const& from, std::string const& to) {
  FileDescriptor const source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.is_open()) return fail_with_errno("cannot read '" + from + "'");
  gzFile out = gzopen(to.c_str(), "wbe6");
  if (out == nullptr) return fail_with_errno("cannot write '" + to + "'");
  std::array<char, piece_bytes> piece;
  Result<void> done;
  for (;;) {
    Result<std::size_t> const got = read_piece(source.get(), piece);
    if (!got) done = tl::unexpected(got.error());
    if (!got || *got == 0) break;
    if (gzwrite(out, piece.data(), static_cast<unsigned>(*got)) == static_cast<int>(*got)) continue;
    done = fail_with_errno("cannot write '" + to + "'");
    break;
  }
  if (gzclose_w(out) != Z_OK && done) done = fail_with_errno("cannot write '" + to + "'");
  return done;
}

/// Whether the archive has the bytes of the file, each of them.
inline Result<void> compare(std::string const& archive, std::string const& with) {
  FileDescriptor const source(::open(with.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.is_open()) return fail_with_errno("cannot read '" + with + "'");
  std::unique_ptr<gzFile_s, CloseRead> const in(gzopen(archive.c_str(), "rbe"));
  if (!in) return fail_with_errno("cannot read '" + archive + "'");
  std::array<char, piece_bytes> wanted, found;
  for (;;) {
    Result<std::size_t> const size = read_piece(source.get(), wanted);
    if (!size) return tl::unexpected(size.error());
    int const got = gzread(in.get(), found.data(), static_cast<unsigned>(found.size()));
    bool const same = got >= 0 && static_cast<std::size_t>(got) == *size &&
                      std::equal(wanted.begin(), wanted.begin() + got, found.begin());
    if (!same)
      return fail(Errc::storage_failed, "'" + archive + "' is not what '" + with + "' was compressed from");
    if (*size == 0) return {};
  }
}

}  // namespace gzip

/// Brings a file or a directory to the disk.
inline Result<void> sync_path(std::string const& path) {
  FileDescriptor const fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open() || ::fsync(fd.get()) != 0) return fail_with_errno("cannot sync '" + path + "'");
  return {};
}

/// Makes `<path>.gz` of `path` and removes the latter once the former has been read back and is on the disk. Whatever
/// fails, `path` is still there; what was half written has the ending `.part`.
inline Result<void> archive_file(std::string const& path) {
  std::string const archive = path + ".gz";
  std::string const part = archive + ".part";
  if (auto done = gzip::compress(path, part); !done) return done;
  if (auto done = gzip::compare(part, path); !done) return done;
  if (auto done = sync_path(part); !done) return done;
  if (::rename(part.c_str(), archive.c_str()) != 0) return fail_with_errno("cannot rename '" + part + "'");
  if (auto done = sync_path(path.substr(0, path.rfind('/') + 1)); !done) return done;
  if (::unlink(path.c_str()) != 0) return fail_with_errno("cannot remove '" + path + "'");
  return {};
}

}  // namespace lowart
