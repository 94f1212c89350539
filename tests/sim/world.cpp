#include "world.hpp"

#include <lowart/core/loop_clock.hpp>
#include <lowart/gateway/gateway.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/meter/metered.hpp>
#include <lowart/net/http_client.hpp>
#include <lowart/net/http_server.hpp>
#include <lowart/policy/balance.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/bulkhead.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/hedge.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/router.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "breaker_watch.hpp"
#include "bulkhead_watch.hpp"
#include "judge.hpp"
#include "plan.hpp"
#include "witness.hpp"

namespace lowart::sim {

namespace {

/// Counts the handlers that are at work: a coroutine that never ends leaves one.
class AtWork {
 public:
  explicit AtWork(int& count) noexcept : count_(count) { ++count_; }
  ~AtWork() { --count_; }
  AtWork(AtWork const&) = delete;
  AtWork& operator=(AtWork const&) = delete;

 private:
  int& count_;
};

class World {
 public:
  World(std::uint64_t seed, bool prints)
      : random_(seed), plan_(make_plan(random_)), trace_(prints), kernel_(random_, trace_) {}

  Verdict run() {
    kernel_.interrupts(plan_.interrupts);
    kernel_.on_dial = [this](int host) { return upstreams_.dial(host); };
    for (TargetPlan const& target : plan_.targets) upstreams_.add(target.host, target.speech);
    make_clients();
    {
      Gateway<Answer> gateway = make_gateway();
      asio::io_context io{1};
      kernel_.on_stuck = [&] {
        ledger_.fault("the loop waits for something that never comes");
        io.stop();
      };
      serve(io, gateway);
    }
    kernel_.run_out();
    if (ledger_.running != 0) ledger_.fault(std::to_string(ledger_.running) + " handlers never ended");
    if (kernel_.open_files() != 0)
      ledger_.fault(std::to_string(kernel_.open_files()) + " files are left open");
    for (auto const& client : clients_)
      if (!client->over()) ledger_.fault("a client still waits");
    judge(plan_, ledger_, drained_);
    for (auto const& bulkhead : bulkheads_) bulkhead->is_over();
    note_what_was_met();
    limits_.judge(kernel_.now(), ledger_);
    return Verdict{
        .faults = std::move(ledger_.faults), .digest = trace_.digest(), .met = std::move(ledger_.met)};
  }

 private:
  using Answer = Witness<Metered<Router, LedgerSink>>;
  static constexpr std::uint16_t port = 8080;

  void make_clients() {
    for (ClientPlan const& plan : plan_.clients) {
      std::vector<int> numbers;
      for (Question const& question : plan.questions) {
        ledger_.calls.emplace_back().question = question;
        numbers.push_back(question.number);
      }
      clients_.push_back(std::make_shared<Client>(kernel_, ledger_, plan.manners, std::move(numbers)));
    }
  }

  // --- the gateway, composed as the reference server composes it

  Gateway<Answer> make_gateway() {
    std::vector<AnyProvider> targets;
    for (TargetPlan const& plan : plan_.targets) targets.push_back(make_target(plan));
    std::vector<Route> routes;
    for (std::size_t i = 0; i < plan_.chains.size(); ++i)
      routes.push_back(
          Route{"m" + std::to_string(i), {}, "sim", make_chain(plan_.chains[i], targets), DoorSet::all()});
    GatewayOptions options;
    if (plan_.keeps_responses) options.responses.emplace();
    for (KeyPlan const& key : plan_.keys)
      options.keys.push_back(KeyEntry{
          key.text, net::sha256(key.text), limits_.add(key.text, key.limits, kernel_.now()).state(), {}});
    Metered<Router, LedgerSink> metered(Router(std::move(routes)), TokenMeter{}, LedgerSink(records_));
    return Gateway<Answer>(Answer(std::move(metered), book_), std::move(options));
  }

  AnyProvider make_chain(ChainPlan const& plan, std::vector<AnyProvider> const& targets) {
    std::vector<AnyProvider> members;
    for (std::size_t const target : plan.targets) members.push_back(targets[target]);
    if (members.size() == 1 && !plan.hedge) return members.front();
    AnyFallback chain(std::move(members));
    auto const hedged = [&](auto tried) {
      if (!plan.hedge) return AnyProvider(std::move(tried));
      Hedge hedge(std::move(tried), *plan.hedge);
      hedges_.push_back(hedge.state());
      return AnyProvider(std::move(hedge));
    };
    if (!plan.balance) return hedged(std::move(chain));
    return hedged(AnyBalance(AnySelection(*plan.balance), std::move(chain), {}, goes_on, random_.next()));
  }

  AnyProvider make_target(TargetPlan const& plan) {
    std::string const url = "http://10.0.0." + std::to_string(plan.host) + "/v1";
    auto const watch = std::make_shared<BreakerWatch>(kernel_, ledger_, url, plan.breaker);
    auto const last = std::make_shared<BreakerWatch::Pass*>(nullptr);
    auto const waits = std::make_shared<RetryState>(plan.retry, random_.next());
    auto guarded = WithinBreaker(make_leaf(plan, url), watch, last) | breaker(watch->state());
    AroundBreaker around(std::move(guarded), watch, last);
    if (!plan.bulkhead) return AnyProvider(ForModel(std::move(around) | retry(waits), plan.model));
    auto const places = std::make_shared<BulkheadWatch>(ledger_, url, *plan.bulkhead);
    bulkheads_.push_back(places);
    return AnyProvider(ForModel(
        WithinBulkhead(std::move(around), places) | bulkhead(places->places()) | retry(waits), plan.model));
  }

