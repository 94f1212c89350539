#pragma once
/// KeyTable: entries of keys by their digests, for a million of them.

#include <lowart/core/huge_array.hpp>
#include <lowart/gateway/key_entry.hpp>
#include <lowart/net/sha256.hpp>

#include <algorithm>
#include <array>
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

/// Compares whole digests, in a time that does not depend on where they differ.
struct SameDigest {
  bool operator()(net::Sha256 const& a, net::Sha256 const& b) const noexcept {
    std::array<std::uint64_t, 4> x, y;
    std::memcpy(x.data(), a.data(), sizeof x);
    std::memcpy(y.data(), b.data(), sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3])) == 0;
  }
};

/// Built once in bulk, immutable since; any thread. A digest, as a hash, says itself in which bucket it is; who does not
/// fit in there any more is in the next.
///
/// A look-up reads one bucket, mostly, and compares with every digest in it, for digests that are there and for others:
/// no step depends on how much of one is right.
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

  /// Null: nothing is known of it; gone(): it was removed.
  template <class Same = SameDigest>
  KeyEntry const* find(net::Sha256 const& digest, Same const& same = {}) const {
    if (buckets_.size() == 0) return nullptr;
    for (std::size_t at = bucket_of(digest);; at = next(at)) {
      Bucket const& bucket = buckets_[at];
      std::uintptr_t found = 0;
      for (std::size_t i = 0; i < Bucket::places; ++i)  // no branch: which place it is cannot be foretold
        found |= bucket.entries[i] & (std::uintptr_t{0} - std::uintptr_t{same(bucket.digests[i], digest)});
      auto const* const entry = reinterpret_cast<KeyEntry const*>(found);
      if (entry != nullptr || !bucket.is_full()) return entry;
    }
  }

 private:
  /// As long as two lines of a cache, which processors fetch together.
  struct alignas(128) Bucket {
    static constexpr std::size_t places = 3;
    bool is_full() const noexcept { return entries[places - 1] != 0; }
    std::array<net::Sha256, places> digests;
    std::array<std::uintptr_t, places> entries;  ///< KeyEntry const*; 0: the place is free.
  };

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
  std::size_t bucket_of(net::Sha256 const& digest) const noexcept {
    __extension__ using Wide = unsigned __int128;
    std::uint64_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return static_cast<std::size_t>((static_cast<Wide>(hash) * buckets_.size()) >> 64U);
  }
  std::size_t next(std::size_t at) const noexcept { return at + 1 == buckets_.size() ? 0 : at + 1; }
  void put(net::Sha256 const& digest, KeyEntry const* entry) noexcept {
    for (std::size_t at = bucket_of(digest);; at = next(at)) {
      Bucket& bucket = buckets_[at];
      for (std::size_t i = 0; i < Bucket::places; ++i) {
        if (bucket.entries[i] != 0 && bucket.digests[i] == digest) return;
        if (bucket.entries[i] != 0) continue;
        bucket.digests[i] = digest;
        bucket.entries[i] = reinterpret_cast<std::uintptr_t>(entry);
        return;
      }
    }
  }

  std::vector<KeyEntryPtr> entries_;
  std::vector<net::Sha256> removed_;
  bool has_plain_{false};
  HugeArray<Bucket> buckets_;
};

}  // namespace lowart
