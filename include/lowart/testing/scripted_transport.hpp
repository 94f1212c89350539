#pragma once
/// ScriptedTransport: a network that answers, fails, stalls and breaks off as a test has written down.

#include <lowart/net/transport.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::testing {

/// What one exchange meets.
///
///     ScriptedAnswer(200).field("content-type", "text/event-stream").piece("data: ...").piece("...")
///     ScriptedAnswer(200).piece("half").then_fail(Error(Errc::connection_lost))
///     ScriptedAnswer::fail(Error(Errc::connect_failed))       before the head
///     ScriptedAnswer::stall()                                 no head until the call is interrupted
class ScriptedAnswer {
 public:
  explicit ScriptedAnswer(int status) : status_(status) {}
  static ScriptedAnswer fail(Error error) { return ScriptedAnswer(0).then_fail(std::move(error)); }
  static ScriptedAnswer stall() { return ScriptedAnswer(0).then_stall(); }
  /// A whole JSON answer with its length.
  static ScriptedAnswer json(int status, std::string body) {
    return ScriptedAnswer(status)
        .field("content-type", "application/json")
        .with_length(body.size())
        .piece(body);
  }

  /// `name` in lower case.
  ScriptedAnswer&& field(std::string name, std::string value) && {
    fields_.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
  ScriptedAnswer&& with_length(std::uint64_t length) && { return length_ = length, std::move(*this); }
  /// One read of the body.
  ScriptedAnswer&& piece(std::string bytes) && {
    return pieces_.push_back(std::move(bytes)), std::move(*this);
  }
  /// Time before the head, and before each piece.
  ScriptedAnswer&& after(Duration delay) && { return delay_ = delay, std::move(*this); }
  ScriptedAnswer&& every(Duration pause) && { return pause_ = pause, std::move(*this); }
  ScriptedAnswer&& then_fail(Error error) && { return error_ = std::move(error), std::move(*this); }
  ScriptedAnswer&& then_stall() && { return stalls_ = true, std::move(*this); }

 private:
  friend class ScriptedTransport;
  friend class ScriptedExchange;
  int status_;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::vector<std::string> pieces_;
  std::optional<std::uint64_t> length_;
  std::optional<Error> error_;
  Duration delay_{};
  Duration pause_{};
  bool stalls_{false};
};

/// How exchanges ended; for tests of what becomes of a connection.
struct ExchangeCounts {
  std::size_t completed{0};  ///< Read to the end, or finish() was called: the connection could serve on.
  std::size_t dropped{0};    ///< The connection would be closed.
};

/// What was sent.
struct RecordedRequest {
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::vector<std::size_t> piece_sizes;

  /// The value of a field, by the name as it was set; empty when absent.
  std::string_view field(std::string_view name) const noexcept {
    for (auto const& [key, value] : fields)
      if (key == name) return value;
    return {};
  }
};

class ScriptedExchange final : public net::Exchange {
 public:
  ScriptedExchange(ScriptedAnswer answer, Call& call, std::shared_ptr<ExchangeCounts> counts)
      : answer_(std::move(answer)), call_(call), counts_(std::move(counts)) {}
  ~ScriptedExchange() override { ++(ended_ ? counts_->completed : counts_->dropped); }

  int status() const noexcept override { return answer_.status_; }
  std::string_view field(std::string_view name) const noexcept override {
    for (auto const& [key, value] : answer_.fields_)
      if (key == name) return value;
    return {};
  }
  std::optional<std::uint64_t> content_length() const noexcept override { return answer_.length_; }

  Task<Result<std::span<char>>> read() override {
    bool const waited = answer_.pause_.count() == 0 || co_await call_.clock().sleep(answer_.pause_, call_);
    if (!waited || call_.interruption()) co_return lowart::fail(call_.interruption_error());
    if (next_ < answer_.pieces_.size()) {
      // A fresh block of the exact size: whoever keeps a view over the next read is caught by a sanitizer.
      std::string const& piece = answer_.pieces_[next_++];
      current_.reset(new char[piece.size()]);
      piece.copy(current_.get(), piece.size());
      co_return std::span<char>(current_.get(), piece.size());
    }
    if (answer_.error_) co_return lowart::fail(*answer_.error_);
    if (answer_.stalls_) {
      bool waiting = true;
      while (waiting) waiting = co_await call_.clock().sleep(std::chrono::hours(10'000), call_);
      co_return lowart::fail(call_.interruption_error());
    }
    ended_ = true;
    co_return std::span<char>();
  }
  void finish() override { ended_ = true; }

 private:
  ScriptedAnswer answer_;
  Call& call_;
  std::shared_ptr<ExchangeCounts> counts_;
  std::unique_ptr<char[]> current_;
  std::size_t next_{0};
  bool ended_{false};
};

/// Gives one ScriptedAnswer per exchange, in order, and records what was sent. An exchange after the last one
/// fails with Errc::connect_failed. Copies share everything. One thread.
class ScriptedTransport {
 public:
  explicit ScriptedTransport(std::vector<ScriptedAnswer> answers) : shared_(std::make_shared<Shared>()) {
    shared_->answers = std::move(answers);
  }

  std::vector<RecordedRequest> const& requests() const noexcept { return shared_->requests; }
  ExchangeCounts const& exchanges() const noexcept { return *shared_->counts; }

  Task<Result<ArenaPtr<net::Exchange>>> exchange(net::HttpRequest const& request, Call& call) {
    std::size_t const index = shared_->requests.size();
    record(request);
    for (bool more = request.source() != nullptr; more;) {
      Result<std::string_view> const piece = co_await request.source()->next(call);
      if (!piece) co_return lowart::fail(piece.error());
      more = !piece->empty();
      shared_->requests[index].body += *piece;
      shared_->requests[index].piece_sizes.push_back(piece->size());
    }
    if (index >= shared_->answers.size())
      co_return lowart::fail(Errc::connect_failed, "the script is over", Origin::upstream);
    ScriptedAnswer answer = shared_->answers[index];
    bool const waited = answer.delay_.count() == 0 || co_await call.clock().sleep(answer.delay_, call);
    if (!waited || call.interruption()) co_return lowart::fail(call.interruption_error());
    if (answer.status_ == 0 && answer.error_) co_return lowart::fail(*answer.error_);
    if (answer.status_ == 0) {
      bool waiting = true;
      while (waiting) waiting = co_await call.clock().sleep(std::chrono::hours(10'000), call);
      co_return lowart::fail(call.interruption_error());
    }
    ArenaPtr<net::Exchange> exchange = call.make<ScriptedExchange>(std::move(answer), call, shared_->counts);
    co_return exchange;
  }

 private:
  struct Shared {
    std::vector<ScriptedAnswer> answers;
    std::vector<RecordedRequest> requests;
    std::shared_ptr<ExchangeCounts> counts = std::make_shared<ExchangeCounts>();
  };

  void record(net::HttpRequest const& request) {
    RecordedRequest& kept = shared_->requests.emplace_back();
    kept.method = request.method();
    kept.path = request.path();
    for (auto const& [name, value] : request.fields()) kept.fields.emplace_back(name, value);
    for (auto piece : request.pieces()) {
      kept.body += piece;
      kept.piece_sizes.push_back(piece.size());
    }
  }

  std::shared_ptr<Shared> shared_;
};

static_assert(net::Transport<ScriptedTransport>);

}  // namespace lowart::testing
