#pragma once
/// The bytes of one UsageRecord in the journal. Pure: no I/O, no allocation.

#include <lowart/model/usage_record.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::journal {

/// Names longer than this are cut (at a character border), because a cut name bills better than no record.
inline constexpr std::size_t max_name_bytes = 255;

/// Of a trail so many attempts are kept, the last one always, and so much of each of their names.
inline constexpr std::size_t max_kept_attempts = 8;
inline constexpr std::size_t max_attempt_name_bytes = 100;

/// Two bytes of mask, a varint for each class.
inline constexpr std::size_t max_usage_bytes = 2 + usage_class_count * 10;
/// Three varints, three names with a length byte.
inline constexpr std::size_t max_attempt_bytes = 3 * 10 + 3 * (1 + max_attempt_name_bytes) + max_usage_bytes;
/// What came with the second version: its length, usage, six names, two varints, a trail.
inline constexpr std::size_t max_extension_bytes =
    2 + max_usage_bytes + 6 * (1 + max_name_bytes) + 2 * 10 + max_kept_attempts * max_attempt_bytes;
/// No record is longer than this: 26 fixed bytes, 13 varints of at most 10 bytes, 5 names with a length byte, extension.
inline constexpr std::size_t max_record_bytes = 26 + 13 * 10 + 5 * (1 + max_name_bytes) + max_extension_bytes;

namespace detail {

template <class T>
std::byte* put(std::byte* out, T value) noexcept {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

inline std::byte* put_varint(std::byte* out, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<std::byte>(value | 0x80);
  *out++ = static_cast<std::byte>(value);
  return out;
}

/// Zigzag, so that small negative numbers stay short.
inline std::byte* put_signed(std::byte* out, std::int64_t value) noexcept {
  return put_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

inline std::size_t kept_bytes(std::string_view name, std::size_t most = max_name_bytes) noexcept {
  if (name.size() <= most) return name.size();
  auto n = most;
  while (n > 0 && (static_cast<unsigned char>(name[n]) & 0xC0) == 0x80) --n;
  return n;
}

inline std::byte* put_name(std::byte* out, std::string_view name,
                           std::size_t most = max_name_bytes) noexcept {
  auto const n = kept_bytes(name, most);
  *out++ = static_cast<std::byte>(n);
  if (n > 0) std::memcpy(out, name.data(), n);
  return out + n;
}

/// Reads forward through a payload; `good` falls once and stays down, and nothing is left to read then.
class PayloadReader {
 public:
  explicit PayloadReader(std::span<std::byte const> bytes) noexcept
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  template <class T>
  T get() noexcept {
    T value{};
    if (auto const from = take(sizeof value); from != nullptr) std::memcpy(&value, from, sizeof value);
    return value;
  }

  std::uint64_t varint() noexcept {
    constexpr std::ptrdiff_t longest = 10;
    auto const* const stop = at_ + std::min(end_ - at_, longest);
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (auto const* p = at_; p != stop; shift += 7) {
      auto const b = std::to_integer<std::uint64_t>(*p++);
      value |= (b & 0x7F) << shift;
      if (b >= 0x80) continue;
      if (shift == 63 && b > 1) break;
      at_ = p;
      return value;
    }
    require(false);
    return 0;
  }

  std::int64_t signed_varint() noexcept {
    auto const v = varint();
    return static_cast<std::int64_t>((v >> 1) ^ (~(v & 1) + 1));
  }

  std::int32_t small() noexcept {
    auto const v = signed_varint();
    require(v >= std::numeric_limits<std::int32_t>::min() && v <= std::numeric_limits<std::int32_t>::max());
    return static_cast<std::int32_t>(v);
  }

  std::string_view name() noexcept {
    std::size_t const n = get<std::uint8_t>();
    auto const from = take(n);
    return n == 0 || from == nullptr ? std::string_view()
                                     : std::string_view(reinterpret_cast<char const*>(from), n);
  }

  void require(bool yes) noexcept {
    if (yes) return;
    good_ = false;
    at_ = end_;
  }
  /// The next `n` bytes, to be read on their own.
  PayloadReader part(std::uint64_t n) noexcept {
    require(n <= static_cast<std::uint64_t>(end_ - at_));
    auto const from = take(good_ ? static_cast<std::size_t>(n) : 0);
    PayloadReader inside(std::span(from, good_ ? static_cast<std::size_t>(n) : 0));
    inside.require(good_);
    return inside;
  }
  bool good() const noexcept { return good_; }
  bool done() const noexcept { return good_ && at_ == end_; }

 private:
  std::byte const* take(std::size_t n) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < n) return require(false), nullptr;
    return std::exchange(at_, at_ + n);
  }

  std::byte const* at_;
  std::byte const* end_;
  bool good_{true};
};

}  // namespace detail

