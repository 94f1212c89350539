#pragma once
/// RequestLog: a directory of requests, a file for each month; old months are archived, then deleted.

#include <lowart/store/gzip_file.hpp>
#include <lowart/store/month.hpp>
#include <lowart/store/request_log_options.hpp>
#include <lowart/store/request_month.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Where a list of several months goes on. As text: "2026-11_1732900000000000_123".
struct RequestCursor {
  Month month;
  RequestPlace place;

  std::string text() const {
    return month.text() + "_" + std::to_string(place.at) + "_" + std::to_string(place.row);
  }
  static std::optional<RequestCursor> parse(std::string_view text) noexcept {
    auto const month = Month::parse(text.substr(0, 7));
    auto const last = text.rfind('_');
    if (!month || text.size() < 11 || text[7] != '_' || last <= 8) return std::nullopt;
    RequestCursor cursor{.month = *month, .place = {}};
    auto const read = [](std::string_view digits, std::int64_t& number) {
      auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      return error == std::errc() && end == digits.data() + digits.size() && number >= 0;
    };
    if (!read(text.substr(8, last - 8), cursor.place.at) || !read(text.substr(last + 1), cursor.place.row))
      return std::nullopt;
    return cursor;
  }
};

/// A part of a list, the newest first. `next` is set while there may be more; a page with few entries, or none, can
/// have one when a filter matches little.
template <class T>
struct RequestPage {
  std::vector<T> entries;
  std::optional<RequestCursor> next;
};

/// What a tidying did, to be told. What failed does not keep it from the rest.
struct RequestTidied {
  std::vector<std::string> archived, deleted;
  std::optional<Error> failure;  ///< The first one.
};

/// Writes an entry into the month in which its request came. Archives (`2026-05.db.gz`) are read by nobody here: gunzip
/// one beside the others and it is.
///
/// Errors: Errc::storage_failed; a failed append has written the months before the one that failed.
/// Concurrency: one thread at a time.
class RequestLog {
 public:
  static constexpr std::string_view file_suffix = ".db";
  static constexpr std::string_view archive_suffix = ".db.gz";

  /// `directory` is made unless it is there; its parent must exist.
  static Result<RequestLog> open(std::string directory, RequestLogOptions options = {}) {
    if (auto made = make_directory(directory); !made) return tl::unexpected(std::move(made).error());
    return RequestLog(std::move(directory), options);
  }

  Result<void> append(std::span<RequestEntry const> entries) {
    while (!entries.empty()) {
      Month const month = Month::of(entries.front().at);
      std::size_t n = 1;
      while (n < entries.size() && Month::of(entries[n].at) == month) ++n;
      auto file = file_of(month);
      if (!file) return tl::unexpected(file.error());
      if (auto done = (*file)->append(entries.first(n)); !done) return done;
      entries = entries.subspan(n);
    }
    return {};
  }

  /// Archives and deletes what its time has come for.
  RequestTidied tidy(std::int64_t now_us) {
    RequestTidied tidied;
    Month const now = Month::of(now_us);
    std::error_code failed;
    for (auto const& name : names(".part")) std::filesystem::remove(path_of(name), failed);
    for (auto const suffix : {file_suffix, archive_suffix}) {
      for (Month const month : months(suffix)) {
        std::string const name = month.text().append(suffix);
        int const age = now - month;
        if (options_.retention > 0 && age > options_.retention) {
          note(remove(month, name), name, tidied.deleted, tidied);
        } else if (suffix == file_suffix && options_.archive_after > 0 && age > options_.archive_after) {
          note(archive(month, name), name, tidied.archived, tidied);
        }
      }
    }
    return tidied;
  }

