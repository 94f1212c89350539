#include "stream_pair.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <functional>
#include <string>

namespace lowart::outbox_test {
namespace {

using lowart::Task;
using lowart::net::Stream;
using lowart::testing::Pair;

// A second pair on the same loop, so that a turn has two things to do.
class TwoPairs : public Pair {
 public:
  using Turn = std::function<void()>;
  // Runs `first` and `second` in one turn of the loop, in this order or the other.
  void in_one_turn(Turn const& first, Turn const& second) {
    auto const wait = [](Stream& stream, Turn const& then) -> Task<bool> {
      bool const ready = co_await stream.until_readable();
      then();
      co_return ready;
    };
    // So that whether there is something is for the loop to find.
    EXPECT_EQ(read(near) + read(close_by), "");
    auto one = lowart::testing::start(io, wait(near, first));
    auto two = lowart::testing::start(io, wait(close_by, second));
    settle();
    EXPECT_TRUE(write(far, "go").done() && write(far_off, "go").done());
    settle();
    EXPECT_TRUE(one.done() && two.done());
  }
  // What the system holds for a stream, which nobody has asked yet.
  static std::string arrived(Stream const& stream) {
    std::array<char, 4096> space;
    ssize_t const got = ::recv(stream.native_handle(), space.data(), space.size(), MSG_PEEK | MSG_DONTWAIT);
    return {space.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }
  // Leaves no room in the socket, which the stream does not know of.
  static std::size_t fill(Stream const& stream) {
    std::string const much(64 * 1024, '.');
    std::size_t sent = 0;
    for (ssize_t n = 1; n > 0; sent += n > 0 ? static_cast<std::size_t>(n) : 0)
      n = ::send(stream.native_handle(), much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent;
  }

 private:
  boost::asio::local::stream_protocol::socket three_{io}, four_{io};
  struct Connect {
    Connect(boost::asio::local::stream_protocol::socket& a, boost::asio::local::stream_protocol::socket& b) {
      boost::asio::local::connect_pair(a, b);
    }
  } connect_{three_, four_};

 public:
  Stream close_by{std::move(three_), clock};
  Stream far_off{std::move(four_), clock};
};

TEST(Outbox, SendsTheSmallWritesOfATurnAtItsEnd) {
  TwoPairs pairs;
  std::string seen;
  auto const answer = [&](Stream& stream, Stream const& peer) {
    EXPECT_TRUE(pairs.write(stream, "first ").done());
    EXPECT_TRUE(pairs.write(stream, "second").done());
    EXPECT_TRUE(stream.is_behind());
    seen += pairs.arrived(peer);
  };
  pairs.in_one_turn([&] { answer(pairs.near, pairs.far); }, [&] { answer(pairs.close_by, pairs.far_off); });
  EXPECT_EQ(seen, "") << "sent before the turn was over";
  EXPECT_FALSE(pairs.near.is_behind() || pairs.close_by.is_behind());
  EXPECT_EQ(pairs.read(pairs.far), "first second");
  EXPECT_EQ(pairs.read(pairs.far_off), "first second");
  EXPECT_TRUE(net::Reactor::of(pairs.io).tidy());
  EXPECT_FALSE(net::Reactor::of(pairs.io).tidy()) << "there is nothing left to let go of";
}

TEST(Outbox, KeepsItsRoomWhileItIsInUse) {
  TwoPairs pairs;
  auto const write = [&](Stream& stream) {
    EXPECT_TRUE(pairs.write(stream, "kept").done());
    EXPECT_FALSE(net::Reactor::of(pairs.io).tidy());
  };
  pairs.in_one_turn([&] { write(pairs.near); }, [&] { write(pairs.close_by); });
  EXPECT_EQ(pairs.read(pairs.far) + pairs.read(pairs.far_off), "keptkept");
}

TEST(Outbox, SendsAtOnceWhereThereIsNothingElseToDo) {
  Pair pair;
  auto const answer = [](Pair& p) -> Task<std::string> {
    bool const ready = co_await p.near.until_readable();
    EXPECT_TRUE(ready);
    EXPECT_TRUE(p.write(p.near, "answer").done());
    co_return TwoPairs::arrived(p.far);
  };
  auto answering = lowart::testing::start(pair.io, answer(pair));
  pair.settle();
  EXPECT_TRUE(pair.write(pair.far, "go").done());
  pair.settle();
  ASSERT_TRUE(answering.done());
  EXPECT_EQ(answering.take(), "answer");
}

TEST(Outbox, KeepsTheOrderOfWhatIsWritten) {
  TwoPairs pairs;
  std::string const large(16 * 1024, 'x');
  auto const answer = [&](Stream& stream) {
    EXPECT_TRUE(pairs.write(stream, "small ").done());
    EXPECT_TRUE(pairs.write(stream, large).done());
    EXPECT_TRUE(pairs.write(stream, " small").done());
  };
  pairs.in_one_turn([&] { answer(pairs.near); }, [&] { answer(pairs.close_by); });
  EXPECT_EQ(pairs.read(pairs.far), "small " + large + " small");
  EXPECT_EQ(pairs.read(pairs.far_off), "small " + large + " small");
}

TEST(Outbox, SendsBeforeAConnectionEnds) {
  TwoPairs pairs;
  pairs.in_one_turn(
      [&] {
        EXPECT_EQ(pairs.read(pairs.near), "go");  // or the system would break the connection off
        EXPECT_TRUE(pairs.write(pairs.near, "last words").done());
        pairs.near.close();
      },
      [&] {
        EXPECT_TRUE(pairs.write(pairs.close_by, "last words").done());
        pairs.close_by.shutdown_send();
      });
  std::array<char, 10> space;
  for (Stream* peer : {&pairs.far, &pairs.far_off}) {
    EXPECT_EQ(pairs.read(*peer), "last words");
    EXPECT_TRUE(pairs.becomes_readable(*peer));
    EXPECT_TRUE(peer->try_read(space).end());
  }
}

TEST(Outbox, TakesNothingForAConnectionThatIsClosed) {
  TwoPairs pairs;
  auto const answer = [&](Stream& stream) {
    stream.close();
    EXPECT_TRUE(pairs.write(stream, "too late").failed());
    EXPECT_FALSE(stream.is_behind());
  };
  pairs.in_one_turn([&] { answer(pairs.near); }, [&] { answer(pairs.close_by); });
}

TEST(Outbox, BringsOutLaterWhatASocketDoesNotTake) {
  TwoPairs pairs;
  std::size_t const filled = pairs.fill(pairs.near);
  pairs.in_one_turn([&] { EXPECT_TRUE(pairs.write(pairs.near, "kept").done()); },
                    [&] { EXPECT_TRUE(pairs.write(pairs.close_by, "sent").done()); });
  EXPECT_EQ(pairs.read(pairs.far_off), "sent");
  EXPECT_TRUE(pairs.near.is_behind());
  EXPECT_TRUE(pairs.write(pairs.near, "more").would_block());
  auto catching_up = lowart::testing::start(pairs.io, pairs.near.caught_up());
  pairs.settle();
  EXPECT_FALSE(catching_up.done());
  std::string read;
  while (read.size() < filled && pairs.becomes_readable(pairs.far)) read += pairs.read(pairs.far);
  pairs.settle();
  ASSERT_TRUE(catching_up.done());
  EXPECT_TRUE(catching_up.take());
  EXPECT_TRUE(pairs.write(pairs.near, " more").done());
  while (pairs.becomes_readable(pairs.far)) read += pairs.read(pairs.far);
  EXPECT_EQ(read.substr(filled), "kept more");
}

TEST(Outbox, EndsTheConnectionThatTakesNothing) {
  TwoPairs pairs;
  pairs.in_one_turn(
      [&] {
        pairs.far.close();
        EXPECT_TRUE(pairs.write(pairs.near, "in vain").done());
      },
      [&] {
        pairs.far_off.close();
        EXPECT_TRUE(pairs.write(pairs.close_by, "in vain").done());
      });
  for (Stream* stream : {&pairs.near, &pairs.close_by}) {
    EXPECT_FALSE(stream->is_behind());
    EXPECT_TRUE(pairs.becomes_readable(*stream));
    EXPECT_EQ(pairs.read(*stream), "go");
    EXPECT_TRUE(pairs.becomes_readable(*stream));
    std::array<char, 10> space;
    EXPECT_FALSE(stream->try_read(space).would_block());
    EXPECT_TRUE(pairs.write(*stream, "again").failed());
  }
}

}  // namespace
}  // namespace lowart::outbox_test
