#pragma once
/// What must hold of the reader of any dialect's replies.

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::testing {

inline ReplyProgress no_progress() { return ReplyProgress(std::pmr::get_default_resource()); }

inline ChatDelta put_together(std::vector<ChatDelta> const& steps) {
  dialect::CompletionBuilder builder;
  for (ChatDelta const& step : steps) builder.add(step);
  return builder.whole();
}

/// `talk` thinks "Hm\n", says "Grüße 🙂" and stops by itself.
template <class Reader>
void expect_reads_however_cut(std::string_view talk, std::int64_t input, std::int64_t output) {
  feed_every_split(talk, [&](auto const& pieces) {
    Reader reader;
    auto progress = no_progress();
    for (std::string_view const piece : pieces) ASSERT_TRUE(reader.feed(piece, progress));
    ASSERT_TRUE(reader.done() && reader.committed() && reader.may_end());
    ASSERT_EQ(progress.text, "Hm\nGrüße 🙂");
    ASSERT_EQ(progress.events, 3);
    ASSERT_EQ(progress.finish, FinishReason::stop);
    ASSERT_EQ(progress.usage.get(UsageClass::input), input);
    ASSERT_EQ(progress.usage.get(UsageClass::output), output);
  });
}

/// Streams, and whether each commits.
template <class Reader>
void expect_commits(std::vector<std::pair<std::string, bool>> const& streams) {
  for (auto const& [stream, commits] : streams) {
    Reader reader;
    auto progress = no_progress();
    ASSERT_TRUE(reader.feed(stream, progress));
    EXPECT_EQ(reader.committed(), commits) << stream;
  }
}

/// `talk` without its last event `end`, or without a byte of that, is cut.
template <class Reader>
void expect_knows_as_cut(std::string const& talk, std::string_view end) {
  std::string const cut = talk.substr(0, talk.size() - end.size());
  for (std::string const& stream : {cut, talk.substr(0, talk.size() - 1)}) {
    Reader reader;
    auto progress = no_progress();
    ASSERT_TRUE(reader.feed(stream, progress));
    EXPECT_FALSE(reader.done());
    EXPECT_FALSE(reader.may_end());
    EXPECT_EQ(reader.good_bytes(), cut.size());
  }
}

template <class Reader>
void expect_refuses(std::vector<std::string> const& streams) {
  for (std::string const& stream : streams) {
    Reader reader;
    auto progress = no_progress();
    auto const fed = reader.feed(stream, progress);
    ASSERT_FALSE(fed) << stream;
    EXPECT_EQ(fed.error().code(), Errc::malformed_reply);
  }
}

}  // namespace lowart::testing
