#pragma once
/// AccessLog: one JSON line a request, gathered per event loop and written in blocks.

#include <lowart/core/clock.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/usage_record.hpp>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// What is said of one request. Views; no prompt, no answer, no secret.
struct AccessEntry {
  std::int64_t at_utc_us{0};
  std::string_view request_id;
  std::string_view peer;
  std::string_view method;
  std::string_view path;
  int status{0};
  std::int64_t duration_us{0};
  std::int64_t first_token_us{-1};
  std::int64_t overhead_us{-1};
  std::string_view key;
  std::string_view model;
  std::string_view provider;
  std::string_view cache;
  std::string_view conversation;
  std::int32_t attempts{0};
  Usage const* usage{nullptr};
  std::string_view outcome;
  std::string_view error;
  std::string_view detail;  ///< The error's message.
};

/// Writes one object where there is room for it.
class LogLine {
 public:
  /// `out` has room for all that will be written.
  explicit LogLine(char* out) noexcept : at_(out) {}
  char* end() const noexcept { return at_; }

  void raw(std::string_view text) noexcept { at_ = std::copy(text.begin(), text.end(), at_); }
  /// Names as `,"name":`.
  void number(std::string_view name, std::int64_t value) noexcept {
    if (value < 0) return;
    raw(name);
    at_ = std::to_chars(at_, at_ + 20, value).ptr;
  }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    raw(name);
    *at_++ = '"';
    if (dialect::is_plain(value)) {
      raw(value);
    } else {
      std::string escaped;
      dialect::append_escaped(escaped, value);
      raw(escaped);
    }
    *at_++ = '"';
  }
  /// `{"time":"2026-11-21T10:29:04.939262Z"`. The second is written out once and kept.
  void begin(std::int64_t utc_us) noexcept {
    thread_local std::time_t written = -1;
    thread_local std::array<char, 32> second{};
    constexpr std::int64_t million = 1'000'000;
    std::time_t const seconds = utc_us / million;
    if (seconds != written) {
      std::tm parts{};
      gmtime_r(&seconds, &parts);
      std::strftime(second.data(), second.size(), "{\"time\":\"%Y-%m-%dT%H:%M:%S", &parts);
      written = seconds;
    }
    raw({second.data(), 28});
    std::to_chars(at_, at_ + 7,
                  million + utc_us % million);  // six digits behind a one, which gives way to the point
    *at_ = '.';
    at_ += 7;
    raw("Z\"");
  }

 private:
  char* at_;
};

/// The most that write_access_line() writes.
inline std::size_t access_line_bound(AccessEntry const& e) noexcept {
  constexpr std::size_t fixed = 512;   // names, numbers and punctuation of a line
  constexpr std::size_t per_byte = 6;  // "\u0000"
  std::size_t texts = 0;
  for (auto text : {e.request_id, e.peer, e.method, e.path, e.key, e.model, e.provider, e.cache,
                    e.conversation, e.outcome, e.error, e.detail})
    texts += text.size();
  return fixed + per_byte * texts;
}

/// Writes a line and returns its end.
inline char* write_access_line(AccessEntry const& e, char* out) {
  LogLine line(out);
  line.begin(e.at_utc_us);
  line.raw(",\"event\":\"request\"");
  line.text(",\"request_id\":", e.request_id);
  line.text(",\"peer\":", e.peer);
  line.text(",\"method\":", e.method);
  line.text(",\"path\":", e.path);
  line.number(",\"status\":", e.status);
  line.number(",\"duration_us\":", e.duration_us);
  line.number(",\"first_token_us\":", e.first_token_us);
  line.number(",\"overhead_us\":", e.overhead_us);
  line.text(",\"key\":", e.key);
  line.text(",\"model\":", e.model);
  line.text(",\"provider\":", e.provider);
  line.text(",\"cache\":", e.cache);
  line.text(",\"conversation\":", e.conversation);
  if (e.attempts > 0) line.number(",\"attempts\":", e.attempts);
  if (e.usage != nullptr && !e.usage->empty()) {
    line.number(",\"input_tokens\":", e.usage->input_total());
    line.number(",\"output_tokens\":", e.usage->output_total());
  }
  line.text(",\"outcome\":", e.outcome);
  line.text(",\"error\":", e.error);
  line.text(",\"detail\":", e.detail);
  line.raw("}\n");
  return line.end();
}

