#pragma once
/// HttpReader: reads one HTTP/1.1 message as it comes: a request at an upstream, an answer at a client.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::sim {

/// Simple and strict: what it does not understand is `broken`.
class HttpReader {
 public:
  /// `closes_body`: a body without length ends with its connection, as answers may.
  explicit HttpReader(bool closes_body) noexcept : closes_body_(closes_body) {}

  void feed(std::string_view bytes) {
    raw_.append(bytes);
    while (step()) {
    }
  }
  void end() {
    if (part_ == Part::until_close) part_ = Part::done;
  }

  bool done() const noexcept { return part_ == Part::done; }
  bool broken() const noexcept { return broken_; }
  bool begun() const noexcept { return part_ != Part::head || !raw_.empty(); }
  bool has_head() const noexcept { return part_ != Part::head; }
  bool keeps_alive() const noexcept { return keeps_alive_; }
  std::string const& first_line() const noexcept { return first_line_; }
  std::string const& body() const noexcept { return body_; }
  int status() const noexcept {
    int status = 0;
    if (first_line_.size() > 12) std::from_chars(first_line_.data() + 9, first_line_.data() + 12, status);
    return status;
  }

 private:
  enum class Part : std::uint8_t { head, length, chunk_size, chunk, chunk_end, last, until_close, done };

  bool step() {
    switch (part_) {
      case Part::head: return head();
      case Part::length:
      case Part::chunk: return payload();
      case Part::chunk_size: return chunk_size();
      case Part::chunk_end:
        if (raw_.size() < 2) return false;
        broken_ |= !raw_.starts_with("\r\n");
        raw_.erase(0, 2);
        part_ = Part::chunk_size;
        return !broken_;
      case Part::last:
        if (raw_.size() < 2) return false;
        broken_ |= !raw_.starts_with("\r\n");
        raw_.erase(0, 2);
        part_ = Part::done;
        return false;
      case Part::until_close:
        body_ += raw_;
        raw_.clear();
        return false;
      case Part::done: break;
    }
    broken_ |= part_ == Part::done && !raw_.empty();
    return false;
  }
  bool head() {
    auto const end = raw_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::string text = raw_.substr(0, end + 2);
    raw_.erase(0, end + 4);
    first_line_ = text.substr(0, text.find("\r\n"));
    if (first_line_.starts_with("HTTP/1.1 1")) return true;  // an interim answer
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    keeps_alive_ = text.find("\r\nconnection: close\r\n") == std::string::npos;
    part_ = closes_body_ ? Part::until_close : Part::done;
    constexpr std::string_view length = "\r\ncontent-length: ";
    if (auto const at = text.find(length); at != std::string::npos) {
      char const* const digits = text.data() + at + length.size();
      std::from_chars(digits, text.data() + text.size(), left_);
      part_ = left_ > 0 ? Part::length : Part::done;
    }
    if (text.find("\r\ntransfer-encoding: chunked\r\n") != std::string::npos) part_ = Part::chunk_size;
    return true;
  }
  bool payload() {
    std::size_t const size = std::min(left_, raw_.size());
    body_.append(raw_, 0, size);
    raw_.erase(0, size);
    left_ -= size;
    if (left_ > 0) return false;
    part_ = part_ == Part::chunk ? Part::chunk_end : Part::done;
    return true;
  }
  bool chunk_size() {
    auto const end = raw_.find("\r\n");
    if (end == std::string::npos) return false;
    auto const [rest, error] = std::from_chars(raw_.data(), raw_.data() + end, left_, 16);
    broken_ |= error != std::errc{} || rest != raw_.data() + end;
    raw_.erase(0, end + 2);
    part_ = left_ > 0 ? Part::chunk : Part::last;
    return !broken_;
  }

  bool closes_body_;
  bool broken_{false};
  bool keeps_alive_{true};
  Part part_{Part::head};
  std::size_t left_{0};
  std::string raw_;
  std::string first_line_;
  std::string body_;
};

}  // namespace lowart::sim
