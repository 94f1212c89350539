#pragma once
/// JsonDocument: a valid JSON text in which one walk has found every value, so that what is inside an object or a list
/// need not be looked for again.

#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace lowart::dialect {

/// One value of a document. The nodes of what is inside it follow it.
struct JsonNode {
  char const* key;
  char const* value;
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t inside;  ///< How many of the nodes that follow are inside this one.
  JsonKind kind;
  bool key_escaped;
  bool escaped;  ///< A string with a backslash in it.

  JsonMember member() const noexcept {
    return {{key, key_size}, {value, value_size}, kind, key_escaped, this};
  }
  /// Calls `each(JsonNode const&)` for the members or elements.
  template <class F>
  void for_each_inside(F&& each) const {
    JsonNode const* const end = this + 1 + inside;
    for (JsonNode const* node = this + 1; node != end; node += 1 + node->inside) each(*node);
  }
};

/// For a body that is taken apart all the way down: validates it, and keeps where each value is. Views into the text,
/// which must stay; a JsonMember of it is good as long as the document. Cost: a third more than first_json_error, and
/// 32 bytes a value: a hostile text of nothing but small values could make that sixteen times its size, so their number
/// is bounded.
class JsonDocument {
 public:
  static constexpr std::size_t most_values = std::size_t{1} << 21U;  ///< 64 MiB of nodes.

  explicit JsonDocument(std::string_view text) {
    notes_.nodes.reserve(std::min(text.size() / bytes_per_value + 1, most_values));
    error_ = text.size() > most_bytes ? most_bytes : json_check::first_error(text, notes_);
  }
  JsonDocument(JsonDocument const&) = delete;
  JsonDocument& operator=(JsonDocument const&) = delete;

  /// Where the text stops being one valid JSON value: see first_json_error. Texts over 4 GiB are not read.
  std::optional<std::size_t> error() const noexcept { return error_; }
  /// There are more than most_values: what is beyond them was validated, but is not kept.
  bool has_too_many_values() const noexcept { return notes_.is_full; }
  /// The outermost value of a valid text.
  JsonMember root() const noexcept { return notes_.nodes.front().member(); }

 private:
  static constexpr std::size_t most_bytes = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t bytes_per_value = 16;  // of transcripts full of calls; prose has far more

  struct Notes {
    void key(std::string_view inner, bool escaped) noexcept {
      key_ = inner;
      key_escaped_ = escaped;
    }
    void open(JsonKind kind, char const* at) {
      open_[depth_++] = static_cast<std::uint32_t>(nodes.size());
      add(kind, {at, 0}, false);
    }
    void close(char const* end) noexcept {
      std::uint32_t const at = open_[--depth_];
      if (at == nodes.size()) return;  // there was no place for it
      JsonNode& node = nodes[at];
      node.value_size = static_cast<std::uint32_t>(end - node.value);
      node.inside = static_cast<std::uint32_t>(nodes.size()) - at - 1;
    }
    void scalar(JsonKind kind, std::string_view value, bool escaped) { add(kind, value, escaped); }

    std::vector<JsonNode> nodes;
    bool is_full{false};

   private:
    void add(JsonKind kind, std::string_view value, bool escaped) {
      if (nodes.size() == most_values) return void(is_full = true);
      nodes.push_back({key_.data(), value.data(), static_cast<std::uint32_t>(key_.size()),
                       static_cast<std::uint32_t>(value.size()), 0, kind, key_escaped_, escaped});
      key_ = {};
      key_escaped_ = false;
    }

    std::string_view key_;  // of the value that comes next
    bool key_escaped_{false};
    std::array<std::uint32_t, json_depth_limit> open_;  // the nodes whose end has not come
    std::size_t depth_{0};
  };

  Notes notes_;
  std::optional<std::size_t> error_;
};

}  // namespace lowart::dialect
