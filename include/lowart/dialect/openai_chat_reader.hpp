#pragma once
/// OpenAiChatReader: reads along an OpenAI reply that passes by as bytes, and changes none of them.

#include <lowart/core/result.hpp>
#include <lowart/dialect/openai_content_scan.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/dialect/repeated_shape.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/net/sse.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Trivial on purpose: see the await rules.
struct OpenAiReaderOptions {
  std::size_t event_bytes{16U << 20U};  ///< Longest event; a longer one is malformed_reply.
  bool terminal_done_required{
      true};  ///< False: a finish_reason of every choice ends a stream as well as [DONE].
};

/// Reads along one reply of /v1/chat/completions or /v1/completions: has it begun, is it complete, did it
/// fail, what was used, what was said. The text, the usage, the finish reason and the number of events with
/// content go to a ReplyProgress.
///
/// Content, the commit point, is the first non-empty text, reasoning, refusal, tool call, audio or finish
/// reason. Roles, comments, filter results and empty choices come before it. For n > 1 the text of all
/// choices is joined in order of arrival. After [DONE] everything is ignored. Any cut of the bytes gives the
/// same findings.
///
/// Errors: an error event (an `error` member, or `event: error`) is the provider's failure, classified as
/// classify_openai_error does; data that is not JSON and an event over the limit are malformed_reply. The
/// first error is final. Cost: about 40 ns for a usual event of 240 bytes (RepeatedShape), 0.3 us for one
/// that is unlike the last. Concurrency: one value per reply, one thread at a time.
class OpenAiChatReader {
 public:
  explicit OpenAiChatReader(OpenAiReaderOptions options = {}) noexcept
      : splitter_(net::SseLimits{.event_bytes = options.event_bytes}), options_(options) {}

  /// Reads the next bytes of a stream.
  Result<void> feed(std::string_view bytes, ReplyProgress& progress);
  /// Reads a whole JSON reply. It is committed and done when it is one. Its text is gathered only when it reports no
  /// usage.
  Result<void> whole(std::string_view body, ReplyProgress& progress);

  /// Content was seen: the reply has begun.
  bool committed() const noexcept { return committed_; }
  /// The terminal event was seen: nothing that follows matters.
  bool done() const noexcept { return done_; }
  /// A stream that ends here is complete. Ask at the end of the body.
  bool may_end() const noexcept {
    return done_ || (!options_.terminal_done_required && !failed_ && !splitter_.inside_event() &&
                     scan_.all_finished());
  }
  /// How many of the bytes last fed belong to whole events before an error and up to [DONE]: what may be
  /// passed on when only whole good events are. The rest is the beginning of an event, or not to be passed
  /// on.
  std::size_t good_bytes() const noexcept { return good_bytes_; }
  /// The stream stands inside an event that has begun but not ended.
  bool inside_event() const noexcept { return splitter_.inside_event(); }

 private:
  bool read_event(net::SseEvent const& event, ReplyProgress& progress);
  void fail_with(Error error) { failed_ = std::move(error); }
  void fail_event(std::string_view data, bool named_error);
  Result<void> result() const {
    if (failed_) return tl::unexpected<Error>(*failed_);
    return {};
  }

  net::SseSplitter splitter_;
  OpenAiContentScan scan_;
  RepeatedShape shape_;
  std::optional<Error> failed_;
  std::size_t good_bytes_{0};
  OpenAiReaderOptions options_;
  bool committed_{false};
  bool done_{false};
};

inline Result<void> OpenAiChatReader::feed(std::string_view bytes, ReplyProgress& progress) {
  good_bytes_ = 0;
  if (failed_) return result();
  if (done_) return {};
  // Where the good events end; an event that began in an earlier read ends in this one by what was not held.
  std::size_t held = splitter_.held().size();
  std::size_t good = 0;
  bool ended = false;
  auto const step =
      splitter_.feed(std::span<char const>(bytes.data(), bytes.size()), [&](net::SseEvent const& e) {
        bool const more = read_event(e, progress);
        if (!failed_) {
          bool const here = !std::less<>()(e.raw.data(), bytes.data()) &&
                            std::less<>()(e.raw.data(), bytes.data() + bytes.size());
          std::size_t const before = here ? static_cast<std::size_t>(e.raw.data() - bytes.data()) : 0;
          good = before + e.raw.size() - (here ? 0 : std::min(e.raw.size(), held));
        }
        held = 0;
        ended = !more;
        return more;
      });
  if (step == net::SseStep::too_large)
    fail_with(Error(Errc::malformed_reply, "an event of the provider's stream is over the size limit",
                    Origin::upstream));
  bool const at_line_start = bytes.empty() || bytes.back() == '\n' || bytes.back() == '\r';
  bool const all = !ended && !failed_ && at_line_start && !splitter_.inside_event();
  good_bytes_ = all ? bytes.size() : std::min(good, bytes.size());
  return result();
}

inline bool OpenAiChatReader::read_event(net::SseEvent const& event, ReplyProgress& progress) {
  // An empty text needs a full look: it may leave the word to another member.
  if (auto const text = shape_.match(event.data); text && text->size() > 2 && event.event.empty()) {
    scan_.append_literal(*text, progress);
    ++progress.events;
    return committed_ = true;
  }
  if (event.data == "[DONE]") {
    done_ = true;
    return false;
  }
  bool const named_error = event.event == "error";
  if (scan_.read(event.data, progress) != JsonScan::ok || named_error || scan_.error()) {
    fail_event(event.data, named_error);
    return false;
  }
  if (scan_.content()) committed_ = true;
  if (scan_.texts() > 0) ++progress.events;
  if (scan_.texts() == 1) shape_.learn(event.data, scan_.only_text(), scan_.padding());
  return true;
}

inline void OpenAiChatReader::fail_event(std::string_view data, bool named_error) {
  OpenAiErrorFields fields;
  if (scan_.error()) fields = read_openai_error_value(*scan_.error());
  else if (named_error) fields = read_openai_error_body(data);
  else
    return fail_with(
        Error(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream));
  int const status = status_of_openai_error(fields);
  Error error = classify_openai_error(status, std::move(fields));
  if (error.code() == Errc::upstream_rejected && is_openai_error_envelope(data))
    std::move(error).with_upstream_body(std::string(data));
  fail_with(std::move(error));
}

inline Result<void> OpenAiChatReader::whole(std::string_view body, ReplyProgress& progress) {
  good_bytes_ = 0;
  if (failed_) return result();
  JsonScan const scan = scan_.read_whole(body, progress);
  if (scan == JsonScan::ok && scan_.error()) {
    fail_event(body, false);
  } else if (scan != JsonScan::ok || !scan_.has_choices()) {
    std::string message = "the provider's reply is not a completion";
    if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
    fail_with(Error(Errc::malformed_reply, std::move(message), Origin::upstream));
  } else {
    committed_ = done_ = true;
    good_bytes_ = body.size();
  }
  return result();
}

}  // namespace lowart::dialect
