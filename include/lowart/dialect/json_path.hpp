#pragma once
/// JsonPath: where a value stands in a document, "messages[2].content[0]", spelled only when somebody asks.

#include <cstddef>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// A step from the path of the object or list around it, or a literal. Costs nothing until text().
///
/// Lifetime: a step looks at its parent and at its name, which must stay where they are while it is used. Hand paths
/// down, not up.
class JsonPath {
 public:
  JsonPath() = default;  ///< The document itself.
  JsonPath(char const* literal) noexcept
      : name_(literal) {}  // NOLINT(google-explicit-constructor): reads well

  static JsonPath of_member(JsonPath const& object, std::string_view name) noexcept {
    return JsonPath(object, name, no_index);
  }
  static JsonPath of_element(JsonPath const& list, std::size_t index) noexcept {
    return JsonPath(list, {}, index);
  }

  std::string text() const {
    std::string out;
    append_to(out);
    return out;
  }
  operator std::string() const {
    return text();
  }  // NOLINT(google-explicit-constructor): where errors are told

 private:
  static constexpr std::size_t no_index = static_cast<std::size_t>(-1);

  JsonPath(JsonPath const& parent, std::string_view name, std::size_t index) noexcept
      : parent_(&parent), name_(name), index_(index) {}

  // As deep as the code that reads the document, which is not as deep as the document.
  void append_to(std::string& out) const {  // NOLINT(misc-no-recursion)
    if (parent_ == nullptr) return void(out.append(name_));
    parent_->append_to(out);
    if (index_ != no_index) return void(out.append("[").append(std::to_string(index_)).append("]"));
    if (!out.empty()) out.push_back('.');
    out.append(name_);
  }

  JsonPath const* parent_{nullptr};
  std::string_view name_;
  std::size_t index_{no_index};
};

}  // namespace lowart::dialect
