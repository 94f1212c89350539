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
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// A number by which most names differ.
constexpr std::uint8_t name_hash(std::string_view name) noexcept {
  if (name.empty()) return 0;
  return static_cast<std::uint8_t>(name.size() * 9U + static_cast<unsigned char>(name.front()) +
                                   5U * static_cast<unsigned char>(name.back()));
}

/// One value of a document. The nodes of what is inside it follow it.
struct JsonNode {
  char const* key;
  char const* value;
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t inside;  ///< How many of the nodes that follow are inside this one.
  JsonKind kind;
  bool key_escaped;
  bool escaped;           ///< A string with a backslash in it, or an object with a key that has one.
  std::uint8_t key_hash;  ///< name_hash() of the key as it is written.

  std::string_view name() const noexcept { return {key, key_size}; }
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

  explicit JsonDocument(std::string_view text)
      : notes_(std::min(text.size() / bytes_per_value + 1, most_values)),
        error_(text.size() > most_bytes ? most_bytes : json_check::first_error(text, notes_)) {}
  JsonDocument(JsonDocument const&) = delete;
  JsonDocument& operator=(JsonDocument const&) = delete;

  /// Where the text stops being one valid JSON value: see first_json_error. Texts over 4 GiB are not read.
  std::optional<std::size_t> error() const noexcept { return error_; }
  /// There are more than most_values: what is beyond them was validated, but is not kept.
  bool has_too_many_values() const noexcept { return notes_.is_full(); }
  /// The outermost value of a valid text.
  JsonMember root() const noexcept { return notes_.first().member(); }

 private:
  static constexpr std::size_t most_bytes = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t bytes_per_value = 16;  // of transcripts full of calls; prose has far more

  class Notes {
   public:
    explicit Notes(std::size_t room)
        : nodes_(std::make_unique_for_overwrite<JsonNode[]>(room)), next_(nodes_.get()), end_(next_ + room) {}

    void open(json_check::Key const& key, JsonKind kind, char const* at) {
      open_[++depth_] = add(key, kind, {at, at}, false);
    }
    void close(char const* end) noexcept {
      std::uint32_t const at = open_[depth_--];
      if (at == no_place) return;
      JsonNode& node = nodes_[at];
      node.value_size = static_cast<std::uint32_t>(end - node.value);
      node.inside = size() - at - 1;
    }
    void scalar(json_check::Key const& key, JsonKind kind, std::string_view value, bool escaped) {
      add(key, kind, value, escaped);
    }

    JsonNode const& first() const noexcept { return nodes_[0]; }
    bool is_full() const noexcept { return is_full_; }

   private:
    static constexpr std::uint32_t no_place = most_values;

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(next_ - nodes_.get()); }
    /// Which one it is.
    std::uint32_t add(json_check::Key const& key, JsonKind kind, std::string_view value, bool escaped) {
      if (next_ == end_ && !grow()) return no_place;
      JsonNode& node = *next_++;
      node.key = key.inner.data();
      node.value = value.data();
      node.key_size = static_cast<std::uint32_t>(key.inner.size());
      node.value_size = static_cast<std::uint32_t>(value.size());
      node.inside = 0;
      node.kind = kind;
      node.key_escaped = key.escaped;
      node.escaped = escaped;
      node.key_hash = name_hash(key.inner);
      if (key.escaped) nodes_[open_[depth_]].escaped = true;
      return size() - 1;
    }
    [[gnu::noinline]] bool grow() {
      std::uint32_t const used = size();
      is_full_ = used == most_values;
      if (is_full_) return false;
      std::size_t const room = std::min(most_values, std::size_t{2} * used);
      auto more = std::make_unique_for_overwrite<JsonNode[]>(room);
      std::copy_n(nodes_.get(), used, more.get());
      nodes_ = std::move(more);
      next_ = nodes_.get() + used;
      end_ = nodes_.get() + room;
      return true;
    }

    std::unique_ptr<JsonNode[]> nodes_;
    JsonNode* next_;
    JsonNode* end_;
    std::size_t depth_{0};
    std::array<std::uint32_t, json_depth_limit + 1> open_;  // the nodes whose end has not come, from 1
    bool is_full_{false};
  };

  Notes notes_;
  std::optional<std::size_t> error_;
};

}  // namespace lowart::dialect
