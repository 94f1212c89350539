#include "certificates.hpp"
#include "stream_pair.hpp"

#include <lowart/net/stream.hpp>
#include <lowart/net/tls.hpp>
#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace lowart::stream_test {
namespace {

using namespace std::chrono_literals;
using lowart::Errc;
using lowart::Result;
using lowart::Task;
using lowart::net::IoStep;
using lowart::net::PeerState;
using lowart::net::Stream;
using lowart::net::TlsContext;
using lowart::net::TlsSession;
using lowart::testing::Pair;

// The same over TLS, with the handshake done.
class TlsPair : public Pair {
 public:
  TlsPair()
      : files(authority.issue("far", "DNS:far")),
        server(*TlsContext::server(files.cert, files.key)),
        client(*TlsContext::client({authority.file(), true})) {
    auto accepted = lowart::testing::start(io, far.accept_tls(server));
    auto connected = lowart::testing::start(io, near.connect_tls(client, "far", session));
    settle();
    if (!accepted.done() || !accepted.take() || !connected.take()) throw std::runtime_error("no handshake");
  }
  lowart::testing::TestDirectory directory;
  lowart::testing::TestAuthority authority{directory, "authority"};
  lowart::testing::TestAuthority::Files files;
  TlsContext server, client;
  TlsSession session;
};

TEST(Stream, SendsPiecesInOrderInOneGo) {
  Pair pair;
  std::array<std::string_view, 4> pieces{"one ", "", "two ", "three"};
  IoStep const step = pair.near.try_write(pieces);
  EXPECT_TRUE(step.done());
  EXPECT_EQ(step.bytes(), 13u);
  EXPECT_EQ(pair.read(pair.far), "one two three");
  EXPECT_TRUE(pieces[3].empty());
}

TEST(Stream, SendsManyMorePiecesThanOneSystemCallTakes) {
  Pair pair;
  std::vector<std::string_view> pieces(100, "piece ");
  EXPECT_TRUE(pair.near.try_write(pieces).done());
  EXPECT_EQ(pair.read(pair.far).size(), 600u);
}

TEST(Stream, SaysWhatAReadCameTo) {
  Pair pair;
  std::array<char, 10> space;
  EXPECT_TRUE(pair.far.try_read(space).would_block());
  EXPECT_TRUE(pair.write(pair.near, "text").done());
  EXPECT_TRUE(pair.becomes_readable(pair.far));
  IoStep const some = pair.far.try_read(space);
  EXPECT_TRUE(some.done());
  EXPECT_EQ(some.bytes(), 4u);
  pair.near.close();
  EXPECT_TRUE(pair.becomes_readable(pair.far));
  EXPECT_TRUE(pair.far.try_read(space).end());
  EXPECT_TRUE(pair.write(pair.far, "text").failed());
  EXPECT_EQ(pair.far.failure().code(), Errc::connection_lost);
  EXPECT_EQ(pair.far.failure().message(), "Broken pipe");
}

TEST(Stream, WaitsUntilThereIsSomethingToRead) {
  Pair pair;
  std::array<char, 10> space;
  auto reading = lowart::testing::start(pair.io, pair.far.read_some(space));
  pair.settle();
  EXPECT_FALSE(reading.done());
  EXPECT_TRUE(pair.write(pair.near, "text").done());
  pair.settle();
  ASSERT_TRUE(reading.done());
  EXPECT_EQ(*reading.take(), 4u);
}

TEST(Stream, WaitsWhileThePeerDoesNotRead) {
  Pair pair;
  std::string const big(4 * 1024 * 1024, 'x');
  std::string_view piece = big;
  auto writing = lowart::testing::start(pair.io, pair.near.write_all(std::span<std::string_view>(&piece, 1)));
  pair.settle();
  EXPECT_FALSE(writing.done());
  std::size_t got = 0;
  for (int i = 0; i < 10'000 && got < big.size(); ++i) {
    got += pair.read(pair.far).size();
    if (got < big.size()) ASSERT_TRUE(pair.becomes_readable(pair.far));
  }
  EXPECT_EQ(got, big.size());
  pair.settle();
  ASSERT_TRUE(writing.done());
  EXPECT_TRUE(writing.take());
}

TEST(Stream, EndsAWaitAtItsDeadline) {
  Pair pair;
  pair.far.deadline(pair.clock.now() + 1s);
  auto waiting = lowart::testing::start(pair.io, pair.far.readable());
  pair.pass(900ms);
  EXPECT_FALSE(waiting.done());
  pair.pass(200ms);
  ASSERT_TRUE(waiting.done());
  EXPECT_EQ(waiting.take().error().code(), Errc::whole_timeout);
  EXPECT_TRUE(pair.far.expired());
  auto again = lowart::testing::start(pair.io, pair.far.readable());
  pair.settle();
  ASSERT_TRUE(again.done());
  EXPECT_FALSE(again.take());

  pair.far.deadline(lowart::TimePoint::max());
  EXPECT_FALSE(pair.far.expired());
  EXPECT_TRUE(pair.write(pair.near, "x").done());
  EXPECT_TRUE(pair.run(pair.far.readable()));
}

TEST(Stream, KeepsItsDeadlineWhenMoved) {
  Pair pair;
  pair.far.deadline(pair.clock.now() + 1s);
  Stream moved(std::move(pair.far));
  auto waiting = lowart::testing::start(pair.io, moved.readable());
  pair.pass(1100ms);
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(moved.expired());
}

TEST(Stream, EndsAWaitThatIsCancelledAndNotTheNext) {
  Pair pair;
  auto waiting = lowart::testing::start(pair.io, pair.far.readable());
  pair.settle();
  pair.far.cancel();
  pair.settle();
  ASSERT_TRUE(waiting.done());
  EXPECT_EQ(waiting.take().error().code(), Errc::cancelled);
  EXPECT_TRUE(pair.write(pair.near, "x").done());
  EXPECT_TRUE(pair.run(pair.far.readable()));
}

TEST(Stream, IsSurelyQuietOnlyToWhomTheLoopResumesForAnEvent) {
  Pair pair;
  EXPECT_TRUE(pair.write(pair.far, "a").done());
  EXPECT_EQ(pair.read(pair.near), "a");
  EXPECT_TRUE(pair.near.known_quiet());
  EXPECT_FALSE(pair.near.surely_quiet()) << "nobody waits, so the loop did not ask";

  auto const look = [](Stream& waits_for, Stream& asked) -> Task<bool> {
    bool const ready = co_await waits_for.until_readable();
    co_return ready&& asked.surely_quiet();
  };
  EXPECT_EQ(pair.read(pair.far), "");
  auto looking = lowart::testing::start(pair.io, look(pair.far, pair.near));
  pair.settle();
  EXPECT_TRUE(pair.write(pair.near, "b").done());
  pair.settle();
  ASSERT_TRUE(looking.done());
  EXPECT_TRUE(looking.take());
}

TEST(Stream, WaitsForEitherDirection) {
  Pair pair;
  std::string const big(4 * 1024 * 1024, 'x');
  while (pair.write(pair.near, big).done()) {
  }
  auto waiting = lowart::testing::start(pair.io, pair.near.until_readable_or_writable());
  pair.settle();
  EXPECT_FALSE(waiting.done());
  EXPECT_TRUE(pair.write(pair.far, "early").done());
  pair.settle();
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(waiting.take());
  EXPECT_FALSE(pair.near.known_quiet());
  EXPECT_EQ(pair.read(pair.near), "early");

  auto again = lowart::testing::start(pair.io, pair.near.until_readable_or_writable());
  pair.settle();
  EXPECT_FALSE(again.done());
  pair.read(pair.far);
  pair.settle();
  ASSERT_TRUE(again.done());
  EXPECT_TRUE(again.take());
  EXPECT_TRUE(pair.near.known_quiet());

  while (pair.write(pair.near, big).done()) {
  }
  auto cancelled = lowart::testing::start(pair.io, pair.near.until_readable_or_writable());
  pair.settle();
  pair.near.cancel();
  pair.settle();
  ASSERT_TRUE(cancelled.done());
  EXPECT_FALSE(cancelled.take());
  EXPECT_EQ(pair.near.failure().code(), Errc::cancelled);
}

TEST(Stream, SeesWhetherThePeerIsQuietTalkingOrGone) {
  Pair pair;
  EXPECT_EQ(pair.far.peer_state(), PeerState::quiet);
  EXPECT_TRUE(pair.write(pair.near, "x").done());
  EXPECT_EQ(pair.far.peer_state(), PeerState::talking);
  EXPECT_EQ(pair.read(pair.far), "x");
  pair.near.close();
  EXPECT_TRUE(pair.far.peer_gone());
}

TEST(Stream, SaysThatNothingMoreWillBeSent) {
  Pair pair;
  pair.near.shutdown_send();
  std::array<char, 10> space;
  EXPECT_TRUE(pair.far.try_read(space).end());
  EXPECT_TRUE(pair.write(pair.far, "still here").done());
  EXPECT_EQ(pair.read(pair.near), "still here");
}

TEST(TlsStream, PutsSmallPiecesIntoOneRecord) {
  TlsPair pair;
  std::array<std::string_view, 3> pieces{"one ", "two ", "three"};
  EXPECT_TRUE(pair.near.try_write(pieces).done());
  std::array<char, 100> space;
  IoStep const step = pair.far.try_read(space);  // One read returns at most one record.
  EXPECT_EQ(std::string_view(space.data(), step.bytes()), "one two three");
}

TEST(TlsStream, RepeatsABlockedWriteWhereItWas) {
  TlsPair pair;
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += std::to_string(i);
  std::array<std::string_view, 5> pieces{
      std::string_view(text).substr(0, 10), "", std::string_view(text).substr(10, 20'000),
      std::string_view(text).substr(20'010, 5), std::string_view(text).substr(20'015)};
  std::string got;
  bool blocked = false;
  for (;;) {
    IoStep const step = pair.near.try_write(pieces);
    ASSERT_FALSE(step.failed()) << pair.near.failure().message();
    blocked = blocked || step.would_block();
    got += pair.read(pair.far);
    if (step.done()) break;
  }
  got += pair.read(pair.far);
  EXPECT_TRUE(blocked);
  EXPECT_TRUE(got == text);
}

TEST(TlsStream, IsReadableWhileARecordIsHalfRead) {
  TlsPair pair;
  EXPECT_TRUE(pair.write(pair.near, "0123456789").done());
  std::array<char, 4> space;
  for (std::size_t const expected : {4u, 4u, 2u}) {
    EXPECT_TRUE(pair.run(pair.far.readable()));
    EXPECT_EQ(pair.far.try_read(space).bytes(), expected);
  }
  auto waiting = lowart::testing::start(pair.io, pair.far.readable());
  pair.settle();
  EXPECT_FALSE(waiting.done());
  pair.far.cancel();
  pair.settle();
}

TEST(TlsStream, TellsAnOrderlyEndFromACut) {
  for (bool const orderly : {true, false}) {
    TlsPair pair;
    EXPECT_TRUE(pair.write(pair.far, "last words").done());
    if (orderly) pair.far.close();
    else pair.far.drop();
    EXPECT_EQ(pair.read(pair.near), "last words");
    std::array<char, 10> space;
    IoStep const step = pair.near.try_read(space);
    EXPECT_EQ(step.end(), orderly);
    EXPECT_EQ(step.failed(), !orderly);
  }
}

TEST(TlsStream, DoesNotTakeSessionTicketsForTalk) {
  TlsPair pair;
  EXPECT_EQ(pair.near.peer_state(), PeerState::quiet);
  EXPECT_NE(pair.session.native(), nullptr);
  EXPECT_TRUE(pair.write(pair.far, "x").done());
  EXPECT_EQ(pair.near.peer_state(), PeerState::talking);
  EXPECT_EQ(pair.read(pair.near), "x");
  pair.far.close();
  EXPECT_EQ(pair.near.peer_state(), PeerState::gone);
}

TEST(TlsStream, ReportsBytesThatAreNoTls) {
  TlsPair pair;
  std::string_view const noise = "this is not a record";
  ASSERT_GT(::send(pair.far.native_handle(), noise.data(), noise.size(), 0), 0);
  std::array<char, 10> space;
  pair.read(pair.near);
  EXPECT_TRUE(pair.near.try_read(space).failed());
  EXPECT_EQ(pair.near.failure().code(), Errc::connection_lost);
  EXPECT_EQ(pair.near.failure().message().substr(0, 5), "TLS: ");
}

TEST(TlsStream, EndsAStalledHandshakeAtTheDeadline) {
  Pair pair;
  lowart::testing::TestDirectory directory;
  lowart::testing::TestAuthority authority(directory, "authority");
  auto const files = authority.issue("far", "DNS:far");
  auto const server = TlsContext::server(files.cert, files.key);
  pair.far.deadline(pair.clock.now() + 5s);
  auto accepting = lowart::testing::start(pair.io, pair.far.accept_tls(*server));
  pair.pass(6s);
  ASSERT_TRUE(accepting.done());
  EXPECT_EQ(accepting.take().error().code(), Errc::whole_timeout);
}

}  // namespace
}  // namespace lowart::stream_test
