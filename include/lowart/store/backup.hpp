#pragma once
/// Backups of a data directory: made while it is in use, verified, restored.

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/store/crc32c.hpp>
#include <lowart/store/directory_lock.hpp>
#include <lowart/store/gzip_file.hpp>
#include <lowart/store/sqlite_backup.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// A directory named by its time, `2026-11-30T17-00-00Z`: `usage.db`, `lowart.db` where there are accounts, `requests/`
/// where there is a request log, and a `manifest` of what is in them. The master key that secrets in `lowart.db` are sealed
/// with is not in it: who has a backup alone has no secret.
namespace backup {

inline constexpr std::string_view manifest_name = "manifest";
inline constexpr std::string_view database_name = "usage.db";
inline constexpr std::string_view accounts_name = "lowart.db";
inline constexpr std::string_view requests_name = "requests";

inline std::string name_of(std::int64_t utc_us) {
  std::string name = dialect::rfc3339(utc_us / 1'000'000 * 1'000'000);
  std::replace(name.begin(), name.end(), ':', '-');
  return name;
}
/// When a backup of this name was made, in UTC microseconds; nullopt for other names.
inline std::optional<std::int64_t> time_of(std::string name) {
  constexpr std::size_t size = std::string_view("2026-11-30T17-00-00Z").size();
  if (name.size() != size || name[13] != '-' || name[16] != '-') return std::nullopt;
  name[13] = name[16] = ':';
  return dialect::parse_rfc3339(name);
}

/// The path, or with a number behind it where something is there already.
inline std::string unused_path(std::string const& path) {
  std::string unused = path;
  for (int n = 2; std::filesystem::exists(unused); ++n) unused = path + "-" + std::to_string(n);
  return unused;
}
/// Files in a directory, by name; none when it is not there.
inline std::vector<std::string> files_in(std::string const& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (auto const& entry : std::filesystem::directory_iterator(directory, failed))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}
inline Result<std::string> read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail_with_errno("cannot read '" + path + "'");
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}
inline Result<void> write_file(std::string const& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail_with_errno("cannot write '" + path + "'");
  return sync_path(path);
}
/// A copy, byte for byte, on the disk when it returns.
inline Result<void> copy_file(std::string const& from, std::string const& to) {
  std::error_code failed;
  std::filesystem::copy_file(from, to, failed);
  if (failed)
    return fail(Errc::storage_failed, "cannot copy '" + from + "' to '" + to + "': " + failed.message());
  return sync_path(to);
}
inline Result<std::string> checksum(std::string const& path) {
  FileDescriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail_with_errno("cannot read '" + path + "'");
  std::vector<char> piece(gzip::piece_bytes);
  std::uint64_t bytes = 0;
  std::uint32_t sum = 0;
  for (;;) {
    auto const got = gzip::read_piece(file.get(), piece);
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) return "bytes=" + std::to_string(bytes) + " crc32c=" + std::to_string(sum) + "\n";
    bytes += *got;
    sum = journal::crc32c(std::as_bytes(std::span(piece.data(), *got)), sum);
  }
}
/// A file's part of the manifest: of a database its sums, of anything else its checksum.
inline std::string section(std::string const& name, std::string const& text) {
  return "[" + name + "]\n" + text;
}

/// The manifest that the files of a backup have, each database checked.
inline Result<std::string> manifest_of(std::string const& directory) {
  std::string manifest;
  for (auto const& [folder, prefix] :
       {std::pair(directory, std::string()),
        std::pair(directory + "/" + std::string(requests_name), std::string(requests_name) + "/")}) {
    for (auto const& name : files_in(folder)) {
      std::string const path = folder + "/" + name;
      if (name == manifest_name || name.ends_with("-wal") || name.ends_with("-shm") ||
          std::filesystem::is_directory(path))
        continue;
      Result<std::string> text;
      if (name.ends_with(".db")) {
        auto database = sqlite::Database::open(path);
        if (!database) return tl::unexpected(std::move(database).error());
        if (auto good = sqlite::check_integrity(*database, path); !good)
          return tl::unexpected(std::move(good).error());
        text = sqlite::table_sums(*database);
      } else {
        text = checksum(path);
      }
      if (!text) return text;
      manifest.append(section(prefix + name, *text));
    }
  }
  return manifest;
}

