#pragma once
/// Journal: the directory in which finished calls wait for the usage store.

#include <lowart/store/journal_writer.hpp>

#include <dirent.h>
#include <algorithm>
#include <chrono>
#include <vector>

namespace lowart {

struct JournalOptions {
  std::size_t writers{1};                           ///< One per core, 1 to 999.
  std::size_t segment_bytes{std::size_t{4} << 20};  ///< Size of a file, a multiple of 4096, at least 8192.
  std::size_t max_segments{64};  ///< Files per writer that may wait for the store, >= 2. Full: append fails.
};

/// Opens `<directory>/journal` for this process and gives each core its writer.
///
/// Each writer begins with a segment whose space is allocated; a full disk is an error of open(), not a crash
/// later. Segments of an earlier process are kept for the folder, which moves them into the store first.
///
/// Errors:      Errc::storage_failed from open(): the directory is in use by another process, cannot be
///              written, has no space, or holds segments of a newer version.
/// Concurrency: a writer belongs to one thread; the journal must outlive its folder and all appends.
class Journal {
 public:
  static Result<std::unique_ptr<Journal>> open(std::string const& directory, JournalOptions options = {});

  Journal(Journal const&) = delete;
  Journal& operator=(Journal const&) = delete;
  /// Removes the segments of which everything is in the store for good; the next process has nothing to
  /// recover.
  ~Journal() {
    using Kind = journal::Slot::Kind;
    for (auto const& writer : writers_) {
      for (auto* segment : writer->segments()) {
        auto const kind = journal::read_slot(segment->bytes(), segment->durable_to).kind;
        if (kind == Kind::empty || kind == Kind::sealed) static_cast<void>(segment->remove());
      }
    }
  }

  /// The writer of core `number`, counted from zero.
  JournalWriter& writer(std::size_t number) noexcept { return *writers_[number]; }
  std::size_t writer_count() const noexcept { return writers_.size(); }

  /// What an earlier process left, oldest first. For the folder, once.
  std::vector<std::unique_ptr<journal::Segment>> take_left_behind() { return std::move(left_behind_); }

 private:
  explicit Journal(DirectoryLock lock) : lock_(std::move(lock)) {}
  Result<void> find_left_behind(std::string const& directory);

  DirectoryLock lock_;
  std::vector<std::unique_ptr<journal::Segment>> left_behind_;
  std::vector<std::unique_ptr<JournalWriter>> writers_;
};

inline Result<void> Journal::find_left_behind(std::string const& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> const entries(::opendir(directory.c_str()), &::closedir);
  if (!entries) return fail_with_errno("cannot read '" + directory + "'");
  std::vector<std::string> names;
  while (auto const* entry = ::readdir(entries.get())) {
    std::string name = entry->d_name;
    if (name.ends_with(journal::unfinished_suffix)) ::unlink((directory + "/" + name).c_str());
    if (!name.ends_with(journal::segment_suffix)) continue;
    name.resize(name.size() - journal::segment_suffix.size());
    names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  for (auto const& name : names) {
    auto found = journal::Segment::open(directory, name);
    if (!found) return tl::unexpected(std::move(found).error());
    if (journal::check_header((*found)->bytes(), (*found)->id()) == journal::HeaderState::newer)
      return fail(Errc::storage_failed, "the journal segment '" + name + "' in '" + directory +
                                            "' was written by a newer version; start that one to fold it");
    left_behind_.push_back(std::move(*found));
  }
  return {};
}

inline Result<std::unique_ptr<Journal>> Journal::open(std::string const& directory, JournalOptions options) {
  if (options.segment_bytes < 8192 || options.segment_bytes % 4096 != 0 || options.max_segments < 2 ||
      options.writers < 1 || options.writers > 999)
    return fail(Errc::config_invalid, "journal options are out of range");
  auto const inside = directory + "/journal";
  for (auto const& path : {directory, inside})
    if (auto made = make_directory(path); !made) return tl::unexpected(std::move(made).error());
  auto lock = DirectoryLock::take(directory);
  if (!lock) return tl::unexpected(std::move(lock).error());
  std::unique_ptr<Journal> opened(new Journal(std::move(*lock)));
  if (auto found = opened->find_left_behind(inside); !found) return tl::unexpected(std::move(found).error());

  // A name is never used twice, even when the clock goes back: the store knows segments by name.
  using std::chrono::microseconds;
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  auto run = static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(now).count());
  for (auto const& segment : opened->left_behind_) run = std::max(run, segment->id().run + 1);

  for (std::size_t i = 0; i < options.writers; ++i) {
    opened->writers_.push_back(std::make_unique<JournalWriter>(inside, run, static_cast<std::uint32_t>(i),
                                                               options.segment_bytes, options.max_segments));
    if (auto made = opened->writers_.back()->prepare(); !made) return tl::unexpected(std::move(made).error());
  }
  return opened;
}

}  // namespace lowart
