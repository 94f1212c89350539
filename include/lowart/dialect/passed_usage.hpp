#pragma once
/// PassedEvents: the usage that an answer of some vendor's tells, whichever API it is of.

#include <lowart/dialect/anthropic_usage.hpp>
#include <lowart/dialect/gemini_usage.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/openai_operation.hpp>
#include <lowart/dialect/reply_reader.hpp>

#include <cstddef>
#include <string_view>

namespace lowart::dialect {

/// The usage that stands in a JSON object: in `usage` in OpenAI's, Anthropic's or Cohere's words, also within `response`
/// or `message`, or in Gemini's `usageMetadata`. Empty where there is none.
inline Usage read_passed_usage(std::string_view object) {
  Usage usage;
  scan_object(object, [&](JsonMember const& member) {
    if (member.kind != JsonKind::object) return;
    if (member.key_is("usage")) {
      bool const is_anthropic = find_member(member.value, "cache_read_input_tokens").has_value();
      usage = is_anthropic ? read_anthropic_usage(member.value) : openai_operation::read_usage(member.value);
    } else if (member.key_is("usageMetadata")) {
      usage = read_gemini_usage(member.value, true);
    } else if (member.key_is("response") || member.key_is("message")) {
      if (auto const within = find_member(member.value, "usage"); within && within->kind == JsonKind::object)
        usage = read_passed_usage(member.value);
    }
  });
  return usage;
}

/// For ReplyReader. It knows no terminal event and no error: whatever comes, passes.
class PassedEvents {
 public:
  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    note(event.data, progress);
    ++progress.events;
    return EventStep::more;
  }
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    note(body, progress);
    return EventStep::done;
  }
  static Error error() { return Error(Errc::internal, "there was no error"); }
  static bool committed() noexcept { return true; }
  static bool may_end() noexcept { return true; }

 private:
  /// A later snapshot replaces what it tells, as Anthropic tells input first and output last.
  static void note(std::string_view json, ReplyProgress& progress) {
    if (auto const tier = find_member(json, "service_tier"))
      progress.served(as_string_view(tier->value).value_or(""));
    Usage const told = read_passed_usage(json);
    for (std::size_t i = 0; i < usage_class_count; ++i)
      if (auto const tokens = told.get(static_cast<UsageClass>(i)))
        progress.usage.set(static_cast<UsageClass>(i), *tokens);
  }
};

using PassedReader = ReplyReader<PassedEvents>;

}  // namespace lowart::dialect