inline Result<void> fill(std::string const& data, std::string const& directory, bool with_requests) {
  std::string const database = data + "/" + std::string(database_name);
  if (!std::filesystem::exists(database))
    return fail(Errc::storage_failed, "there is no '" + database + "': is this the data directory?");
  std::string manifest;
  if (std::string const accounts = "/" + std::string(accounts_name);
      std::filesystem::exists(data + accounts)) {
    auto const sums = sqlite::copy_database(data + accounts, directory + accounts);
    if (!sums) return tl::unexpected(sums.error());
    manifest.append(section(std::string(accounts_name), *sums));
  }
  auto sums = sqlite::copy_database(database, directory + "/" + std::string(database_name));
  if (!sums) return tl::unexpected(std::move(sums).error());
  manifest.append(section(std::string(database_name), *sums));
  std::string const from = data + "/" + std::string(requests_name);
  std::string const to = directory + "/" + std::string(requests_name);
  if (with_requests && std::filesystem::is_directory(from)) {
    if (auto made = make_directory(to); !made) return made;
    for (auto const& name : files_in(from)) {
      bool const is_database = name.ends_with(".db");
      if (!is_database && !name.ends_with(".db.gz")) continue;
      Result<std::string> text;
      if (is_database) {
        text = sqlite::copy_database(from + "/" + name, to + "/" + name);
      } else {
        if (auto done = copy_file(from + "/" + name, to + "/" + name); !done) return done;
        text = checksum(to + "/" + name);
      }
      if (!text) return tl::unexpected(text.error());
      manifest.append(section(std::string(requests_name) + "/" + name, *text));
    }
  }
  return write_file(directory + "/" + std::string(manifest_name), manifest);
}

}  // namespace backup

/// Makes a backup of `data` in `directory`, which is made when it is missing, and returns its path. Under a name of its
/// own it is whole and verified; until then it ends with `.part`.
///
/// Calls that are in the journal and not in the store yet are not in it: flush the folder before.
/// Concurrency: any thread or process, while others use the data; one at a time for a directory.
inline Result<std::string> make_backup(std::string const& data, std::string const& directory,
                                       std::int64_t now_us, bool with_requests = true) {
  if (auto made = make_directory(directory); !made) return tl::unexpected(std::move(made).error());
  std::string const path = directory + "/" + backup::name_of(now_us);
  std::string const part = path + ".part";
  std::error_code failed;
  if (std::filesystem::exists(path))
    return fail(Errc::storage_failed, "there is a backup '" + path + "' already");
  std::filesystem::remove_all(part, failed);
  if (auto made = make_directory(part); !made) return tl::unexpected(std::move(made).error());
  if (auto done = backup::fill(data, part, with_requests); !done) {
    std::filesystem::remove_all(part, failed);
    return tl::unexpected(std::move(done).error());
  }
  if (::rename(part.c_str(), path.c_str()) != 0) return fail_with_errno("cannot rename '" + part + "'");
  if (auto done = sync_path(directory); !done) return tl::unexpected(std::move(done).error());
  return path;
}

/// The backups in a directory, oldest first.
inline std::vector<std::string> backups_in(std::string const& directory) {
  std::vector<std::string> names = backup::files_in(directory);
  std::erase_if(names, [](std::string const& name) { return !backup::time_of(name); });
  return names;
}

/// Removes the oldest backups until `keep` are left; how many it removed.
inline std::size_t prune_backups(std::string const& directory, std::size_t keep) {
  auto const names = backups_in(directory);
  std::size_t const over = names.size() > keep ? names.size() - keep : 0;
  std::error_code failed;
  for (std::size_t i = 0; i < over; ++i) std::filesystem::remove_all(directory + "/" + names[i], failed);
  return over;
}

