#pragma once
/// Upstream: the providers of a run. They speak their protocols, and fail in every way that a seed asks for.

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http_reader.hpp"
#include "kernel.hpp"
#include "ledger.hpp"
#include "speech.hpp"

namespace lowart::sim {

/// How badly the upstreams behave, each in percent.
struct Mood {
  unsigned dial_trouble{0};    ///< Of the attempts to connect.
  unsigned answer_trouble{0};  ///< Of the answers.
  unsigned storm{0};           ///< Of the answers: 429.
  unsigned hangs_up{0};        ///< Of the connections: closed while they are idle.
  bool slow{false};            ///< Pauses as long as the gateway's clocks.
};

/// What goes wrong with one answer.
enum class Trouble : std::uint8_t {
  none,
  no_answer,          ///< Nothing comes.
  refused,            ///< An error status.
  limited,            ///< 429, with the time in one of its formats, or without.
  cut,                ///< The connection ends after some bytes.
  reset,              ///< The connection breaks after some bytes.
  stall,              ///< Nothing more comes after some bytes.
  garbage_head,       ///< No HTTP.
  garbage_chunk,      ///< A chunk whose size is none.
  garbage_json,       ///< An event, or a document, that is no JSON.
  error_event,        ///< A failure in the middle of the stream.
  no_terminal_event,  ///< The stream ends, but the answer does not.
  endless,            ///< Words without an end.
  surplus,            ///< Behind the answer comes another that nobody asked for.
};

constexpr std::string_view to_string(Trouble trouble) noexcept {
  constexpr std::array<std::string_view, 14> names{
      "none",    "no answer",    "refused",       "limited",      "cut",         "reset",
      "stall",   "garbage head", "garbage chunk", "garbage json", "error event", "no terminal event",
      "endless", "surplus"};
  return names[static_cast<std::size_t>(trouble)];
}

/// All upstreams of a run; each listens at an address of its own.
class Upstreams {
 public:
  Upstreams(Kernel& kernel, Ledger& ledger, Mood mood) : kernel_(kernel), ledger_(ledger), mood_(mood) {}

  void add(int host, Speech speech) { hosts_.emplace_back(host, speech); }
  /// For Kernel::on_dial.
  Dial dial(int host);

 private:
  class Connection;
  Speech speech_of(int host) const noexcept;
  Trouble trouble();

  Kernel& kernel_;
  Ledger& ledger_;
  Mood mood_;
  std::vector<std::pair<int, Speech>> hosts_;
};

}  // namespace lowart::sim
