#pragma once
/// Gateway: a Provider with doors. A type: what it is made of is fixed when it is compiled.

#include <lowart/gateway/doors.hpp>
#include <lowart/gateway/nonce_table.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

struct GatewayOptions {
  std::vector<KeyEntry> keys{};     ///< Empty: everybody may call.
  std::vector<ModelCard> models{};  ///< What GET /v1/models lists.
  DoorLimits limits{};
  /// Keeps answers of POST /v1/responses, so that clients can go on from them; unset: keeps none.
  std::optional<ResponseStoreLimits> responses{};
  int log_fd{-1};  ///< Where the access log goes; -1: nowhere.
};

/// Answers over HTTP through its doors, and in process by being called. Copies share everything.
///
///     Gateway gateway{OpenAi{{.api_key = env_secret("OPENAI_API_KEY")}} | timeouts() | breaker()};
///     return serve(runtime, gateway, {.listen = {"127.0.0.1:8080"}});
template <Provider P>
class Gateway {
 public:
  explicit Gateway(P answer, GatewayOptions options = {})
      : shared_(std::make_shared<Shared>(std::move(answer), std::move(options))) {}

  std::string_view name() const { return "gateway"; }

  /// In process: no socket, no door; the call's own admission counts.
  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    return shared_->answer(request, call);
  }

  Metrics& metrics() noexcept { return shared_->metrics; }

  /// The handler of one event loop. `draining` tells when new requests are to be refused.
  net::Handler handler(std::size_t loop, Clock& clock, std::function<bool()> draining) {
    auto doors = std::make_shared<Doors>(shared_->metrics, loop, clock, shared_->options.log_fd,
                                         shared_->options.limits, shared_->responses.get());
    doors->loop().nonces = &shared_->nonces;
    return [shared = shared_, doors = std::move(doors), draining = std::move(draining)](
               net::ServerRequest& request, net::Responder& responder) -> Task<void> {
      return serve_one(*shared, *doors, draining(), request, responder);
    };
  }

 private:
  struct Shared {
    Shared(P a, GatewayOptions o) : answer(std::move(a)), options(std::move(o)), keys(options.keys) {
      if (options.responses) responses = std::make_unique<ResponseStore>(*options.responses);
    }
    P answer;
    GatewayOptions options;
    Keyring keys;
    std::unique_ptr<ResponseStore> responses;
    NonceTable nonces;
    Metrics metrics;
  };

  static Task<void> serve_one(Shared& shared, Doors& doors, bool draining, net::ServerRequest& request,
                              net::Responder& responder) {
    bool served = co_await doors.serve_operator(!draining, {}, request, responder);
    if (served) co_return;
    if (draining) {
      co_await doors.shutting_down(request, responder);
      co_return;
    }
    served = co_await doors.serve(shared.answer, shared.keys, shared.options.models, request, responder);
    if (!served) co_await doors.not_found(request, responder);
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace lowart