/// Whether a backup is what it was when it was made: its databases are sound and have the sums of its manifest.
inline Result<void> verify_backup(std::string const& path) {
  auto const wanted = backup::read_file(path + "/" + std::string(backup::manifest_name));
  if (!wanted)
    return fail(Errc::storage_failed,
                "'" + path + "' is no backup: it has no '" + std::string(backup::manifest_name) + "'");
  auto const found = backup::manifest_of(path);
  if (!found) return tl::unexpected(found.error());
  if (*found == *wanted) return {};
  return fail(Errc::storage_failed,
              "'" + path + "' is not as it was made: its sums are not those of its manifest");
}

/// What a restore has done.
struct Restored {
  std::string replaced;             ///< Where the files are that were there before; empty: there were none.
  std::size_t journal_segments{0};  ///< Left in the journal, to be folded at the next start.
};

/// Puts a backup, which is verified first, in the place of what is in `data`. Nothing is lost: what was there moves into
/// `replaced-TIME` within it. The journal stays: the backup knows how far it had been folded, so what is still there is
/// added at the next start, and nothing twice.
///
/// Errors: Errc::storage_failed; when another process uses the directory, nothing has changed.
inline Result<Restored> restore_backup(std::string const& from, std::string const& data,
                                       std::int64_t now_us) {
  if (auto good = verify_backup(from); !good) return tl::unexpected(std::move(good).error());
  if (auto made = make_directory(data); !made) return tl::unexpected(std::move(made).error());
  auto const lock = DirectoryLock::take(data);
  if (!lock) return tl::unexpected(lock.error());
  Restored restored;
  std::string const aside = backup::unused_path(data + "/replaced-" + backup::name_of(now_us));
  std::string const database(backup::database_name), requests(backup::requests_name);
  std::string const accounts(backup::accounts_name);
  bool const has_accounts = std::filesystem::exists(from + "/" + accounts);
  std::vector<std::string> moved{database, database + "-wal", database + "-shm", requests};
  if (has_accounts) moved.insert(moved.end(), {accounts, accounts + "-wal", accounts + "-shm"});
  for (auto const& name : moved) {
    if (!std::filesystem::exists(data + "/" + name)) continue;
    if (auto made = make_directory(aside); !made) return tl::unexpected(std::move(made).error());
    restored.replaced = aside;
    if (::rename((data + "/" + name).c_str(), (aside + "/" + name).c_str()) != 0)
      return fail_with_errno("cannot move '" + data + "/" + name + "' aside");
  }
  if (std::filesystem::is_directory(from + "/" + requests)) {
    if (auto made = make_directory(data + "/" + requests); !made)
      return tl::unexpected(std::move(made).error());
    for (auto const& name : backup::files_in(from + "/" + requests)) {
      if (!name.ends_with(".db") && !name.ends_with(".db.gz")) continue;
      auto done = backup::copy_file(from + "/" + requests + "/" + name, data + "/" + requests + "/" + name);
      if (!done) return tl::unexpected(std::move(done).error());
    }
  }
  if (has_accounts)
    if (auto done = backup::copy_file(from + "/" + accounts, data + "/" + accounts); !done)
      return tl::unexpected(std::move(done).error());
  // Last: while there is no usage.db, a restore that was cut off can be told from one that was not.
  std::string const part = data + "/" + database + ".part";
  std::error_code failed;
  std::filesystem::remove(part, failed);
  if (auto done = backup::copy_file(from + "/" + database, part); !done)
    return tl::unexpected(std::move(done).error());
  if (::rename(part.c_str(), (data + "/" + database).c_str()) != 0)
    return fail_with_errno("cannot rename '" + part + "'");
  if (auto done = sync_path(data); !done) return tl::unexpected(std::move(done).error());
  restored.journal_segments = backup::files_in(data + "/journal").size();
  return restored;
}

}  // namespace lowart
