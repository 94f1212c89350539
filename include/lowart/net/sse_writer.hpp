#pragma once
/// SseWriter: server-sent events, written.

#include <chrono>
#include <string>
#include <string_view>

namespace lowart::net {

/// Appends events to a string. Text cannot break out of its field: line ends in data start a new data line
/// (and so read back as LF); in a name, an id or a comment they are dropped.
class SseWriter {
 public:
  /// Writes to `out`, which must outlive the writer.
  explicit SseWriter(std::string& out) noexcept : out_(&out) {}

  /// One event with this payload and, when not empty, this type and id.
  void write(std::string_view data, std::string_view event = {}, std::string_view id = {});
  /// A comment, which clients ignore: a sign of life.
  void comment(std::string_view text);
  /// Asks the client to wait this long before it connects again.
  void retry(std::chrono::milliseconds wait);

 private:
  void line(std::string_view name, std::string_view value);

  std::string* out_;
};

inline void SseWriter::line(std::string_view name, std::string_view value) {
  out_->append(name).append(": ");
  for (char const c : value)
    if (c != '\r' && c != '\n' && c != '\0') out_->push_back(c);
  out_->push_back('\n');
}

inline void SseWriter::write(std::string_view data, std::string_view event, std::string_view id) {
  if (!event.empty()) line("event", event);
  if (!id.empty()) line("id", id);
  for (;;) {
    std::size_t const end = data.find_first_of("\r\n");
    out_->append("data: ").append(data.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  out_->push_back('\n');
}

inline void SseWriter::comment(std::string_view text) {
  line("", text);
  out_->push_back('\n');
}

inline void SseWriter::retry(std::chrono::milliseconds wait) {
  line("retry", std::to_string(wait.count() < 0 ? 0 : wait.count()));
  out_->push_back('\n');
}

}  // namespace lowart::net