namespace detail {

/// How many classes of usage the first version of a record knew.
inline constexpr std::size_t first_classes = 8;

inline std::byte* put_usage(std::byte* out, Usage const& usage, std::size_t from) noexcept {
  auto* const present = std::exchange(out, out + 2);
  std::uint16_t mask = 0;
  for (std::size_t i = from; i < usage_class_count; ++i) {
    auto const amount = usage.get(static_cast<UsageClass>(i));
    if (!amount) continue;
    mask = static_cast<std::uint16_t>(mask | 1u << i);
    out = put_varint(out, static_cast<std::uint64_t>(*amount));
  }
  put(present, mask);
  return out;
}
inline void read_amount(PayloadReader& in, std::size_t i, Usage& usage) noexcept {
  auto const amount = in.varint();
  in.require(amount <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  usage.set(static_cast<UsageClass>(i), static_cast<std::int64_t>(amount));
}
inline void read_usage(PayloadReader& in, Usage& usage) noexcept {
  unsigned const mask = in.get<std::uint16_t>();
  in.require(mask >> usage_class_count == 0);
  for (std::size_t i = 0; i < usage_class_count; ++i)
    if ((mask >> i & 1) != 0) read_amount(in, i, usage);
}

inline std::byte* put_trail(std::byte* out, std::span<AttemptRecord const> trail) noexcept {
  auto const count = std::min(trail.size(), max_kept_attempts);
  out = put_varint(out, count);
  for (std::size_t i = 0; i < count; ++i) {
    auto const& attempt = i + 1 < count ? trail[i] : trail.back();
    for (auto name : {attempt.provider, attempt.model, attempt.failure})
      out = put_name(out, name, max_attempt_name_bytes);
    out = put_signed(out, attempt.began_after);
    out = put_signed(out, attempt.duration);
    out = put_signed(out, attempt.cost.count());
    out = put_usage(out, attempt.usage, 0);
  }
  return out;
}
inline void read_trail(PayloadReader& in, std::vector<AttemptRecord>* trail) {
  auto const count = in.varint();
  in.require(count <= max_kept_attempts);
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    AttemptRecord attempt;
    for (auto* name : {&attempt.provider, &attempt.model, &attempt.failure}) *name = in.name();
    attempt.began_after = in.signed_varint();
    attempt.duration = in.signed_varint();
    attempt.cost = NanoUsd(in.signed_varint());
    read_usage(in, attempt.usage);
    if (trail != nullptr) trail->push_back(attempt);
  }
}

/// Whether a record has more than the first version could say.
inline bool is_extended(UsageRecord const& r) noexcept {
  for (auto name : {r.user, r.team, r.client, r.conversation, r.service_tier, r.price})
    if (!name.empty()) return true;
  for (std::size_t i = first_classes; i < usage_class_count; ++i)
    if (r.usage.get(static_cast<UsageClass>(i))) return true;
  return r.features.bits() != 0 || !r.trail.empty();
}
/// Two bytes of length, so that a later version can add to its end.
inline std::byte* put_extension(std::byte* out, UsageRecord const& r) noexcept {
  auto* const length = std::exchange(out, out + 2);
  for (auto name : {r.user, r.team, r.client, r.conversation, r.service_tier, r.price})
    out = put_name(out, name);
  out = put_varint(out, r.features.bits());
  out = put_usage(out, r.usage, first_classes);
  out = put_trail(out, r.trail);
  put(length, static_cast<std::uint16_t>(out - length - 2));
  return out;
}
inline void read_extension(PayloadReader& outer, UsageRecord& r, std::vector<AttemptRecord>* trail) {
  PayloadReader in = outer.part(outer.get<std::uint16_t>());
  for (auto* name : {&r.user, &r.team, &r.client, &r.conversation, &r.service_tier, &r.price})
    *name = in.name();
  auto const features = in.varint();
  in.require(features <= std::numeric_limits<std::uint16_t>::max());
  r.features = CallFeatures(static_cast<std::uint16_t>(features));
  read_usage(in, r.usage);
  read_trail(in, trail);
  outer.require(in.good());
}

}  // namespace detail

