#pragma once
/// Resolver: host names to addresses, remembered for half a minute per loop.

#include <lowart/core/call.hpp>
#include <lowart/core/config.hpp>
#include <lowart/net/connect_clock.hpp>
#include <lowart/net/loop.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace lowart::net {

/// The addresses of names. A name that is asked for by many calls at once is looked up once, on the thread
/// that Asio keeps for getaddrinfo; a call that gives up does not wait for it.
class Resolver final : public LoopResident {
 public:
  using Addresses = std::vector<asio::ip::tcp::endpoint>;
  /// getaddrinfo does not tell the time to live of a record; providers' records live a minute or so.
  static constexpr std::chrono::seconds remembered{30};
  static constexpr std::size_t most_names = 1024;

  explicit Resolver(Loop&) {}
  /// The resolver of this loop.
  static Resolver& of(Loop& loop) {
    static std::uint64_t const key = Loop::new_key();
    return loop.resident<Resolver>(key);
  }

  /// Errors: connect_failed naming the host, or what ended `clock`.
  LOWART_DECL Task<Result<Addresses>> resolve(std::string host, std::uint16_t port, Call& call,
                                              ConnectClock& clock);
  /// The address that answered shall be tried first from now on.
  LOWART_DECL void prefer(std::string const& host, asio::ip::tcp::endpoint const& address);
  /// Forgets a name whose addresses all failed.
  void forget(std::string const& host) { names_.erase(host); }

  void shut_down() noexcept override { names_.clear(); }
  bool deserted() const noexcept override { return false; }

 private:
  struct Lookup {
    explicit Lookup(asio::any_io_executor const& executor) : resolver(executor), ended(executor) {}
    asio::ip::tcp::resolver resolver;
    asio::steady_timer ended;  ///< Never expires; cancelled when the answer is here or a waiter gives up.
    boost::system::error_code error;
    Addresses found;
    TimePoint begun_at{};
    bool done{false};
  };

  /// The lookup that is under way, or whose answer still holds, or a new one.
  LOWART_DECL std::shared_ptr<Lookup> look_up(std::string const& host, Call& call);

  std::unordered_map<std::string, std::shared_ptr<Lookup>> names_;
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/resolver.ipp>
#endif
