#pragma once
/// OpenAiChatReader: reads along an OpenAI reply that passes by as bytes, and changes none of them.

#include <lowart/core/result.hpp>
#include <lowart/dialect/openai_content_scan.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/dialect/openai_repair.hpp>
#include <lowart/dialect/repeated_shape.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/net/sse.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// What the events of /v1/chat/completions and /v1/completions mean, for a ReplyReader.
///
/// Content, the commit point, is the first non-empty text, reasoning, refusal, tool call, audio or finish
/// reason. Roles, comments, filter results and empty choices come before it. For n > 1 the text of all
/// choices is joined in order of arrival.
///
/// Errors: an error event (an `error` member, or `event: error`) is the provider's failure, classified as
/// classify_upstream_error does; data that is not JSON is malformed_reply. Cost: about 40 ns for a usual event of 240
/// bytes (RepeatedShape), 0.3 us for one that is unlike the last.
class OpenAiEvents {
 public:
  /// `done_required` false: a finish_reason of every choice ends a stream as well as [DONE].
  /// `repair`: what strict clients would refuse is passed on repaired, see OpenAiRepair.
  explicit OpenAiEvents(bool done_required = true, bool repair = false) noexcept
      : done_required_(done_required), repairs_(repair) {}

  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    // An empty text needs a full look: it may leave the word to another member.
    if (auto const text = shape_.match(event.data); text && text->size() > 2 && event.event.empty()) {
      scan_.append_literal(*text, progress);
      ++progress.events;
      committed_ = true;
      return EventStep::more;
    }
    if (event.data == "[DONE]") {
      if (repairs_ && scan_.unfinished().any()) finish(true), rewrite(event, std::nullopt);
      return EventStep::done;
    }
    bool const named_error = event.event == "error";
    if (scan_.read(event.data, progress) != JsonScan::ok || named_error || scan_.error())
      return fail_event(event.data, named_error);
    if (scan_.content()) committed_ = true;
    if (scan_.texts() > 0) ++progress.events;
    bool const healthy = !repairs_ || !repair(event);
    // What was repaired must be looked at again the next time.
    if (healthy && scan_.texts() == 1) shape_.learn(event.data, scan_.only_text(), scan_.padding());
    return EventStep::more;
  }

  /// The text of a whole reply is gathered only when it reports no usage.
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    JsonScan const scan = scan_.read_whole(body, progress);
    if (scan == JsonScan::ok && scan_.error()) return fail_event(body, false);
    if (scan != JsonScan::ok || !scan_.has_choices()) {
      std::string message = "the provider's reply is not a completion";
      if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
      return fails(Error(Errc::malformed_reply, std::move(message), Origin::upstream));
    }
    committed_ = true;
    if (!repairs_ || !scan_.suspect()) return EventStep::done;
    if (auto repaired = OpenAiRepair::whole(body, scan_.choices_text())) instead_ = *std::move(repaired);
    return EventStep::done;
  }

  /// What stands in the place of the event (or whole reply) read last; empty: it passes as it came.
  std::string take_instead() noexcept { return std::exchange(instead_, {}); }
  bool has_instead() const noexcept { return !instead_.empty(); }

  Error error() const { return *failed_; }
  bool committed() const noexcept { return committed_; }
  bool may_end() const noexcept { return !done_required_ && scan_.all_finished(); }

 private:
  /// True when the event was none that can pass as it came.
  bool repair(net::SseEvent const& event) {
    if (scan_.begins()) repair_.begin(event.data);
    bool const ends = scan_.only_usage() && scan_.unfinished().any();
    if (ends) finish(false);
    else if (!scan_.usage_text().empty() && scan_.unfinished().any()) repair_.used(scan_.usage_text());
    std::optional<std::string> data;
    if (scan_.suspect()) data = repair_.chunk(event.data, scan_.begun_before());
    if (ends || data) rewrite(event, data);
    return ends || data;
  }

  void finish(bool repeats_usage) {
    repair_.finish(scan_.unfinished(), repeats_usage, instead_);
    scan_.finish_all();
  }

  /// Appends the event with this data, or as it came.
  void rewrite(net::SseEvent const& event, std::optional<std::string> const& data) {
    if (!data) return void(instead_.append(event.raw));
    std::less<> const before;
    bool const one_line = !before(event.data.data(), event.raw.data()) &&
                          before(event.data.data(), event.raw.data() + event.raw.size());
    if (!one_line) return net::SseWriter(instead_).write(*data, event.event, event.id);
    auto const at = static_cast<std::size_t>(event.data.data() - event.raw.data());
    instead_.append(event.raw, 0, at).append(*data).append(event.raw.substr(at + event.data.size()));
  }

  EventStep fails(Error error) {
    failed_ = std::move(error);
    return EventStep::failed;
  }
  EventStep fail_event(std::string_view data, bool named_error) {
    UpstreamErrorWords words;
    if (scan_.error()) words = read_openai_error_value(*scan_.error());
    else if (named_error) words = read_openai_error_body(data);
    else
      return fails(
          Error(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream));
    int const status = status_of_openai_error(words);
    Error error = classify_upstream_error(status, std::move(words));
    if (error.code() == Errc::upstream_rejected && is_openai_error_envelope(data))
      error.with_upstream_body(std::string(data));
    return fails(std::move(error));
  }

  OpenAiContentScan scan_;
  RepeatedShape shape_;
  OpenAiRepair repair_;
  std::string instead_;
  std::optional<Error> failed_;
  bool done_required_;
  bool repairs_;
  bool committed_{false};
};

using OpenAiChatReader = ReplyReader<OpenAiEvents>;

}  // namespace lowart::dialect
