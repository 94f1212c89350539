#pragma once
/// The layout of a journal segment: a header, then slots. Pure: works on bytes, opens no file.
///
///   header  64 bytes: magic, version, check sum, who wrote it
///   slot    8-byte commit word (length in the low half, CRC-32C in the high half), payload, padding to 8
///
/// A segment is all zeros when it is made. The payload is written first and the commit word last, so a slot
/// is complete when its word is not zero, at whatever instruction its writer was killed. The word `sealed`
/// says that the writer went on to the next segment. Numbers are in the byte order of the machine: a journal
/// does not travel.

#include <lowart/store/crc32c.hpp>
#include <lowart/store/record_codec.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace lowart::journal {

/// Which segment: the run of the process (UTC microseconds at its start), the writer, and the how-manieth.
struct SegmentId {
  std::uint64_t run{0};
  std::uint64_t sequence{0};
  std::uint32_t writer{0};
  friend bool operator==(SegmentId const&, SegmentId const&) = default;
};

struct SegmentHeader {
  std::array<char, 8> magic{'L', 'o', 'w', 'a', 'r', 't', 'J', '\n'};
  std::uint32_t version{1};
  std::uint32_t check{0};  ///< CRC-32C of the header with this field zero; at this place in every version.
  std::uint64_t run{0};
  std::uint64_t sequence{0};
  std::uint32_t writer{0};
  std::array<std::uint32_t, 7> reserved{};
};
static_assert(sizeof(SegmentHeader) == 64);

inline constexpr std::uint64_t sealed_word = 0xFFFF'FFFF;  // No record has this length.
inline constexpr std::size_t word_bytes = sizeof(std::uint64_t);
inline constexpr std::size_t max_slot_bytes =
    word_bytes + (max_record_bytes + word_bytes - 1) / word_bytes * word_bytes;

inline std::uint32_t header_check(SegmentHeader header) noexcept {
  header.check = 0;
  return crc32c(std::as_bytes(std::span(&header, 1)));
}

inline SegmentHeader make_header(SegmentId const& id) noexcept {
  SegmentHeader header;
  header.run = id.run;
  header.sequence = id.sequence;
  header.writer = id.writer;
  header.check = header_check(header);
  return header;
}

enum class HeaderState : std::uint8_t {
  good,
  blank,    ///< All zeros: the machine stopped before the header reached the disk; nothing is in here.
  newer,    ///< Intact, but of a later version of this format.
  damaged,  ///< Not a header, or not of this file.
};

inline HeaderState check_header(std::span<std::byte const> segment, SegmentId const& id) noexcept {
  if (std::ranges::all_of(segment, [](std::byte b) { return b == std::byte{}; })) return HeaderState::blank;
  SegmentHeader header;
  if (segment.size() < sizeof header) return HeaderState::damaged;
  auto const expected = header.magic;
  std::memcpy(&header, segment.data(), sizeof header);
  if (header.magic != expected || header.check != header_check(header)) return HeaderState::damaged;
  if (header.version != SegmentHeader{}.version) return HeaderState::newer;
  return SegmentId{header.run, header.sequence, header.writer} == id ? HeaderState::good
                                                                     : HeaderState::damaged;
}

/// The commit word of a payload. The length is part of what is checked.
inline std::uint64_t commit_word(std::span<std::byte const> payload) noexcept {
  auto const length = static_cast<std::uint32_t>(payload.size());
  auto const check = crc32c(payload, crc32c(std::as_bytes(std::span(&length, 1))));
  return static_cast<std::uint64_t>(check) << 32 | length;
}

/// Where the slot after a payload of this many bytes begins, seen from its own beginning.
constexpr std::size_t slot_bytes(std::size_t payload) noexcept {
  return word_bytes + (payload + word_bytes - 1) / word_bytes * word_bytes;
}

/// What is at one place of a segment.
struct Slot {
  enum class Kind : std::uint8_t { record, empty, sealed, damaged };
  Kind kind{Kind::empty};
  std::span<std::byte const> payload;  ///< Of a record.
  std::size_t next{0};                 ///< Of a record: offset of the next slot.
};

/// Looks at the slot at `offset` (a multiple of 8), while another thread or process may be writing it.
/// `segment` begins at a multiple of 8.
inline Slot read_slot(std::span<std::byte const> segment, std::size_t offset) noexcept {
  if (offset > segment.size() || segment.size() - offset < word_bytes)
    return {Slot::Kind::sealed, {}, offset};
  auto const* at = reinterpret_cast<std::uint64_t const*>(segment.data() + offset);
  auto const word = __atomic_load_n(at, __ATOMIC_ACQUIRE);
  if (word == 0) return {Slot::Kind::empty, {}, offset};
  if (word == sealed_word) return {Slot::Kind::sealed, {}, offset};
  auto const length = static_cast<std::size_t>(word & 0xFFFF'FFFF);
  auto const rest = segment.subspan(offset + word_bytes);
  if (length == 0 || length > max_record_bytes || length > rest.size())
    return {Slot::Kind::damaged, {}, offset};
  auto const payload = rest.first(length);
  if (commit_word(payload) != word) return {Slot::Kind::damaged, {}, offset};
  return {Slot::Kind::record, payload, offset + slot_bytes(length)};
}

/// After the last committed slot there is at most one unfinished record. Anything later means that a page in
/// between never reached the disk (a power cut; a killed process cannot do that).
inline bool tail_is_clean(std::span<std::byte const> segment, std::size_t end) noexcept {
  auto const rest = segment.subspan(std::min(segment.size(), end));
  auto const later = rest.subspan(std::min(rest.size(), max_slot_bytes));
  return std::ranges::all_of(later, [](std::byte b) { return b == std::byte{}; });
}

}  // namespace lowart::journal
