#include <lowart/store/journal_format.hpp>

#include "store_fixture.hpp"

#include <limits>

namespace lowart::record_codec_test {
namespace {

using namespace lowart;
using lowart_test::sample_record;

std::vector<std::byte> encoded(UsageRecord const& r) {
  std::vector<std::byte> room(journal::max_record_bytes);
  room.resize(static_cast<std::size_t>(journal::encode(r, room.data()) - room.data()));
  return room;
}

void expect_same(UsageRecord const& a, UsageRecord const& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.started_at, b.started_at);
  EXPECT_EQ(a.duration, b.duration);
  EXPECT_EQ(a.time_to_first_token, b.time_to_first_token);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.provider, b.provider);
  EXPECT_EQ(a.upstream_model, b.upstream_model);
  EXPECT_EQ(a.operation, b.operation);
  EXPECT_EQ(a.usage, b.usage);
  EXPECT_EQ(a.cost, b.cost);
  EXPECT_EQ(a.attempts, b.attempts);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.outcome, b.outcome);
  EXPECT_EQ(a.provenance, b.provenance);
  EXPECT_EQ(a.streamed, b.streamed);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.team, b.team);
  EXPECT_EQ(a.client, b.client);
  EXPECT_EQ(a.conversation, b.conversation);
  EXPECT_EQ(a.service_tier, b.service_tier);
  EXPECT_EQ(a.price, b.price);
  EXPECT_EQ(a.features, b.features);
}

/// Every number at its longest, every name at its longest.
UsageRecord largest_record(std::string_view name) {
  using Limits = std::numeric_limits<std::int64_t>;
  UsageRecord r;
  r.id = {~std::uint64_t{0}, ~std::uint64_t{0}};
  r.started_at = Limits::min();
  r.duration = Limits::min();
  r.time_to_first_token = Limits::max();
  r.key = r.model = r.provider = r.upstream_model = r.operation = name;
  for (std::size_t i = 0; i < usage_class_count; ++i) r.usage.set(static_cast<UsageClass>(i), Limits::max());
  r.cost = NanoUsd(Limits::min());
  r.attempts = std::numeric_limits<std::int32_t>::min();
  r.status = std::numeric_limits<std::int32_t>::max();
  r.outcome = Outcome::failed;
  r.provenance = Provenance::partial;
  r.streamed = true;
  r.user = r.team = r.client = r.conversation = r.service_tier = r.price = name;
  r.features = CallFeatures(0xFFFF);
  return r;
}

AttemptRecord sample_attempt(std::string_view name, std::int64_t number) {
  AttemptRecord attempt;
  attempt.provider = attempt.model = attempt.failure = name;
  attempt.began_after = attempt.duration = number;
  attempt.cost = NanoUsd(number);
  for (std::size_t i = 0; i < usage_class_count; ++i) attempt.usage.set(static_cast<UsageClass>(i), number);
  return attempt;
}

TEST(RecordCodec, GivesBackWhatItWasGiven) {
  std::string const name(journal::max_name_bytes, 'x');
  for (auto const& r : {UsageRecord{}, sample_record(7), largest_record(name), largest_record("")}) {
    auto const bytes = encoded(r);
    ASSERT_LE(bytes.size(), journal::max_record_bytes);
    auto const back = journal::decode(bytes);
    ASSERT_TRUE(back);
    expect_same(*back, r);
  }
}

TEST(RecordCodec, KeepsATrail) {
  auto const longest = std::numeric_limits<std::int64_t>::max();
  std::string const name(journal::max_attempt_name_bytes, 'x');
  std::string const long_name(300, 'y');
  for (std::size_t const count : {1U, 2U, 8U, 9U, 100U}) {
    std::vector<AttemptRecord> trail;
    for (std::size_t i = 0; i + 1 < count; ++i) trail.push_back(sample_attempt(name, longest));
    trail.push_back(sample_attempt(name, 7));
    std::string const longest_name(journal::max_name_bytes, 'x');
    UsageRecord record = largest_record(longest_name);
    record.trail = trail;
    auto const bytes = encoded(record);
    ASSERT_LE(bytes.size(), journal::max_record_bytes);
    std::vector<AttemptRecord> room;
    auto const back = journal::decode(bytes, &room);
    ASSERT_TRUE(back);
    ASSERT_EQ(back->trail.size(), std::min<std::size_t>(count, journal::max_kept_attempts));
    EXPECT_EQ(back->trail.back().duration, 7);  // what answered, or failed last, is always there
    EXPECT_EQ(back->trail.front().provider, name);
    EXPECT_EQ(back->trail.front().usage.get(UsageClass::searches), count == 1 ? 7 : longest);
    EXPECT_TRUE(journal::decode(bytes)->trail.empty());
  }
}

TEST(RecordCodec, ReadsWhatTheFirstVersionWrote) {
  UsageRecord record = sample_record(3);
  auto const bytes = encoded(record);
  record.user = "u";
  EXPECT_EQ(encoded(record).size() - bytes.size(),
            2 + 7 + 1 + 2 + 1);  // nothing is said of what is not there
  EXPECT_EQ(std::to_integer<int>(bytes[24]) & 0x40, 0);
}

TEST(RecordCodec, KeepsEveryOutcomeAndProvenance) {
  for (int o = 0; o < 4; ++o) {
    for (int p = 0; p < 6; ++p) {
      auto r = sample_record(1);
      r.outcome = static_cast<Outcome>(o);
      r.provenance = static_cast<Provenance>(p);
      r.streamed = o == p;
      auto const bytes = encoded(r);
      auto const back = journal::decode(bytes);
      ASSERT_TRUE(back);
      expect_same(*back, r);
    }
  }
}

