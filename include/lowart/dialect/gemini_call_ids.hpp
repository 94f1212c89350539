#pragma once
/// GeminiCallIds: which call a function's response answers, where Gemini leaves the ids out.

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Walks along a conversation. Gemini's calls have an id seldom, its responses the name of the function: a response
/// without an id answers the first open call of its name. The ids made here are the same for the same conversation.
class GeminiCallIds {
 public:
  /// The id that the next call gets when it comes without one: "call_0_get_weather".
  std::string next_id(std::string_view name) const {
    constexpr std::size_t longest = 40;  // what OpenAI takes
    std::string id = prefix();
    for (char const c : name.substr(0, longest - id.size())) {
      bool const plain =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
      id.push_back(plain ? c : '_');  // Anthropic takes no others
    }
    return id;
  }
  /// Whether next_id() would give this one.
  bool is_next(std::string_view id, std::string_view name) const {
    return may_be_next(id) && id == next_id(name);
  }
  /// A call was made.
  void call(std::string id, std::string name) {
    bool const made = is_next(id, name);
    if (calls_++ == 0) open_.reserve(32);
    open_.push_back({std::move(id), std::move(name), made, false});
  }
  /// The call that a response of this name answers, when it names no id; empty when none is open.
  std::string_view answered_by(std::string_view name) const noexcept {
    for (Open const& call : open_)
      if (!call.answered && call.name == name) return call.id;
    return {};
  }
  /// The first call that is open, of whatever name; empty when none is.
  std::string_view first_open() const noexcept {
    for (Open const& call : open_)
      if (!call.answered) return call.id;
    return {};
  }
  /// The id was made here, for the last call that has it.
  bool is_made(std::string_view id) const noexcept {
    Open const* const call = find(id);
    return call != nullptr && call->made;
  }
  /// A call was answered; of several with one id the first that is open.
  void answer(std::string_view id) noexcept {
    for (Open& call : open_) {
      if (call.answered || call.id != id) continue;
      call.answered = true;
      return;
    }
  }
  /// The name of the function that was called so, last; empty when it is not known.
  std::string_view name_of(std::string_view id) const noexcept {
    Open const* const call = find(id);
    return call != nullptr ? std::string_view(call->name) : std::string_view();
  }

 private:
  std::string prefix() const { return "call_" + std::to_string(calls_) + "_"; }
  /// False for the ids of providers, without making one.
  bool may_be_next(std::string_view id) const noexcept {
    constexpr std::string_view begin = "call_";
    if (!id.starts_with(begin)) return false;
    std::size_t number = 0;
    auto const [end, error] = std::from_chars(id.data() + begin.size(), id.data() + id.size(), number);
    return error == std::errc() && number == calls_ && end != id.data() + id.size() && *end == '_';
  }

  struct Open {
    std::string id;
    std::string name;
    bool made;
    bool answered;
  };
  Open const* find(std::string_view id) const noexcept {
    for (std::size_t i = open_.size(); i-- > 0;)
      if (open_[i].id == id) return &open_[i];
    return nullptr;
  }

  std::vector<Open> open_;
  std::size_t calls_{0};
};

}  // namespace lowart::dialect
