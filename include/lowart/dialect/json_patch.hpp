#pragma once
/// JsonPatch: small changes to a JSON text that otherwise stays as it came, to the byte.

#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Collects changes to one text and makes them all at once. Parts are named by views into that text, as the scans of
/// json_scan.hpp give them; changes must not overlap. The text must outlive the patch.
class JsonPatch {
 public:
  explicit JsonPatch(std::string_view text) noexcept : text_(text) {}

  /// Sets a member of `object` to this JSON value: `now` is the member as it stands there, if it does. A new one goes to
  /// the front; several new ones may be set where the object was not empty.
  void set(std::string_view object, std::optional<JsonMember> const& now, std::string_view name,
           std::string_view value) {
    if (now) return change(at(now->value), now->value.size(), std::string(value));
    std::string member("\"");
    member.append(name).append("\":").append(value);
    std::size_t const first = object.find_first_not_of(" \t\r\n", 1);
    if (first != std::string_view::npos && object[first] != '}') member.push_back(',');
    change(at(object) + 1, 0, std::move(member));
  }

  /// Takes a member out, and one comma beside it.
  void remove(JsonMember const& member) {
    std::size_t begin = at(member.key) - 1;
    std::size_t end = at(member.value) + member.value.size();
    std::size_t const behind = text_.find_first_not_of(" \t\r\n", end);
    if (behind != std::string_view::npos && text_[behind] == ',') {
      end = behind + 1;
    } else if (std::size_t const before = text_.find_last_not_of(" \t\r\n", begin - 1);
               before != std::string_view::npos && text_[before] == ',') {
      begin = before;
    }
    change(begin, end - begin, {});
  }

  bool empty() const noexcept { return changes_.empty(); }

  /// The text with the changes made.
  std::string made() const {
    std::string out;
    std::size_t done = 0;
    for (Change const& change : changes_) {
      out.append(text_, done, change.at - done).append(change.with);
      done = change.at + change.size;
    }
    return out.append(text_, done, text_.size() - done);
  }

 private:
  struct Change {
    std::size_t at;
    std::size_t size;
    std::string with;
  };
  std::size_t at(std::string_view part) const noexcept {
    return static_cast<std::size_t>(part.data() - text_.data());
  }
  void change(std::size_t at, std::size_t size, std::string with) {
    auto const behind = std::upper_bound(changes_.begin(), changes_.end(), at,
                                         [](std::size_t place, Change const& c) { return place < c.at; });
    changes_.insert(behind, {at, size, std::move(with)});
  }

  std::string_view text_;
  std::vector<Change> changes_;  ///< In the order of the text.
};

}  // namespace lowart::dialect
