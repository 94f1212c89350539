#pragma once
/// ClientDeadline: how long the client says that it will wait, and the end of its call then.

#include <lowart/core/call.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart {

/// A header field by which clients tell how long they wait for an answer to begin.
struct DeadlineField {
  std::string_view name;  ///< In lower case.
  std::chrono::milliseconds unit;
};
/// The SDKs of OpenAI and Anthropic: for TypeScript and Go the time for the whole request, for Python the time that httpx
/// waits for a byte, both in seconds. A client's proxy of Envoy's kind: milliseconds.
inline constexpr std::array<DeadlineField, 3> deadline_fields{
    {{"x-stainless-timeout", std::chrono::seconds(1)},
     {"x-stainless-read-timeout", std::chrono::seconds(1)},
     {"x-envoy-expected-rq-timeout-ms", std::chrono::milliseconds(1)}}};

/// The time that a field's value says; nullopt when it is no number above 0. Longer ones than a day are a day.
inline std::optional<std::chrono::milliseconds> read_deadline(std::string_view value,
                                                              std::chrono::milliseconds unit) noexcept {
  constexpr double most = 86'400'000;
  bool const begins_well =
      !value.empty() && value.front() >= '0' && value.front() <= '9';  // "inf" is a number too
  if (!begins_well) return std::nullopt;
  double number = 0;
  auto const [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), number, std::chars_format::fixed);
  if (error != std::errc() || end != value.data() + value.size() || !(number > 0)) return std::nullopt;
  double const ms = std::min(number * static_cast<double>(unit.count()), most);
  if (ms < 1) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

/// How long the client waits for its answer to begin: the least that it says; nullopt when it says nothing. What cannot
/// be read says nothing: it is a hint of the client's library, which its program may not know of.
template <class Fields>
std::optional<std::chrono::milliseconds> client_deadline(Fields const& fields) noexcept {
  std::optional<std::chrono::milliseconds> least;
  for (DeadlineField const& field : deadline_fields) {
    auto const value = fields.find(field.name);
    if (!value) continue;
    auto const said = read_deadline(*value, field.unit);
    if (said && (!least || *said < *least)) least = said;
  }
  return least;
}

/// Ends a call when its client does not wait any more: whatever it waits for then fails with Errc::client_deadline. Lives
/// until the answer has begun; the call outlives it.
class ClientDeadline {
 public:
  /// Counts from `since`. Rings early enough for the client to hear of it, by a tenth of a second or a quarter of its
  /// time: clocks tick every 50 ms.
  ClientDeadline(Call& call, TimePoint since, std::chrono::milliseconds within)
      : call_(call), alarm_(call.clock(), ring, this) {
    std::chrono::milliseconds const early = std::min(std::chrono::milliseconds(100), within / 4);
    alarm_.set(since + within - early);
  }
  ClientDeadline(ClientDeadline const&) = delete;
  ClientDeadline& operator=(ClientDeadline const&) = delete;
  /// The answer has begun, also when the time was over just now.
  ~ClientDeadline() { call_.take_back(Errc::client_deadline); }

 private:
  static void ring(void* self) {
    Call& call = static_cast<ClientDeadline*>(self)->call_;
    // Where a clock of the call was first, its owner will take that back: ring again with the next tick.
    if (call.interruption()) static_cast<ClientDeadline*>(self)->alarm_.set(call.now());
    else call.interrupt(Errc::client_deadline);
  }

  Call& call_;
  Alarm alarm_;
};

}  // namespace lowart
