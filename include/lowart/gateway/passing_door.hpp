#pragma once
/// PassingDoor: what the doors share whose answers are bytes of no dialect and pass as they come.

#include <lowart/gateway/door.hpp>
#include <lowart/gateway/relay.hpp>
#include <lowart/gateway/upload.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace lowart {

class PassingDoor : public Door {
 protected:
  using Door::Door;

  template <Request R>
  struct PassingVisit : Visit {
    using Visit::Visit;
    std::optional<Upload> upload;  ///< Of a body that is not held.
    std::optional<R> asked;
    std::optional<typename R::reply_type> reply;  ///< Gone before its call is.
  };

  static std::string_view content_type(net::ServerRequest const& request) {
    return request.head().fields().get("content-type");
  }

  /// Asks, and hands the answer on, once the visit has its call.
  template <Request R, class P>
  Task<void> ask_and_relay(P& answer, PassingVisit<R>& visit) {
    Result<typename R::reply_type> reply = co_await answer(*visit.asked, *visit.call);
    if (begin_answer(visit, std::move(reply))) {
      relay::StreamOutlet outlet(visit.responder, visit.watch_on_key());
      RelayEnd const end =
          co_await relay::bytes(*visit.reply, visit.client, outlet, visit.responder, nullptr);
      note_end(visit, end);
    }
    visit.reply.reset();
    settle(visit, true);
  }

 private:
  template <class V, class Reply>
  bool begin_answer(V& visit, Reply reply) {
    if (!reply) return visit.fails(refusal_of(visit, std::move(reply.error())));
    visit.reply.emplace(std::move(*reply));
    visit.deadline.reset();
    note_answer(visit, visit.reply->head(), true);
    return true;
  }
};

}  // namespace lowart