/// Writes the record at `out`, which has room for max_record_bytes, and returns the end of what it wrote.
inline std::byte* encode(UsageRecord const& r, std::byte* out) noexcept {
  using namespace detail;
  out = put(out, r.id.high);
  out = put(out, r.id.low);
  out = put(out, r.started_at);
  auto const provenance = static_cast<unsigned>(r.provenance);  // Its third bit came later, after `streamed`.
  bool const extended = is_extended(r);
  auto const flags = static_cast<unsigned>(r.outcome) | (provenance & 3) << 2 |
                     static_cast<unsigned>(r.streamed) << 4 | (provenance >> 2) << 5 |
                     static_cast<unsigned>(extended) << 6;
  out = put(out, static_cast<std::uint8_t>(flags));
  auto* const present = out++;
  unsigned mask = 0;
  out = put_signed(out, r.duration);
  out = put_signed(out, r.time_to_first_token);
  out = put_signed(out, r.cost.count());
  out = put_signed(out, r.attempts);
  out = put_signed(out, r.status);
  for (std::size_t i = 0; i < first_classes; ++i) {
    auto const tokens = r.usage.get(static_cast<UsageClass>(i));
    if (!tokens) continue;
    mask |= 1u << i;
    out = put_varint(out, static_cast<std::uint64_t>(*tokens));
  }
  *present = static_cast<std::byte>(mask);
  for (auto name : {r.key, r.model, r.provider, r.upstream_model, r.operation}) out = put_name(out, name);
  return extended ? put_extension(out, r) : out;
}

namespace detail {

/// The next record into `r`, which is as made; its names are views into the bytes. Worth nothing unless the reader is good
/// afterwards.
inline void read_record(PayloadReader& in, UsageRecord& r, std::vector<AttemptRecord>* trail) {
  r.id.high = in.get<std::uint64_t>();
  r.id.low = in.get<std::uint64_t>();
  r.started_at = in.get<std::int64_t>();
  unsigned const flags = in.get<std::uint8_t>();
  unsigned const provenance = (flags >> 2 & 3) | (flags >> 5 & 1) << 2;
  in.require((flags & 0x80) == 0);
  in.require(provenance <= static_cast<unsigned>(Provenance::cached));
  r.outcome = static_cast<Outcome>(flags & 3);
  r.provenance = static_cast<Provenance>(provenance);
  r.streamed = (flags & 0x10) != 0;
  auto const mask = in.get<std::uint8_t>();
  r.duration = in.signed_varint();
  r.time_to_first_token = in.signed_varint();
  r.cost = NanoUsd(in.signed_varint());
  r.attempts = in.small();
  r.status = in.small();
  for (std::size_t i = 0; i < first_classes; ++i)
    if ((mask >> i & 1) != 0) read_amount(in, i, r.usage);
  for (auto* name : {&r.key, &r.model, &r.provider, &r.upstream_model, &r.operation}) *name = in.name();
  if ((flags & 0x40) == 0) return;
  auto const before = trail == nullptr ? 0 : trail->size();
  read_extension(in, r, trail);
  if (trail != nullptr) r.trail = std::span(*trail).subspan(before);
}

}  // namespace detail

/// The record in exactly these bytes, its names being views into them; nullopt when they are not a record. Its trail is
/// appended to `trail` and a view into that; without one it is left out.
inline std::optional<UsageRecord> decode(std::span<std::byte const> payload,
                                         std::vector<AttemptRecord>* trail = nullptr) {
  std::optional<UsageRecord> record(std::in_place);
  detail::PayloadReader in(payload);
  detail::read_record(in, *record, trail);
  if (!in.done()) record.reset();
  return record;
}
/// The same without a copy, behind the last of `records`; false adds nothing. Trails are left out.
inline bool decode_onto(std::span<std::byte const> payload, std::vector<UsageRecord>& records) {
  detail::PayloadReader in(payload);
  detail::read_record(in, records.emplace_back(), nullptr);
  if (!in.done()) records.pop_back();
  return in.done();
}

/// Calls fn(record), with its trail, for each of the records that stand one after the other in these bytes. False when it
/// came to something that is not a record, which ends it.
template <class Fn>
bool decode_each(std::span<std::byte const> records, Fn fn) {
  detail::PayloadReader in(records);
  std::vector<AttemptRecord> trail;
  while (in.good() && !in.done()) {
    trail.clear();
    UsageRecord r;
    detail::read_record(in, r, &trail);
    if (in.good()) fn(r);
  }
  return in.good();
}

/// As much of a name as is kept.
inline std::string_view kept_name(std::string_view name) noexcept {
  return name.substr(0, detail::kept_bytes(name));
}

}  // namespace lowart::journal