  /// Behind one type: what stands around it would else be compiled for each provider.
  AnyProvider make_leaf(TargetPlan const& plan, std::string const& url) const {
    auto const transport = net::HttpTransport::make(url).value();
    auto const wrap = [&](auto leaf) {
      return AnyProvider(std::move(leaf) | counted() | timeouts(plan.clocks));
    };
    auto const with_name = [&](auto options) {
      options.name = url;
      return options;
    };
    switch (plan.speech) {
      case Speech::chat: return wrap(OpenAi<net::HttpTransport>(transport, with_name(OpenAiOptions{})));
      case Speech::messages:
        return wrap(Anthropic<net::HttpTransport>(transport, with_name(AnthropicOptions{})));
      case Speech::responses:
        return wrap(OpenAiResponses<net::HttpTransport>(transport, with_name(OpenAiResponsesOptions{})));
      case Speech::gemini: break;
    }
    return wrap(Gemini<net::HttpTransport>(transport, with_name(GeminiOptions{})));
  }

  // --- the run

  void serve(asio::io_context& io, Gateway<Answer>& gateway) {
    doors_ = gateway.handler(0, LoopClock::of(io), [this] { return drained_; });
    auto const counted_doors = [this](net::ServerRequest& request, net::Responder& responder) -> Task<void> {
      return at_work(doors_, ledger_.running, request, responder);
    };
    auto const server = std::make_shared<net::HttpServer>(io, counted_doors, plan_.server);
    net::ListenAddress address = net::parse_listen_address("127.0.0.1:" + std::to_string(port)).value();
    if (auto const listening = server->listen(address); !listening)
      return ledger_.fault("cannot listen: " + listening.error().message());
    for (auto const& client : clients_) client->start(port);
    if (plan_.drains_after) {
      kernel_.after(*plan_.drains_after, [this, server] {
        drained_ = true;
        drain(*server);
        kernel_.after(plan_.drain_bound, [server] { server->abort(); });
      });
    }
    look_after(io, server, kernel_.now() + patience);
    io.run();
    ended_ = true;
    kernel_.program_ends();
    if (!idle_) ledger_.fault("the server never became idle");
    if (server->connections() != 0)
      ledger_.fault(std::to_string(server->connections()) + " connections of clients are left");
  }
  static Task<void> at_work(net::Handler const& doors, int& running, net::ServerRequest& request,
                            net::Responder& responder) {
    AtWork const counted(running);
    co_await doors(request, responder);
  }
  void drain(net::HttpServer& server) {
    draining_ = true;
    trace_.note(kernel_.now(), "drain");
    server.drain([this] { idle_ = true; });
  }
  /// Drains when the clients are done, and gives up when that takes too long.
  void look_after(asio::io_context& io, std::shared_ptr<net::HttpServer> const& server, Nanos until) {
    bool const all_over =
        std::all_of(clients_.begin(), clients_.end(), [](auto const& client) { return client->over(); });
    if (all_over && !draining_) drain(*server);
    bool const all_done = all_over && idle_;
    if (all_done) {
      doors_ = {};  // their access log would let the clock tick on
      until = std::min(until, kernel_.now() + farewell);
    }
    if (kernel_.now() > until) {
      ledger_.fault(all_done ? "everything is over, but the loop still has work" : "the run does not end");
      return io.stop();
    }
    kernel_.after(std::chrono::milliseconds(200), [this, &io, server, until] {
      if (!ended_) look_after(io, server, until);
    });
  }

  void note_what_was_met() {
    for (CallLog const& call : ledger_.calls) {
      ledger_.meet("calls");
      ledger_.meet(call.admitted > 0 ? "calls admitted" : "calls refused or never asked");
      if (call.answered) ledger_.meet("answers with status " + std::to_string(call.status));
      for (KeptRecord const& record : call.records) {
        ledger_.meet("records " + std::string(to_string(record.outcome)));
        ledger_.meet("records " + std::string(to_string(record.provenance)));
      }
    }
    for (Attempt const& attempt : ledger_.attempts)
      ledger_.meet(attempt.ended_well() ? "attempts that end well" : "attempts that do not");
    for (auto const& hedge : hedges_) ledger_.met["second attempts of hedges"] += hedge->begun.load();
    if (drained_) ledger_.meet("runs that end early");
    if (plan_.calm) ledger_.meet("runs without trouble");
  }

  /// Longer than any call may take, with all its attempts and waits.
  static constexpr std::chrono::minutes patience{15};
  static constexpr std::chrono::seconds farewell{1};  ///< For what the last clients have left behind.

  Random random_;
  Plan plan_;
  Trace trace_;
  Ledger ledger_;
  LimitModels limits_;
  std::vector<KeptRecord> records_;
  Kernel kernel_;
  WitnessBook book_{kernel_, ledger_, limits_, records_};
  Upstreams upstreams_{kernel_, ledger_, plan_.mood};
  std::vector<std::shared_ptr<Client>> clients_;
  std::vector<std::shared_ptr<BulkheadWatch>> bulkheads_;
  std::vector<std::shared_ptr<HedgeState>> hedges_;
  net::Handler doors_;
  bool draining_{false};
  bool drained_{false};
  bool idle_{false};
  bool ended_{false};
};

}  // namespace

Verdict run_seed(std::uint64_t seed, bool prints) { return World(seed, prints).run(); }

}  // namespace lowart::sim
