#pragma once
/// ResponseStore: answers of POST /v1/responses, kept in memory so that a client can go on from them or read them.

#include <lowart/core/clock.hpp>
#include <lowart/core/error.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/gateway/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lowart {

/// What is kept of one response.
struct StoredResponse {
  std::string response;  ///< Its object as the client got it.
  std::string
      items;  ///< All that was said up to its end, as input items separated by commas: see items_after().

  std::size_t bytes() const noexcept { return response.size() + items.size(); }
};

struct ResponseStoreLimits {
  std::size_t bytes{256U << 20U};
  std::size_t entries{100'000};
  std::chrono::milliseconds lifetime{std::chrono::hours{24}};
};

/// Keeps responses, each for the API key that asked for it: another key cannot tell it from one that never was.
///
/// Bounded in bytes and entries: the one that was used longest ago goes first. One that is larger than the whole
/// store is not kept. An entry ends its lifetime after it was put, however often it is read.
///
/// Concurrency: any thread; one lock, held for a look-up and never while a response is copied. Nothing is kept on
/// disk: a restart forgets all.
class ResponseStore {
 public:
  explicit ResponseStore(ResponseStoreLimits limits = {}) noexcept : limits_(limits) {}

  /// Keeps a response under its id; one of the same id is replaced. False when it is too large to be kept.
  bool put(std::string_view owner, std::string_view id, StoredResponse response, TimePoint now) {
    std::size_t const bytes = response.bytes() + owner.size() + id.size() + entry_bytes;
    auto kept = std::make_shared<StoredResponse const>(std::move(response));
    std::string key = key_of(owner, id);
    std::lock_guard const lock(mutex_);
    if (auto const old = entries_.find(key); old != entries_.end()) drop(old);
    if (bytes > limits_.bytes || limits_.entries == 0) return false;
    drop_old(now);
    while (!order_.empty() && (bytes_ + bytes > limits_.bytes || entries_.size() >= limits_.entries)) {
      drop(entries_.find(order_.back()));
      ++evicted_;
    }
    order_.push_front(key);
    bytes_ += bytes;
    entries_.emplace(std::move(key), Entry{std::move(kept), bytes, now, order_.begin()});
    return true;
  }

  /// The response of that id that this owner asked for; null when there is none, or no longer.
  std::shared_ptr<StoredResponse const> get(std::string_view owner, std::string_view id, TimePoint now) {
    std::string const key = key_of(owner, id);
    std::lock_guard const lock(mutex_);
    auto const found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    if (is_old(found->second, now)) return drop(found), nullptr;
    order_.splice(order_.begin(), order_, found->second.place);
    return found->second.response;
  }

  /// Forgets a response. False when this owner has none of that id.
  bool erase(std::string_view owner, std::string_view id, TimePoint now) {
    std::string const key = key_of(owner, id);
    std::lock_guard const lock(mutex_);
    auto const found = entries_.find(key);
    if (found == entries_.end()) return false;
    bool const alive = !is_old(found->second, now);
    drop(found);
    return alive;
  }

  std::size_t size() const {
    std::lock_guard const lock(mutex_);
    return entries_.size();
  }
  std::size_t bytes() const {
    std::lock_guard const lock(mutex_);
    return bytes_;
  }
  /// Its gauges and its counter.
  void render(PrometheusText& out) const {
    std::lock_guard const lock(mutex_);
    out.head("gateway_responses_kept", "gauge", "Responses that are kept");
    out.sample("gateway_responses_kept", "", static_cast<std::int64_t>(entries_.size()));
    out.head("gateway_responses_kept_bytes", "gauge", "Memory that they take");
    out.sample("gateway_responses_kept_bytes", "", static_cast<std::int64_t>(bytes_));
    out.head("gateway_responses_evicted_total", "counter",
             "Responses that went before their time, for others to fit in");
    out.sample("gateway_responses_evicted_total", "", evicted_);
  }
  /// How many had to go before their time, for others to fit in.
  std::int64_t evicted() const {
    std::lock_guard const lock(mutex_);
    return evicted_;
  }

 private:
  static constexpr std::size_t entry_bytes = 256;  ///< About what an entry takes beside its texts.

  struct Entry {
    std::shared_ptr<StoredResponse const> response;
    std::size_t bytes;
    TimePoint put_at;
    std::list<std::string>::iterator place;
  };
  using Entries = std::unordered_map<std::string, Entry>;

  /// The owner's length stands first, so that no two pairs have one key.
  static std::string key_of(std::string_view owner, std::string_view id) {
    return std::to_string(owner.size()).append(":").append(owner).append(id);
  }
  bool is_old(Entry const& entry, TimePoint now) const noexcept {
    return now - entry.put_at >= limits_.lifetime;
  }
  void drop(Entries::iterator entry) {
    bytes_ -= entry->second.bytes;
    order_.erase(entry->second.place);
    entries_.erase(entry);
  }
  /// Those used longest ago, as far as they are over their lifetime.
  void drop_old(TimePoint now) {
    while (!order_.empty() && is_old(entries_.find(order_.back())->second, now))
      drop(entries_.find(order_.back()));
  }

  ResponseStoreLimits limits_;
  mutable std::mutex mutex_;
  std::list<std::string> order_;  ///< Keys; the one used last stands first.
  Entries entries_;
  std::size_t bytes_{0};
  std::int64_t evicted_{0};
};

/// The refusal of a `previous_response_id` that is not known here: 400, previous_response_not_found.
inline Error previous_response_not_found(std::string_view id) {
  Error error(Errc::invalid_request,
              std::string("Previous response with id '").append(id).append("' not found."), Origin::client);
  return std::move(error).with_param("previous_response_id");
}

/// The refusal of a `previous_response_id` where nothing is kept.
inline Error responses_are_not_kept() {
  Error error(
      Errc::invalid_request,
      "'previous_response_id' needs responses to be kept, which this gateway does not do: send the whole "
      "conversation as 'input'",
      Origin::client);
  return std::move(error).with_param("previous_response_id");
}

/// The refusal of a request that is too large together with what it goes on from.
inline Error continued_is_too_large(std::size_t bytes, std::size_t most) {
  std::string message = "the request and what it goes on from are ";
  message.append(std::to_string(bytes)).append(" bytes, more than the ");
  message.append(std::to_string(most)).append(" bytes that a request may have");
  return Error(Errc::too_large, std::move(message), Origin::client).with_param("previous_response_id");
}

/// The answer to GET and DELETE of a response that is not there: 404.
inline Error response_not_found(std::string_view id) {
  Error error(Errc::not_found, std::string("Response with id '").append(id).append("' not found."),
              Origin::client);
  return std::move(error).with_param("response_id");
}

/// The body that answers DELETE /v1/responses/{id}.
inline std::string deleted_response_body(std::string_view id) {
  std::string body;
  dialect::JsonWriter w(body);
  w.begin_object().text("id", id).text("object", "response").flag("deleted", true).end_object();
  return body;
}

}  // namespace lowart
