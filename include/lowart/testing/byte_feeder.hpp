#pragma once
/// Feeds bytes to an incremental reader in every way they can be cut.

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace lowart::testing {

/// Bytes on a heap block of just their size, so that a sanitizer sees a read beyond the end.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes) : data_(new char[bytes.size()]), size_(bytes.size()) {
    bytes.copy(data_.get(), size_);
  }
  std::string_view view() const noexcept { return {data_.get(), size_}; }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: stands for its bytes.

 private:
  std::unique_ptr<char[]> data_;
  std::size_t size_;
};

/// Calls `feed(pieces)` once per way: uncut, cut in two at each point, and byte by byte. `pieces` is a
/// std::vector<ExactBytes> of non-empty pieces. `feed` begins afresh each time.
template <class Feed>
void feed_every_split(std::string_view bytes, Feed&& feed) {
  for (std::size_t cut = 0; cut < bytes.size() || cut == 0; ++cut) {
    std::vector<ExactBytes> pieces;
    if (cut > 0) pieces.emplace_back(bytes.substr(0, cut));
    if (cut < bytes.size()) pieces.emplace_back(bytes.substr(cut));
    feed(pieces);
  }
  std::vector<ExactBytes> single;
  for (std::size_t i = 0; i < bytes.size(); ++i) single.emplace_back(bytes.substr(i, 1));
  feed(single);
}

/// As above with two cuts: every way to cut into three. For short inputs; it grows with the square.
template <class Feed>
void feed_every_double_split(std::string_view bytes, Feed&& feed) {
  for (std::size_t first = 1; first < bytes.size(); ++first)
    for (std::size_t second = first + 1; second < bytes.size(); ++second) {
      std::vector<ExactBytes> pieces;
      pieces.emplace_back(bytes.substr(0, first));
      pieces.emplace_back(bytes.substr(first, second - first));
      pieces.emplace_back(bytes.substr(second));
      feed(pieces);
    }
}

}  // namespace lowart::testing
