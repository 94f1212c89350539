#pragma once
/// JournalSink: usage records go to the journal of the loop they were made on.

#include <lowart/gateway/runtime.hpp>
#include <lowart/meter/usage_sink.hpp>
#include <lowart/store/journal.hpp>

#include <memory>
#include <mutex>

namespace lowart {

/// Copies share the journal, which must have one writer more than the runtime has loops: the last one takes the
/// records of threads that run no loop.
class JournalSink {
 public:
  explicit JournalSink(std::shared_ptr<Journal> journal)
      : journal_(std::move(journal)), others_(std::make_shared<std::mutex>()) {}

  Result<void> append(UsageRecord const& record) {
    auto const last = journal_->writer_count() - 1;
    auto const loop = Runtime::this_loop();
    if (loop < last) return journal_->writer(loop).append(record);
    std::lock_guard const lock(*others_);
    return journal_->writer(last).append(record);
  }

 private:
  std::shared_ptr<Journal> journal_;
  std::shared_ptr<std::mutex> others_;
};
static_assert(UsageSink<JournalSink>);

}  // namespace lowart
