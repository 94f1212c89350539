#pragma once
/// RequestKeeping: the request log of a running server, with what its events and metrics tell.

#include "config.hpp"
#include "event_log.hpp"

#include <lowart/gateway/content_keeper.hpp>
#include <lowart/gateway/keep_content.hpp>
#include <lowart/gateway/loop_state.hpp>
#include <lowart/store/request_writer.hpp>

#include <memory>
#include <string>
#include <utility>

namespace lowart::server {

class RequestKeeping {
 public:
  /// Opens `<data>/requests` and starts its thread.
  static Result<std::unique_ptr<RequestKeeping>> start(std::string const& data,
                                                       RequestLogConfig const& config) {
    auto log = RequestLog::open(data + "/requests", config.files);
    if (!log) return tl::unexpected(std::move(log).error());
    return std::unique_ptr<RequestKeeping>(new RequestKeeping(std::move(*log), config));
  }
  /// The doors of a loop write to it from now on.
  void attach(LoopState& loop) noexcept {
    loop.requests = &writer_.queue();
    loop.content = keep_content_ ? &keep_content_ : nullptr;
  }
  RequestWriter& writer() noexcept { return writer_; }

  void render(PrometheusText& out) const {
    out.head("gateway_request_log_written_total", "counter", "Requests written to the request log");
    out.sample("gateway_request_log_written_total", "", writer_.written());
    out.head("gateway_request_log_dropped_total", "counter", "Requests that the request log does not have");
    out.sample("gateway_request_log_dropped_total", "", writer_.queue().dropped());
    out.head("gateway_request_log_failures_total", "counter",
             "Attempts to write or tidy the request log that failed");
    out.sample("gateway_request_log_failures_total", "", writer_.failures());
  }

 private:
  RequestKeeping(RequestLog log, RequestLogConfig const& config)
      : keep_content_(config.content ? KeepContent(keeper_of(config)) : KeepContent()),
        writer_(std::move(log), RequestQueueLimits{.bytes = config.queue_bytes}, options()) {}

  static ContentKeeper keeper_of(RequestLogConfig const& config) {
    Redactor redactor;
    for (auto const& name : config.builtin)
      if (auto const kind = Redactor::kind_named(name)) redactor.add(*kind);
    for (auto const& [pattern, with] : config.redact) redactor.add(pattern, with);
    return ContentKeeper(std::move(redactor), config.content_bytes);
  }
  static RequestWriterOptions options() {
    RequestWriterOptions options;
    options.on_error = [](Error const& error) {
      log_event(Level::error, "request_log_failed", {{"error", error.message()}});
    };
    options.on_tidied = [](RequestTidied const& tidied) {
      for (auto const& file : tidied.archived) log_event(Level::info, "requests_archived", {{"file", file}});
      for (auto const& file : tidied.deleted) log_event(Level::info, "requests_deleted", {{"file", file}});
    };
    return options;
  }

  KeepContent keep_content_;  ///< Outlives the thread that calls it.
  RequestWriter writer_;
};

}  // namespace lowart::server
