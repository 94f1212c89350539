#pragma once
/// Reads HTTP/1.1 replies from bytes as they come, fixed length or chunked, for the load generator.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "field_name.hpp"

namespace lowart::bench {

/// One reply at a time: feed() until it says complete or broken, then reset(). Bytes after the end are
/// broken, since the load never asks twice at once.
class ReplyReader {
 public:
  enum class Progress { more, complete, broken };

  /// `on_body` is called with each piece of the decoded body.
  template <typename OnBody>
  Progress feed(std::string_view bytes, OnBody&& on_body) {
    if (inner_part == Part::head && !take_head(bytes))
      return inner_part == Part::broken ? Progress::broken : Progress::more;
    while (!bytes.empty() && inner_part != Part::broken && inner_part != Part::end) {
      if (inner_part == Part::fixed || inner_part == Part::chunk_data) {
        std::size_t const n = std::min(bytes.size(), inner_left);
        on_body(bytes.substr(0, n));
        bytes.remove_prefix(n);
        inner_left -= n;
        if (inner_left == 0) inner_part = inner_part == Part::fixed ? Part::end : Part::chunk_end;
      } else {
        take_framing(bytes);
      }
    }
    if (inner_part == Part::broken || (inner_part == Part::end && !bytes.empty())) return Progress::broken;
    return inner_part == Part::end ? Progress::complete : Progress::more;
  }

  void reset() {
    inner_part = Part::head;
    inner_line.clear();
    inner_status = 0;
    inner_left = 0;
    inner_closes = false;
  }
  int status() const { return inner_status; }
  /// The server said that it will close the connection.
  bool closes() const { return inner_closes; }
  bool untouched() const { return inner_part == Part::head && inner_line.empty(); }

 private:
  enum class Part { head, fixed, chunk_size, chunk_data, chunk_end, trailer, end, broken };

  /// True when the head is complete; `bytes` is then what follows it.
  bool take_head(std::string_view& bytes) {
    std::size_t const before = inner_line.size();
    inner_line += bytes;
    std::size_t const end = inner_line.find("\r\n\r\n", before > 3 ? before - 3 : 0);
    if (end == std::string::npos) {
      if (inner_line.size() > 64 * 1024) inner_part = Part::broken;
      return false;
    }
    bytes.remove_prefix(end + 4 - before);
    inner_part = understand(std::string_view(inner_line).substr(0, end));
    inner_line.clear();
    return inner_part != Part::broken;
  }

  Part understand(std::string_view head) {
    if (head.substr(0, 9) != "HTTP/1.1 " || head.size() < 12) return Part::broken;
    std::from_chars(head.data() + 9, head.data() + 12, inner_status);
    bool chunked = false;
    bool has_length = false;
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
      std::string_view const line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
      if (is_field(line, "content-length:")) {
        std::size_t const digits = line.find_first_of("0123456789");
        if (digits == std::string_view::npos) return Part::broken;
        std::from_chars(line.data() + digits, line.data() + line.size(), inner_left);
        has_length = true;
      }
      if (is_field(line, "transfer-encoding:")) chunked = line.find("chunked") != std::string_view::npos;
      if (is_field(line, "connection:") && line.find("close") != std::string_view::npos) inner_closes = true;
    }
    if (chunked) return Part::chunk_size;
    if (!has_length) return Part::broken;  // a body up to the end of the connection hides a cut
    return inner_left == 0 ? Part::end : Part::fixed;
  }

  /// Takes one line (or a part of it) of chunk framing.
  void take_framing(std::string_view& bytes) {
    std::size_t const newline = bytes.find('\n');
    std::size_t const n = newline == std::string_view::npos ? bytes.size() : newline + 1;
    inner_line += bytes.substr(0, n);
    bytes.remove_prefix(n);
    if (inner_line.size() > 1024) inner_part = Part::broken;
    if (newline == std::string_view::npos) return;
    std::string_view line = inner_line;
    line.remove_suffix(line.size() > 1 && line[line.size() - 2] == '\r' ? 2 : 1);
    inner_part = after_line(line);
    inner_line.clear();
  }

  Part after_line(std::string_view line) {
    if (inner_part == Part::chunk_end) return line.empty() ? Part::chunk_size : Part::broken;
    if (inner_part == Part::trailer) return line.empty() ? Part::end : Part::trailer;
    auto const parsed = std::from_chars(line.data(), line.data() + line.size(), inner_left, 16);
    if (parsed.ec != std::errc{}) return Part::broken;
    return inner_left == 0 ? Part::trailer : Part::chunk_data;
  }

  Part inner_part = Part::head;
  std::string inner_line;  ///< The head, or a framing line, as far as it has come.
  int inner_status = 0;
  std::size_t inner_left = 0;
  bool inner_closes = false;
};

}  // namespace lowart::bench
