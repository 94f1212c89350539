#pragma once
/// Segment: one file of the journal, mapped into memory.

#include <lowart/store/directory_lock.hpp>
#include <lowart/store/journal_format.hpp>

#include <sys/mman.h>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart::journal {

inline constexpr std::string_view segment_suffix = ".segment";
inline constexpr std::string_view unfinished_suffix = ".new";
inline constexpr std::string_view damaged_suffix = ".damaged";

/// "00063b1c2f9d8a10-000-0000000001": run (hex), writer, sequence. Sorts by age.
inline std::string segment_name(SegmentId const& id) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%016llx-%03u-%010llu", static_cast<unsigned long long>(id.run),
                id.writer, static_cast<unsigned long long>(id.sequence));
  return text.data();
}

inline std::optional<SegmentId> parse_segment_name(std::string const& name) {
  unsigned long long run = 0;
  unsigned long long sequence = 0;
  unsigned writer = 0;
  if (std::sscanf(name.c_str(), "%16llx-%10u-%20llu", &run, &writer, &sequence) != 3) return std::nullopt;
  SegmentId const id{run, sequence, writer};
  return segment_name(id) == name ? std::optional(id) : std::nullopt;
}

/// A mapped segment file. The mapping ends with the object, the file only by remove() or set_aside().
class Segment {
 public:
  /// A new segment of zeros behind a header, with its disk space allocated, so that writing into the mapping
  /// cannot fail later. Errc::storage_failed when there is no space.
  static Result<std::unique_ptr<Segment>> create(std::string const& directory, SegmentId const& id,
                                                 std::size_t bytes);
  /// An existing segment, to be read. Errc::storage_failed when it cannot be opened or mapped.
  static Result<std::unique_ptr<Segment>> open(std::string const& directory, std::string const& name);

  Segment(Segment const&) = delete;
  Segment& operator=(Segment const&) = delete;
  ~Segment() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }

  SegmentId const& id() const noexcept { return id_; }
  std::string const& name() const noexcept { return name_; }
  std::span<std::byte> bytes() noexcept { return bytes_; }
  std::span<std::byte const> bytes() const noexcept { return bytes_; }

  /// Brings what is written so far to the disk; against power cuts, not needed against kill -9. Blocks.
  Result<void> sync() {
    if (::fdatasync(fd_.get()) != 0) return fail_with_errno("cannot sync '" + path(segment_suffix) + "'");
    if (std::exchange(name_synced_, true)) return {};
    FileDescriptor const directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.is_open() && ::fsync(directory.get()) == 0) return {};
    return fail_with_errno("cannot sync '" + directory_ + "'");
  }
  Result<void> remove() {
    if (::unlink(path(segment_suffix).c_str()) == 0 || errno == ENOENT) return {};
    return fail_with_errno("cannot remove '" + path(segment_suffix) + "'");
  }
  /// Renames the file to `.damaged`, for a person to look at.
  Result<void> set_aside() {
    if (::rename(path(segment_suffix).c_str(), path(damaged_suffix).c_str()) == 0 || errno == ENOENT)
      return {};
    return fail_with_errno("cannot rename '" + path(segment_suffix) + "'");
  }

  // Notes of the folder.
  std::size_t read_to{sizeof(SegmentHeader)};     ///< Everything before is in the store,
  std::size_t durable_to{sizeof(SegmentHeader)};  ///< everything before is there even after a power cut.
  bool settled{false};                            ///< Synced after its last record.

  std::uint64_t first_record{0};  ///< Note of the writer: records it appended before this segment.

 private:
  Segment(std::string directory, SegmentId const& id)
      : directory_(std::move(directory)), name_(segment_name(id)), id_(id) {}

  std::string path(std::string_view suffix) const { return directory_ + "/" + name_ + std::string(suffix); }
  Result<void> map(int protection, std::size_t bytes);

  std::string directory_;
  std::string name_;
  SegmentId id_;
  FileDescriptor fd_;
  std::span<std::byte> bytes_;
  bool name_synced_{false};
};

inline Result<void> Segment::map(int protection, std::size_t bytes) {
  auto* const at = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd_.get(), 0);
  if (at == MAP_FAILED) return fail_with_errno("cannot map segment '" + name_ + "'");
  bytes_ = {static_cast<std::byte*>(at), bytes};
  return {};
}

/// Gives the empty file real disk blocks, by writing zeros where the file system cannot allocate ahead.
/// Returns 0 or an errno.
inline int allocate(int fd, std::size_t bytes) {
  int code = 0;
  do {
    code = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  } while (code == EINTR);
  if (code != EOPNOTSUPP) return code;
  std::vector<char> const zeros(std::size_t{64} * 1024);
  for (std::size_t done = 0; done < bytes;) {
    auto const n = ::pwrite(fd, zeros.data(), std::min(zeros.size(), bytes - done), static_cast<off_t>(done));
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return 0;
}

inline Result<std::unique_ptr<Segment>> Segment::create(std::string const& directory, SegmentId const& id,
                                                        std::size_t bytes) {
  std::unique_ptr<Segment> made(new Segment(directory, id));
  // Under another name until it is whole, so that a file named `.segment` always has its size and header.
  auto const unfinished = made->path(unfinished_suffix);
  made->fd_ = FileDescriptor(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!made->fd_.is_open()) return fail_with_errno("cannot create '" + unfinished + "'");
  auto undo = [&unfinished](auto failure) {
    ::unlink(unfinished.c_str());
    return failure;
  };
  if (int const code = allocate(made->fd_.get(), bytes); code != 0)
    return undo(fail_with_errno(
        "cannot allocate " + std::to_string(bytes) + " bytes for '" + unfinished + "'", code));
  if (auto mapped = made->map(PROT_READ | PROT_WRITE, bytes); !mapped)
    return undo(tl::unexpected(std::move(mapped).error()));
#if defined(MADV_POPULATE_WRITE)
  // Page faults are taken here instead of by the writer. Only a matter of speed, so failure does not matter.
  ::madvise(made->bytes_.data(), bytes, MADV_POPULATE_WRITE);
#endif
  auto const header = make_header(id);
  std::memcpy(made->bytes_.data(), &header, sizeof header);
  if (::rename(unfinished.c_str(), made->path(segment_suffix).c_str()) != 0)
    return undo(fail_with_errno("cannot rename '" + unfinished + "'"));
  return made;
}

inline Result<std::unique_ptr<Segment>> Segment::open(std::string const& directory, std::string const& name) {
  auto const id = parse_segment_name(name);
  if (!id) return fail(Errc::storage_failed, "'" + name + "' is not the name of a journal segment");
  std::unique_ptr<Segment> found(new Segment(directory, *id));
  found->fd_ = FileDescriptor(::open(found->path(segment_suffix).c_str(), O_RDWR | O_CLOEXEC));
  struct stat facts{};
  if (!found->fd_.is_open() || ::fstat(found->fd_.get(), &facts) != 0)
    return fail_with_errno("cannot open '" + found->path(segment_suffix) + "'");
  if (facts.st_size == 0) return found;  // Nothing to map; its header counts as blank.
  if (auto mapped = found->map(PROT_READ, static_cast<std::size_t>(facts.st_size)); !mapped)
    return tl::unexpected(std::move(mapped).error());
  return found;
}

}  // namespace lowart::journal
