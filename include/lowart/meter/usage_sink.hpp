#pragma once
/// UsageSink: where a meter leaves the record of a finished call, without waiting.

#include <lowart/core/result.hpp>
#include <lowart/model/usage_record.hpp>

#include <concepts>
#include <memory>
#include <utility>

namespace lowart {

/// Takes a record and keeps it safe before it returns: the client's last bytes are sent after it. Called on many
/// threads. Models: JournalSink, NoSink.
template <class S>
concept UsageSink = requires(S& sink, UsageRecord const& record) {
  { sink.append(record) } -> std::same_as<Result<void>>;
};

/// Keeps nothing: for programs that only want answers.
struct NoSink {
  Result<void> append(UsageRecord const&) { return {}; }
};
static_assert(UsageSink<NoSink>);

}  // namespace lowart