  /// At most `count` requests behind `after`, or the newest ones.
  Result<RequestPage<RequestEntry>> page(RequestFilter const& filter, std::size_t count,
                                         std::optional<RequestCursor> const& after) {
    return collect<RequestEntry>(count, after,
                                 [&](RequestMonth& month, std::size_t most, RequestPlace& place, auto& out) {
                                   return month.page(filter, most, place, out);
                                 });
  }
  /// The same of conversations. One that went on over the end of a month is in both, each time with that month's calls.
  Result<RequestPage<ConversationSummary>> conversations(RequestFilter const& filter, std::size_t count,
                                                         std::optional<RequestCursor> const& after) {
    return collect<ConversationSummary>(
        count, after, [&](RequestMonth& month, std::size_t most, RequestPlace& place, auto& out) {
          return month.conversations(filter, most, place, out);
        });
  }
  /// Copies write-ahead logs into the files.
  void sync() {
    for (auto& [month, file] : open_) static_cast<void>(file.sync());
  }
  std::string const& directory() const noexcept { return directory_; }

 private:
  static constexpr std::size_t most_open = 3;
  static constexpr int most_turns = 8;  ///< Of a page's search, each bounded by RequestMonth.

  RequestLog(std::string directory, RequestLogOptions options) noexcept
      : directory_(std::move(directory)), options_(options) {}
  static void note(Result<bool> const& done, std::string const& name, std::vector<std::string>& list,
                   RequestTidied& tidied) {
    if (!done && !tidied.failure) tidied.failure = done.error();
    if (done && *done) list.push_back(name);
  }
  std::string path_of(std::string const& name) const { return directory_ + "/" + name; }
  std::vector<std::string> names(std::string_view suffix) const {
    std::vector<std::string> found;
    std::error_code failed;
    for (auto const& entry : std::filesystem::directory_iterator(directory_, failed))
      if (auto name = entry.path().filename().string(); name.ends_with(suffix))
        found.push_back(std::move(name));
    return found;
  }
  /// The newest first.
  std::vector<Month> months(std::string_view suffix) const {
    std::vector<Month> found;
    for (auto const& name : names(suffix))
      if (auto const month = Month::parse(std::string_view(name).substr(0, name.size() - suffix.size())))
        found.push_back(*month);
    std::sort(found.begin(), found.end(), std::greater<>());
    return found;
  }
  Result<RequestMonth*> file_of(Month month) {
    if (auto const found = open_.find(month); found != open_.end()) return &found->second;
    if (open_.size() >= most_open) open_.erase(open_.begin());  // the oldest
    auto opened = RequestMonth::open(path_of(month.text().append(file_suffix)));
    if (!opened) return tl::unexpected(opened.error());
    return &open_.emplace(month, std::move(*opened)).first->second;
  }
  Result<bool> remove(Month month, std::string const& name) {
    open_.erase(month);
    std::string const path = path_of(name);
    for (auto const* beside : {"", "-wal", "-shm"})
      if (::unlink((path + beside).c_str()) != 0 && errno != ENOENT)
        return fail_with_errno("cannot remove '" + path + beside + "'");
    return true;
  }
  /// Closed, a database is one file: what is left of its write-ahead log is brought into it first. False: another
  /// time, as somebody reads it.
  Result<bool> archive(Month month, std::string const& name) {
    auto file = file_of(month);
    if (!file) return tl::unexpected(file.error());
    auto const whole = (*file)->sync();
    open_.erase(month);
    if (!whole) return tl::unexpected(whole.error());
    if (!*whole || std::filesystem::exists(path_of(name) + "-wal")) return false;
    if (auto done = archive_file(path_of(name)); !done) return tl::unexpected(std::move(done).error());
    return true;
  }
  template <class T, class Read>
  Result<RequestPage<T>> collect(std::size_t count, std::optional<RequestCursor> const& after, Read read) {
    RequestPage<T> page;
    int turns = 0;
    for (Month const month : months(file_suffix)) {
      if (after && month > after->month) continue;
      RequestPlace place = after && month == after->month ? after->place : RequestPlace{};
      auto file = file_of(month);
      if (!file) return tl::unexpected(file.error());
      for (bool more = true; more;) {
        if (page.entries.size() == count || ++turns > most_turns) {
          page.next = RequestCursor{.month = month, .place = place};
          return page;
        }
        auto const goes_on = read(**file, count - page.entries.size(), place, page.entries);
        if (!goes_on) return tl::unexpected(goes_on.error());
        more = *goes_on;
      }
    }
    return page;
  }

  std::string directory_;
  RequestLogOptions options_;
  std::map<Month, RequestMonth> open_;
};

}  // namespace lowart
