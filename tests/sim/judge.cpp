#include "judge.hpp"

#include <lowart/core/loop_clock.hpp>
#include <lowart/meter/encoding.hpp>

#include <algorithm>
#include <string>

namespace lowart::sim {

namespace {

/// One call before its judge.
class Case {
 public:
  Case(Plan const& plan, Ledger& ledger, CallLog const& call, bool drained)
      : plan_(plan), ledger_(ledger), call_(call), drained_(drained) {}

  void hear() {
    ended_once();
    if (call_.admitted == 1 && call_.records.size() == 1) record();
    if (!call_.begun) return;
    if (!call_.impatient) answered();
    text();
    if (plan_.calm) went_well();
  }

 private:
  void fault(std::string const& what) {
    ledger_.fault("call-" + std::to_string(call_.question.number) + ": " + what);
  }
  bool streamed() const noexcept { return call_.question.stream; }
  KeptRecord const& kept() const noexcept { return call_.records.front(); }

  void ended_once() {
    if (call_.admitted > 1) fault("admitted " + std::to_string(call_.admitted) + " times");
    if (call_.ended != call_.admitted)
      fault("ended " + std::to_string(call_.ended) + " times, admitted " + std::to_string(call_.admitted));
    if (static_cast<int>(call_.records.size()) != call_.admitted)
      fault(std::to_string(call_.records.size()) + " records of " + std::to_string(call_.admitted) +
            " calls");
    bool const asked = std::any_of(ledger_.attempts.begin(), ledger_.attempts.end(),
                                   [&](Attempt const& a) { return a.call == call_.question.number; });
    if (asked && call_.admitted == 0) fault("asked of an upstream, but never admitted");
    if (!call_.left_at || call_.ended == 0) return;
    // Clients are looked after every tick or two; a piece that is being sent has its time to be taken.
    Nanos const seen = plan_.server.look_out + 3 * LoopClock::tick + plan_.server.write_time;
    if (call_.ended_at > std::max(*call_.left_at, call_.admitted_at) + seen)
      fault("went on although its client had left");
  }

  /// Who stays and asks properly gets one complete answer.
  void answered() {
    if (call_.answered) {
      if (call_.status == 0) fault("an answer without a status");
      if (call_.status == 500) fault("a fault of the gateway itself: " + call_.body.substr(0, 200));
      return;
    }
    bool const nothing = call_.status == 0 && call_.body.empty();
    bool const idle_end = !call_.first_on_connection && nothing;  // the gateway closed as it was asked
    if (idle_end || drained_) return;
    fault("no complete answer; " + std::to_string(call_.body.size()) + " bytes of one with status " +
          std::to_string(call_.status));
  }

  /// What the client reads is what one attempt said; a success is all of it.
  void text() {
    if (call_.status != 200) return;
    std::string const said = text_in(call_.question.speech, streamed(), call_.body);
    bool const success =
        call_.answered && ending_of(call_.question.speech, streamed(), call_.body) == Ending::success;
    if (said.empty() && !success) return;
    Attempt const* const of = attempt_of(said);
    if (of == nullptr) return fault("what it reads is of no attempt of its own: " + said.substr(0, 60));
    std::string const all = of->story.text(of->words_sent());
    if (!all.starts_with(said))
      return fault("its text is not what the upstream said: " + said.substr(0, 200));
    if (success && !of->ended_well()) return fault("a broken answer looks complete");
    if (success && said != of->story.text(of->story.words)) return fault("a complete answer lacks words");
    if (success) usage(*of, said);
    else partial(said, all);
  }
  Attempt const* attempt_of(std::string_view said) const {
    // " a12w3.": the number of the attempt
    std::size_t number = 0;
    for (std::size_t i = 2; i < said.size() && said[i] >= '0' && said[i] <= '9'; ++i)
      number = number * 10 + static_cast<std::size_t>(said[i] - '0');
    if (said.empty() || number >= ledger_.attempts.size()) return nullptr;
    Attempt const& attempt = ledger_.attempts[number];
    return attempt.call == call_.question.number ? &attempt : nullptr;
  }