TEST(RecordCodec, TellsAbsentTokensFromZero) {
  UsageRecord r;
  r.usage.set(UsageClass::reasoning, 0);
  auto const bytes = encoded(r);
  auto const back = journal::decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->usage.get(UsageClass::reasoning), 0);
  EXPECT_EQ(back->usage.get(UsageClass::input), std::nullopt);
}

TEST(RecordCodec, CutsLongNamesBetweenCharacters) {
  std::string name(254, 'x');
  name += "\xC3\xA9 and more";  // A two-byte character across the border.
  UsageRecord r;
  r.model = name;
  auto const bytes = encoded(r);
  auto const back = journal::decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->model, std::string(254, 'x'));
}

TEST(RecordCodec, RefusesEveryTruncationAndAnyExtraByte) {
  for (auto const& r : {sample_record(300), largest_record("name")}) {
    auto bytes = encoded(r);
    for (std::size_t n = 0; n < bytes.size(); ++n)
      EXPECT_FALSE(journal::decode(std::span(bytes).first(n))) << n << " of " << bytes.size();
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(journal::decode(bytes));
  }
}

TEST(RecordCodec, ReadsRecordsThatStandOneAfterTheOther) {
  std::vector<std::byte> all;
  for (std::uint64_t n = 1; n <= 3; ++n) {
    auto const one = encoded(sample_record(n));
    all.insert(all.end(), one.begin(), one.end());
  }
  std::vector<std::uint64_t> read;
  auto note = [&](UsageRecord const& r) { read.push_back(r.id.low); };
  EXPECT_TRUE(journal::decode_each(all, note));
  EXPECT_EQ(read, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE(journal::decode_each({}, note));
  EXPECT_FALSE(journal::decode_each(std::span(all).first(all.size() - 1), note));
  EXPECT_EQ(read.size(), 5u);  // What stood before the fault.
}

TEST(RecordCodec, RefusesNumbersThatDoNotFit) {
  UsageRecord r;
  auto bytes = encoded(r);
  for (unsigned const flags : {0x28u, 0x40u, 0x80u}) {  // A provenance beyond the last one, unknown flags.
    bytes[24] = static_cast<std::byte>(flags);
    EXPECT_FALSE(journal::decode(bytes)) << flags;
  }
  journal::detail::PayloadReader too_long(
      std::as_bytes(std::span("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02")));
  too_long.varint();
  EXPECT_FALSE(too_long.good());
}

TEST(Crc32c, HasTheKnownValueInHardwareAndByTable) {
  std::string_view const digits = "123456789";
  auto const bytes = std::as_bytes(std::span(digits));
  EXPECT_EQ(journal::crc32c(bytes), 0xE3069283u);
  EXPECT_EQ(~journal::detail::crc32c_by_table(~0u, bytes.data(), bytes.size()), 0xE3069283u);
  std::vector<std::byte> long_one(1000);
  for (std::size_t i = 0; i < long_one.size(); ++i) long_one[i] = static_cast<std::byte>(i * 7);
  for (std::size_t n : {0u, 1u, 7u, 8u, 9u, 63u, 999u, 1000u})
    EXPECT_EQ(journal::crc32c({long_one.data(), n}),
              ~journal::detail::crc32c_by_table(~0u, long_one.data(), n));
}

TEST(JournalFormat, ReadsASlotOnlyWhenItIsWholeAndIntact) {
  alignas(8) std::array<std::byte, 4096> segment{};
  auto* const payload = segment.data() + 8;
  auto const length = static_cast<std::size_t>(journal::encode(sample_record(1), payload) - payload);
  using Kind = journal::Slot::Kind;
  EXPECT_EQ(journal::read_slot(segment, 0).kind, Kind::empty);
  auto const word = journal::commit_word({payload, length});
  std::memcpy(segment.data(), &word, sizeof word);
  auto const slot = journal::read_slot(segment, 0);
  EXPECT_EQ(slot.kind, Kind::record);
  EXPECT_EQ(slot.next, journal::slot_bytes(length));
  EXPECT_EQ(journal::read_slot(segment, slot.next).kind, Kind::empty);
  for (std::size_t at = 0; at < 8 + length; ++at) {
    segment[at] ^= std::byte{1};
    EXPECT_EQ(journal::read_slot(segment, 0).kind, Kind::damaged) << at;
    segment[at] ^= std::byte{1};
  }
  for (std::size_t n = 8; n < 8 + length; ++n)
    EXPECT_EQ(journal::read_slot(std::span(segment).first(n), 0).kind, Kind::damaged) << n;
  std::memcpy(segment.data(), &journal::sealed_word, 8);
  EXPECT_EQ(journal::read_slot(segment, 0).kind, Kind::sealed);
}

TEST(JournalFormat, KnowsItsOwnHeader) {
  journal::SegmentId const id{5, 6, 7};
  auto header = journal::make_header(id);
  auto state = [&](journal::SegmentId const& expected) {
    return journal::check_header(std::as_bytes(std::span(&header, 1)), expected);
  };
  EXPECT_EQ(state(id), journal::HeaderState::good);
  EXPECT_EQ(state({5, 6, 8}), journal::HeaderState::damaged);
  header.version = 2;
  EXPECT_EQ(state(id), journal::HeaderState::damaged);
  header.check = journal::header_check(header);
  EXPECT_EQ(state(id), journal::HeaderState::newer);
  EXPECT_EQ(journal::check_header({}, id), journal::HeaderState::blank);
}

}  // namespace
}  // namespace lowart::record_codec_test
