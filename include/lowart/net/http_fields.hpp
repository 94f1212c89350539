#pragma once
/// Fields: the header fields of one message, as offsets into the buffer that holds its head.

#include <lowart/net/http_chars.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace lowart::net {

/// One header field; both views point into the head buffer. The value has no blanks around it.
struct Field {
  std::string_view name;
  std::string_view value;
};

/// A table of at most 128 fields, 8 bytes each, about 1 KB, no allocation.
///
/// The views it gives live as long as the bytes do. When those bytes move to another address, call
/// `rebase`. Copying copies offsets, not bytes. Not thread safe; reading is.
class Fields {
 public:
  static constexpr std::size_t capacity = 128;

  // Leaves the table itself uninitialised on purpose: a head of 14 fields should not pay for 128.
  Fields() noexcept {}  // NOLINT(modernize-use-equals-default)

  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  Field operator[](std::size_t i) const noexcept {
    Entry const& e = entries_[i];
    return {{base_ + e.name_at, e.name_size}, {base_ + e.value_at, e.value_size}};
  }

  /// The value of the first field of this name, ignoring case; nothing when there is none.
  std::optional<std::string_view> find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
      if (entries_[i].name_size == name.size())
        if (Field const field = (*this)[i]; equal_ignoring_case(field.name, name)) return field.value;
    return std::nullopt;
  }
  /// The same, empty when there is none.
  std::string_view get(std::string_view name) const noexcept {
    return find(name).value_or(std::string_view());
  }
  bool has(std::string_view name) const noexcept { return find(name).has_value(); }
  /// How many fields have this name.
  std::size_t count(std::string_view name) const noexcept {
    std::size_t n = 0;
    for (Field const field : *this) n += equal_ignoring_case(field.name, name) ? 1U : 0U;
    return n;
  }

  class const_iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::forward_iterator_tag;
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    using reference = Field;
    using pointer = void;

    const_iterator() = default;
    const_iterator(Fields const& fields, std::size_t at) noexcept : fields_(&fields), at_(at) {}
    Field operator*() const noexcept { return (*fields_)[at_]; }
    const_iterator& operator++() noexcept { return ++at_, *this; }
    const_iterator operator++(int) noexcept {
      auto const before = *this;
      return ++at_, before;
    }
    friend bool operator==(const_iterator const&, const_iterator const&) = default;

   private:
    Fields const* fields_ = nullptr;
    std::size_t at_ = 0;
  };

  const_iterator begin() const noexcept { return {*this, 0}; }
  const_iterator end() const noexcept { return {*this, count_}; }

  /// The head's bytes are (now) at `base`.
  void rebase(char const* base) noexcept { base_ = base; }
  char const* base() const noexcept { return base_; }
  void clear() noexcept { count_ = 0; }

  /// Adds a field whose views lie in the first 65535 bytes at `base`. False when the table is full.
  bool add(std::string_view name, std::string_view value) noexcept {
    if (count_ == capacity) return false;
    entries_[count_++] = Entry{offset(name.data()), static_cast<std::uint16_t>(name.size()),
                               offset(value.data()), static_cast<std::uint16_t>(value.size())};
    return true;
  }

 private:
  struct Entry {
    std::uint16_t name_at, name_size, value_at, value_size;
  };

  std::uint16_t offset(char const* p) const noexcept { return static_cast<std::uint16_t>(p - base_); }

  char const* base_ = nullptr;
  std::size_t count_ = 0;
  Entry entries_[capacity];
};

}  // namespace lowart::net
