#pragma once
/// Client: one connection to the gateway, its calls one after the other, and the ways in which clients misbehave.

#include <memory>
#include <vector>

#include "http_reader.hpp"
#include "kernel.hpp"
#include "ledger.hpp"

namespace lowart::sim {

/// How a client behaves.
struct Manners {
  enum class Leaving : std::uint8_t { stays, ends, resets };
  Leaving leaving{Leaving::stays};
  Nanos leaves_after{};       ///< Counted from its connecting.
  bool reads_slowly{false};   ///< Takes little, and seldom.
  bool stops_sending{false};  ///< In the middle of its last request.
  Nanos begins_after{};
  Nanos thinks{};               ///< Between two calls.
  std::size_t room{64 * 1024};  ///< Bytes of an answer that are on their way at most.
};

class Client : public Peer, public std::enable_shared_from_this<Client> {
 public:
  /// `calls`: numbers in the ledger, asked in this order.
  Client(Kernel& kernel, Ledger& ledger, Manners manners, std::vector<int> calls)
      : kernel_(kernel), ledger_(ledger), manners_(manners), calls_(std::move(calls)) {}

  /// Begins when its time has come. `port` is the gateway's.
  void start(std::uint16_t port);
  /// It will do nothing more.
  bool over() const noexcept { return over_; }

  void on_bytes(Wire& wire) override;
  void on_closed(Wire& wire, bool reset) override;

 private:
  CallLog& log() { return *ledger_.call(calls_[at_]); }
  Random& random() { return kernel_.random(); }
  void connect(std::uint16_t port);
  void ask();
  void send_some();
  void take_slowly();
  void answer_came();
  void leave();
  void finish();

  Kernel& kernel_;
  Ledger& ledger_;
  Manners manners_;
  std::vector<int> calls_;
  std::size_t at_{0};
  std::shared_ptr<Wire> wire_;
  std::string unsent_;
  HttpReader answer_{true};
  bool asking_{false};
  bool over_{false};
  bool taking_{false};
};

}  // namespace lowart::sim
