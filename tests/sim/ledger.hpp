#pragma once
/// What a run keeps of each call, to be judged when it is over: the client's side, the gateway's, the upstreams'.

#include <lowart/model/usage_record.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "speech.hpp"
#include "trace.hpp"

namespace lowart::sim {

/// One answer of an upstream, up to where it came.
struct Attempt {
  int call{0};
  int host{0};
  Speech speech{Speech::chat};
  bool streamed{false};
  bool answers{false};      ///< With status 200, whatever becomes of it.
  bool can_end_well{true};  ///< False: what is sent is no complete answer, however much of it.
  Story story;
  std::size_t terminal_at{0};  ///< Bytes of the answer's wire form up to the end of what makes it complete.
  std::size_t sent{0};         ///< Of those bytes.
  std::vector<std::pair<std::size_t, int>> words_at;  ///< Bytes, and the words that have been said by then.

  bool ended_well() const noexcept { return answers && can_end_well && sent >= terminal_at; }
  int words_sent() const noexcept {
    int words = 0;
    for (auto const& [bytes, said] : words_at)
      if (bytes <= sent) words = said;
    return words;
  }
};

/// The record of one call; the strings of a UsageRecord do not outlive it.
struct KeptRecord {
  std::string key;
  std::string model;
  Usage usage;
  Provenance provenance{Provenance::none};
  Outcome outcome{Outcome::failed};
  int attempts{0};
};

/// One call of a client.
struct CallLog {
  Question question;
  // the client's side
  bool begun{false};  ///< It has begun to send.
  bool sent_whole{false};
  bool impatient{false};  ///< It leaves, or is too slow to be waited for: what it gets is its own doing.
  bool first_on_connection{true};
  std::optional<Nanos> left_at;
  bool connection_ended{false};
  bool answered{false};  ///< A complete answer, by its framing.
  int status{0};
  std::string body;  ///< Without its framing.
  // the gateway's side
  int admitted{0};
  int ended{0};
  Nanos admitted_at{};
  Nanos ended_at{};
  std::int64_t reserved{0};
  std::vector<KeptRecord> records;
};

struct Ledger {
  std::deque<CallLog> calls;        ///< By number.
  std::deque<Attempt> attempts;     ///< By Story::attempt.
  std::vector<std::string> faults;  ///< What broke an invariant.
  std::map<std::string, std::uint64_t> met;
  int running{0};  ///< Requests that a handler is at work on.

  CallLog* call(int number) noexcept {
    auto const index = static_cast<std::size_t>(number);
    return number >= 0 && index < calls.size() ? &calls[index] : nullptr;
  }
  void meet(std::string const& what) { ++met[what]; }
  void fault(std::string what) { faults.push_back(std::move(what)); }
};

/// The number in "call-12"; -1 where there is none.
inline int call_number(std::string_view text) noexcept {
  auto at = text.find("call-");
  if (at == std::string_view::npos) return -1;
  int number = -1;
  for (at += 5; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    number = (number < 0 ? 0 : number) * 10 + (text[at] - '0');
  return number;
}

}  // namespace lowart::sim