/// The log of one event loop: lines wait in a buffer for at most a clock tick, then go out together.
///
/// What cannot be written at once (a full pipe, a reader that left) is dropped and its lines are counted: a
/// log never stalls the data path. Holds for files and for pipes, blocking or not; to a pipe goes what poll()
/// has room for, in pieces of whole lines. A disk that stalls does stall its writer: log to a pipe where that
/// matters.
class AccessLog {
 public:
  static constexpr std::size_t flush_bytes = 64 * 1024;

  /// `fd` stays the caller's; -1 logs nothing.
  AccessLog(int fd, Clock& clock)
      : fd_(fd), is_file_(is_file(fd)), clock_(clock), alarm_(clock, &AccessLog::on_tick, this) {}
  ~AccessLog() { flush(); }
  AccessLog(AccessLog const&) = delete;
  AccessLog& operator=(AccessLog const&) = delete;

  void write(AccessEntry const& entry) {
    if (fd_ < 0) return;
    if (lines_bytes_ == 0) alarm_.set(clock_.coarse_now());
    std::size_t const most = access_line_bound(entry);
    if (buffer_.size() - lines_bytes_ < most) buffer_.resize(std::max(2 * flush_bytes, lines_bytes_ + most));
    char* const end = write_access_line(entry, buffer_.data() + lines_bytes_);
    lines_bytes_ = static_cast<std::size_t>(end - buffer_.data());
    if (lines_bytes_ >= flush_bytes) flush();
  }
  void flush() noexcept {
    if (lines_bytes_ == 0) return;
    std::string_view const rest = is_file_ ? write_pieces(lines()) : write_to_pipe();
    dropped_ += std::count(rest.begin(), rest.end(), '\n');
    lines_bytes_ = 0;
  }
  /// Lines that could not be written.
  std::int64_t dropped() const noexcept { return dropped_; }

 private:
  std::string_view lines() const noexcept { return {buffer_.data(), lines_bytes_}; }
  static void on_tick(void* self) { static_cast<AccessLog*>(self)->flush(); }
  static bool is_file(int fd) noexcept {
    struct stat about{};
    return fd >= 0 && ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  }

  /// The loops of a process share a pipe: another one must not fill it between our look and our write.
  std::string_view write_to_pipe() noexcept {
    static std::mutex one_writer;
    std::lock_guard const lock(one_writer);
    return write_pieces(lines());
  }
  /// Returns what was not taken.
  std::string_view write_pieces(std::string_view rest) const noexcept {
    while (!rest.empty() && (is_file_ || has_room())) {
      ssize_t const n = ::write(fd_, rest.data(), is_file_ ? rest.size() : first_lines(rest));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return rest;
  }
  /// A pipe that is writable takes PIPE_BUF bytes without waiting. One that nobody reads would raise SIGPIPE.
  bool has_room() const noexcept {
    pollfd look{fd_, POLLOUT, 0};
    return ::poll(&look, 1, 0) == 1 && (look.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)) == POLLOUT;
  }
  static std::size_t first_lines(std::string_view text) noexcept {
    if (text.size() <= PIPE_BUF) return text.size();
    auto const end = text.rfind('\n', PIPE_BUF - 1);
    return end == std::string_view::npos ? PIPE_BUF : end + 1;
  }

  int fd_;
  bool is_file_;
  Clock& clock_;
  Alarm alarm_;
  std::vector<char> buffer_;
  std::size_t lines_bytes_{0};  ///< What of the buffer is lines.
  std::int64_t dropped_{0};
};

}  // namespace lowart
