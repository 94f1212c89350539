#pragma once
/// Pair: two connected streams on one loop, for tests.

#include <lowart/net/stream.hpp>
#include <lowart/testing/run.hpp>

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::testing {

/// Two connected streams on one loop.
class Pair : public TestLoop {
 public:
  net::IoStep write(net::Stream& stream, std::string_view text) {
    return stream.try_write(std::span<std::string_view>(&text, 1));
  }
  bool becomes_readable(net::Stream& stream) {
    auto waiting = lowart::testing::start(io, stream.readable());
    settle();
    return waiting.done() && waiting.take();
  }
  std::string read(net::Stream& stream) {
    std::array<char, 65536> space;
    std::string all;
    for (;;) {
      net::IoStep const step = stream.try_read(space);
      if (!step.done()) return all;
      all.append(space.data(), step.bytes());
    }
  }

 private:
  using Local = boost::asio::local::stream_protocol::socket;
  static Local connected(Local& one, Local& two) {
    boost::asio::local::connect_pair(one, two);
    return std::move(one);
  }
  Local one_{io}, two_{io};

 public:
  net::Stream near{connected(one_, two_), clock};
  net::Stream far{std::move(two_), clock};
};

}  // namespace lowart::testing
