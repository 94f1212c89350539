#pragma once
/// HttpPool: the connections of one loop to one provider.

#include <lowart/net/body_framing.hpp>
#include <lowart/net/connector.hpp>
#include <lowart/net/loop.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace lowart::net {

/// How an HttpTransport treats its connections.
struct HttpOptions {
  std::string ca_file;                ///< PEM file of authorities for https; empty: the system's.
  bool verify{true};                  ///< False trusts any certificate. For experiments only.
  std::size_t max_idle_per_loop{64};  ///< Idle connections kept; more are closed.
  std::chrono::seconds idle{60};      ///< Kept this long; below the 75 s after which servers usually close.
  std::size_t max_response_head{32 * 1024};  ///< Bytes, at most 65535. A longer one is malformed_reply.
};

/// What one loop's connections to one provider did.
struct HttpPoolStats {
  std::size_t open{0};        ///< Now, idle ones included.
  std::size_t idle{0};        ///< Now.
  std::uint64_t connects{0};  ///< Connections made.
  std::uint64_t reuses{0};    ///< Exchanges begun on a connection that had served before.
  std::uint64_t repeats{0};   ///< Exchanges begun anew because the server had closed an idle connection.
};

/// What all copies of one HttpTransport share. Immutable.
struct HttpTarget {
  BaseUrl url;
  HttpOptions options;
  std::optional<TlsContext> tls;
  std::uint64_t key;  ///< Of the pools, see Loop::resident.
};

/// Idle connections, last used first. Those that were idle too long are closed when the pool is next used or tidied: it
/// has no timer, so an io_context with nothing else to do can end.
class HttpPool final : public LoopResident {
 public:
  /// A connection on loan. Destroying it closes it.
  class Connection {
   public:
    Connection(HttpPool& pool, Stream stream) : stream_(std::move(stream)), pool_(pool) {
      ++pool_.stats_.open;
    }
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;
    ~Connection() {
      stream_.close();
      --pool_.stats_.open;
    }
    Stream& stream() noexcept { return stream_; }

   private:
    friend class HttpPool;
    Stream stream_;
    HttpPool& pool_;
    TimePoint idle_since_{};
    BodyFraming unread_;  ///< What of the last answer is still to come.
  };
  using Loan = std::unique_ptr<Connection>;

  HttpPool(Loop& loop, std::shared_ptr<HttpTarget const> const& target)
      : loop_(loop),
        target_(target),
        max_idle_(target->options.max_idle_per_loop),
        idle_limit_(target->options.idle) {
    idle_.reserve(max_idle_);
  }

  /// An idle connection that looks alive, or null.
  LOWART_DECL Loan take();
  /// A new connection; null when connect() failed, as `error` then says.
  LOWART_DECL Task<Loan> dial(HttpTarget const& target, Call& call, std::optional<Error>& error);
  /// Keeps a connection for the next call. Nothing of the last answer may be unread.
  LOWART_DECL void give_back(Loan connection);
  /// The same for a connection whose last answer is about to end: it serves the next call if its end, within
  /// 16 KB, is there by then. Nobody waits for it, and after a second nobody trusts it.
  LOWART_DECL void give_back_before_end(Loan connection, BodyFraming const& rest);

  HttpPoolStats stats() const noexcept {
    HttpPoolStats now = stats_;
    now.idle = idle_.size();
    return now;
  }
  void count_repeat() noexcept { ++stats_.repeats; }
  Loop& loop() noexcept { return loop_; }

  void shut_down() noexcept override {
    down_ = true;
    idle_.clear();
  }
  /// Closes idle connections that are stale, or whose peer is gone.
  LOWART_DECL void tidy() override;
  bool deserted() const noexcept override { return target_.expired() && stats_.open == idle_.size(); }

 private:
  enum class Look : std::uint8_t { good, not_yet, bad };
  LOWART_DECL Look look(Connection& connection);

  Loop& loop_;
  std::weak_ptr<HttpTarget const> target_;
  std::size_t max_idle_;
  Duration idle_limit_;
  HttpPoolStats stats_;
  TlsSession session_;      // Before idle_: the streams point to it.
  std::vector<Loan> idle_;  ///< Longest idle first.
  bool down_{false};
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/http_pool.ipp>
#endif
