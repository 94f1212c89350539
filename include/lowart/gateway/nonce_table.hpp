#pragma once
/// NonceTable: which nonces of signed requests were seen, so that none counts twice.

#include <lowart/net/sha256.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <unordered_set>
#include <utility>

namespace lowart {

/// One for all event loops; any thread. An entry is kept for as long as the request that had it could be signed again,
/// and forgotten then: never earlier, so a table that is full takes no more.
///
/// Cost: a lock that is shared with a 16th of the others, and an allocation.
class NonceTable {
 public:
  enum class Seen : std::uint8_t { first, again, full };
  static constexpr std::chrono::minutes keeps{10};

  /// `most` nonces at once; each takes about 120 bytes.
  explicit NonceTable(std::size_t most = 1'000'000) : most_in_shard_((most + shards - 1) / shards) {}
  NonceTable(NonceTable const&) = delete;
  NonceTable& operator=(NonceTable const&) = delete;

  /// Notes a nonce, by a digest of it and of whose it is. `now` is UTC, in seconds.
  Seen note(net::Sha256 const& nonce, std::int64_t now) {
    Shard& shard = shards_[nonce[0] % shards];
    std::lock_guard const lock(shard.mutex);
    forget(shard, now);
    if (shard.seen.contains(nonce)) return Seen::again;
    if (shard.seen.size() >= most_in_shard_) return Seen::full;
    shard.seen.insert(nonce);
    shard.in_order.push_back({now, nonce});
    return Seen::first;
  }
  /// How many are kept.
  std::size_t size() const {
    std::size_t all = 0;
    for (Shard const& shard : shards_) {
      std::lock_guard const lock(shard.mutex);
      all += shard.seen.size();
    }
    return all;
  }

 private:
  static constexpr std::size_t shards = 16;
  struct FirstBytes {
    std::size_t operator()(net::Sha256 const& digest) const noexcept {
      std::size_t h = 0;
      std::memcpy(&h, digest.data() + 1, sizeof h);
      return h;
    }
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unordered_set<net::Sha256, FirstBytes> seen;
    std::deque<std::pair<std::int64_t, net::Sha256>> in_order;
  };

  static void forget(Shard& shard, std::int64_t now) {
    std::int64_t const oldest = now - std::chrono::seconds(keeps).count();
    while (!shard.in_order.empty() && shard.in_order.front().first < oldest) {
      shard.seen.erase(shard.in_order.front().second);
      shard.in_order.pop_front();
    }
  }

  std::size_t const most_in_shard_;
  std::array<Shard, shards> shards_;
};

}  // namespace lowart