  /// Recorded is what the upstream told, or what was counted in its words; and the client was told the same.
  void usage(Attempt const& of, std::string const& said) {
    if (call_.records.size() != 1) return;
    if (kept().outcome != Outcome::complete && kept().outcome != Outcome::cancelled)
      fault("complete for the client, but recorded as " + std::string(to_string(kept().outcome)));
    Usage const& recorded = kept().usage;
    if (!of.story.tells_usage) {
      if (recorded.value(UsageClass::output) != tokens_of(said, of))
        fault("counted " + std::to_string(recorded.value(UsageClass::output)) + " tokens of output, not " +
              std::to_string(tokens_of(said, of)));
      if (kept().provenance == Provenance::reported) fault("recorded as reported, but nothing was");
      return;
    }
    Figures const& f = of.story.figures;
    Figures const is{recorded.value(UsageClass::input), recorded.value(UsageClass::cache_read),
                     recorded.value(UsageClass::output)};
    if (is != f || recorded.total() != f.input + f.cache_read + f.output)
      fault("recorded " + shown(is) + " tokens, the upstream told " + shown(f));
    if (kept().provenance != Provenance::reported)
      fault("told by the upstream, but not recorded as reported");
    auto const told = usage_in(call_.question.speech, call_.body);
    bool const tells = call_.question.speech != Speech::chat || !streamed() || call_.question.asks_usage;
    if (tells && !told) return fault("the client was not told what it is charged for");
    if (told && (told->input_total != f.input + f.cache_read || told->output != f.output))
      fault("the client was told " + std::to_string(told->input_total) + " and " +
            std::to_string(told->output) + " tokens, and charged " + shown(f));
  }
  static std::string shown(Figures const& f) {
    return std::to_string(f.input) + "+" + std::to_string(f.cache_read) + " in, " + std::to_string(f.output) +
           " out";
  }
  std::int64_t tokens_of(std::string_view text, Attempt const& of) const {
    std::string const& model = plan_.targets[static_cast<std::size_t>(of.host - 1)].model;
    Encoding const* const own = encoding_for_model(model);
    return static_cast<std::int64_t>((own != nullptr ? *own : o200k_base()).count(text));
  }
  /// What was cut off is recorded with at least what the client has of it, and no more than was said.
  void partial(std::string const& said, std::string const& all) {
    if (call_.records.size() != 1) return;
    Attempt const& of = *attempt_of(said);
    std::int64_t const recorded = kept().usage.value(UsageClass::output);
    if (kept().provenance == Provenance::reported) {
      bool const told = of.story.tells_usage && recorded <= of.story.figures.output;
      if (!told) fault("recorded as reported: " + std::to_string(recorded) + " tokens that nobody told");
      return;
    }
    // Figures that had come stay; only what is missing is counted.
    if (of.story.tells_usage && of.story.tells_early) return;
    if (recorded < tokens_of(said, of) || recorded > tokens_of(all, of))
      fault("recorded " + std::to_string(recorded) + " tokens of a part of " +
            std::to_string(tokens_of(said, of)) + " to " + std::to_string(tokens_of(all, of)));
  }

  void record() {
    if (kept().model != call_.question.model) fault("recorded for the model " + kept().model);
    if (kept().key != call_.question.key) fault("recorded for the key " + kept().key);
    int most = 0;
    std::size_t const chain = static_cast<std::size_t>(call_.question.model[1] - '0');
    for (std::size_t const target : plan_.chains[chain].targets) most += plan_.targets[target].retry.attempts;
    bool const asks_twice = plan_.chains[chain].hedge && plan_.chains[chain].targets.size() == 1;
    if (asks_twice) most *= 2;
    if (kept().attempts > most)
      fault(std::to_string(kept().attempts) + " attempts, " + std::to_string(most) + " are allowed");
    auto const begun = std::count_if(ledger_.attempts.begin(), ledger_.attempts.end(), [&](Attempt const& a) {
      return a.call == call_.question.number && a.sent > 0;
    });
    if (begun > kept().attempts)
      fault(std::to_string(begun) + " answers began upstream, but only " + std::to_string(kept().attempts) +
            " attempts are recorded");
    if (kept().outcome == Outcome::failed && !kept().usage.empty()) fault("failed, but has used something");
    if (kept().outcome != Outcome::complete) return;
    bool const one_ended =
        std::any_of(ledger_.attempts.begin(), ledger_.attempts.end(),
                    [&](Attempt const& a) { return a.call == call_.question.number && a.ended_well(); });
    if (!one_ended) fault("recorded as complete, but no attempt was");
  }

  void went_well() {
    bool const success = call_.answered && call_.status == 200 &&
                         ending_of(call_.question.speech, streamed(), call_.body) == Ending::success;
    if (!success)
      fault("failed though nothing went wrong: " + std::to_string(call_.status) + " " +
            call_.body.substr(0, 300));
  }

  Plan const& plan_;
  Ledger& ledger_;
  CallLog const& call_;
  bool drained_;
};

}  // namespace

void judge(Plan const& plan, Ledger& ledger, bool drained) {
  for (CallLog const& call : ledger.calls) Case(plan, ledger, call, drained).hear();
}

}  // namespace lowart::sim
