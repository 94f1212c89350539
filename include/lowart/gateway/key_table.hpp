#pragma once
/// KeyTable: entries of keys by their digests, for a million of them.

#include <lowart/core/huge_array.hpp>
#include <lowart/gateway/key_entry.hpp>
#include <lowart/net/key_hash.hpp>
#include <lowart/net/sha256.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

using KeyEntryPtr = std::shared_ptr<KeyEntry const>;

/// Under what an entry is found by the subject of a client's certificate. No key has it, as none has a line's end in it.
inline net::Sha256 certificate_digest(std::string_view subject) {
  return net::sha256(std::string("certificate\n").append(subject));
}

/// What a table keeps of a digest beside the bucket that its first eight bytes say: the fifteen bytes behind those.
struct DigestPart {
  std::uint64_t low{0};
  std::uint64_t high{0};  ///< Its last byte is none of the digest's.
  static DigestPart of(net::Sha256 const& digest) noexcept {
    DigestPart part;
    std::memcpy(&part.low, digest.data() + 8, 8);
    std::memcpy(&part.high, digest.data() + 16, 7);
    return part;
  }
  bool operator==(DigestPart const&) const = default;
};
/// Compares all of it, in a time that does not depend on where it differs.
struct SameDigest {
  bool operator()(DigestPart const& a, DigestPart const& b) const noexcept {
    return ((a.low ^ b.low) | (a.high ^ b.high)) == 0;
  }
};

/// Built once in bulk, immutable since; any thread. A digest, as a hash, says itself in which bucket it is; who does not
/// fit in there any more is in the next.
///
/// A look-up reads one bucket, mostly, which is one line of a cache, and compares with every digest in it, for digests
/// that are there and for others: no step depends on how much of one is right. It compares 120 bits: who wants to meet
/// one of a million digests that they cannot see tries 2^99 keys.
class KeyTable {
 public:
  KeyTable() = default;
  /// Of two entries with one digest the first counts. `removed`: digests to answer with gone().
  explicit KeyTable(std::vector<KeyEntryPtr> entries, std::vector<net::Sha256> removed = {})
      : entries_(std::move(entries)),
        removed_(std::move(removed)),
        has_plain_(std::any_of(entries_.begin(), entries_.end(), [](auto const& e) { return e->is_plain; })),
        buckets_(buckets_for(entries_.size() + certificates() + removed_.size())) {
    for (auto const& entry : entries_) {
      put(entry->digest, entry.get());
      if (has_certificate(*entry)) put(certificate_digest(entry->policy->certificate), entry.get());
    }
    for (auto const& digest : removed_) put(digest, gone());
  }

  std::vector<KeyEntryPtr> const& entries() const noexcept { return entries_; }
  std::vector<net::Sha256> const& removed() const noexcept { return removed_; }
  std::size_t size() const noexcept { return entries_.size() + removed_.size(); }
  /// Whether some are to be looked up by the key's SHA-256.
  bool has_plain() const noexcept { return has_plain_; }
  /// What stands for an entry that is no longer there.
  static KeyEntry const* gone() noexcept {
    static KeyEntry const none{};
    return &none;
  }

  /// Has the bucket brought nearer where a digest that begins so would be.
  void prefetch(std::uint64_t first) const noexcept {
    if (buckets_.size() != 0) __builtin_prefetch(&buckets_[bucket_of(first)]);
  }
  /// Null: nothing is known of it; gone(): it was removed.
  template <class Same = SameDigest>
  KeyEntry const* find(net::Sha256 const& digest, Same const& same = {}) const {
    if (buckets_.size() == 0) return nullptr;
    DigestPart const wanted = DigestPart::of(digest);
    for (std::size_t at = bucket_of(net::first_word(digest));; at = next(at)) {
      Bucket const& bucket = buckets_[at];
      std::uintptr_t found = 0;
      for (std::size_t i = 0; i < Bucket::places; ++i)  // no branch: which place it is cannot be foretold
        found |= bucket.entry(i) & (std::uintptr_t{0} - std::uintptr_t{same(bucket.digest(i), wanted)});
      auto const* const entry = reinterpret_cast<KeyEntry const*>(found);
      if (entry != nullptr || !bucket.goes_on) return entry;
    }
  }

 private:
  /// One line of a cache. A place is a part of a digest and the 48 bits that an address has on the machines of today, as
  /// Linux gives a program (those with more have to be asked for).
  struct alignas(64) Bucket {
    static constexpr std::size_t places = 3;
    static constexpr std::size_t digest_bytes = 15;
    static constexpr std::size_t place_bytes = digest_bytes + 6;
    DigestPart digest(std::size_t i) const noexcept {
      DigestPart part;
      std::memcpy(&part.low, &bytes[i * place_bytes], 8);
      std::memcpy(&part.high, &bytes[i * place_bytes + 8], 7);
      return part;
    }
    std::uintptr_t entry(std::size_t i) const noexcept {  ///< KeyEntry const*; 0: the place is free.
      std::uintptr_t address = 0;
      std::memcpy(&address, &bytes[i * place_bytes + digest_bytes], 6);
      return address;
    }
    void set(std::size_t i, DigestPart const& part, KeyEntry const* entry) noexcept {
      auto const address = reinterpret_cast<std::uintptr_t>(entry);
      std::memcpy(&bytes[i * place_bytes], &part.low, 8);
      std::memcpy(&bytes[i * place_bytes + 8], &part.high, 7);
      std::memcpy(&bytes[i * place_bytes + digest_bytes], &address, 6);
    }
    std::array<unsigned char, places * place_bytes> bytes;
    bool goes_on;  ///< Something that would be here is in the next, or behind it.
  };
  static_assert(sizeof(Bucket) == 64 && std::endian::native == std::endian::little && sizeof(void*) == 8);

  static bool has_certificate(KeyEntry const& entry) noexcept {
    return entry.policy && !entry.policy->certificate.empty();
  }
  std::size_t certificates() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [](auto const& e) { return has_certificate(*e); }));
  }
  /// Five places for three digests: one in twelve is not in its own bucket then.
  static std::size_t buckets_for(std::size_t count) noexcept {
    return count == 0 ? 0 : count * 5 / (3 * Bucket::places) + 1;
  }
  std::size_t bucket_of(std::uint64_t first) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>((static_cast<Wide>(first) * buckets_.size()) >> 64U);
  }
  std::size_t next(std::size_t at) const noexcept { return at + 1 == buckets_.size() ? 0 : at + 1; }
  void put(net::Sha256 const& digest, KeyEntry const* entry) noexcept {
    DigestPart const part = DigestPart::of(digest);
    for (std::size_t at = bucket_of(net::first_word(digest));; at = next(at)) {
      Bucket& bucket = buckets_[at];
      for (std::size_t i = 0; i < Bucket::places; ++i) {
        if (bucket.entry(i) == 0) return bucket.set(i, part, entry);
        if (bucket.digest(i) == part) return;
      }
      bucket.goes_on = true;
    }
  }

  std::vector<KeyEntryPtr> entries_;
  std::vector<net::Sha256> removed_;
  bool has_plain_{false};
  HugeArray<Bucket> buckets_;
};

}  // namespace lowart
