#pragma once
/// Calls at a cache, for its tests.

#include <lowart/policy/cache.hpp>

#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::cache_test {

using namespace std::chrono_literals;
using testing::Running;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

inline Step events(std::vector<std::string> parts) {
  return Step::stream(std::move(parts)).as(Dialect::openai_chat);
}

inline ChatRequest chat(std::string_view body = R"({"messages":[]})", bool stream = true) {
  WireRequest wire;
  wire.body = body;
  wire.model = "m";
  wire.stream = stream;
  wire.decode = [](std::string_view) -> Result<Conversation> { return Conversation{}; };
  return ChatRequest(wire);
}

/// What one call came to.
struct Heard {
  std::string bytes;
  std::size_t parts{0};
  std::optional<Error> error;
  ReplyHead head;
  std::string provider;
  std::size_t attempts{0};
};

template <class P>
Task<Heard> listen(P& provider, ChatRequest const& request, Call& call) {
  Heard heard;
  Result<ChatReply> reply = co_await provider(request, call);
  if (!reply) heard.error = reply.error();
  else heard.head = reply->head();
  heard.provider = heard.head.provider;
  for (bool more = !heard.error; more;) {
    Result<ReplyPart> const part = co_await reply->next();
    if (!part) heard.error = part.error();
    else heard.bytes += part->bytes;
    ++heard.parts;
    more = part && !part->last;
  }
  heard.attempts = call.trail().size();
  co_return heard;
}

/// A call of a client with fields of its own.
struct Caller {
  explicit Caller(TestLoop& loop, std::string_view control = {}, std::string_view key = "alice")
      : cache_control(control), call(loop.call()) {
    call.caller({.key = key});
    call.client_fields({.lookup =
                            [](void const* head, std::string_view name) {
                              return name == "cache-control" ? *static_cast<std::string_view const*>(head)
                                                             : std::string_view();
                            },
                        .head = &cache_control});
  }
  std::string_view cache_control;
  Call call;
};
template <class P>
Heard ask(TestLoop& loop, P& provider, ChatRequest const& request = chat(), std::string_view control = {},
          std::string_view key = "alice") {
  Caller caller(loop, control, key);
  return loop.run(listen(provider, request, caller.call));
}

/// Equal calls on one loop. Several loops are several TestLoops with one cache.
struct Crowd {
  explicit Crowd(TestLoop& l) : loop(l) {}
  template <class P>
  void join(P& provider, int count = 1) {
    for (int i = 0; i < count; ++i) {
      Caller& caller = callers.emplace_back(loop);
      running.push_back(testing::start(loop.io, listen(provider, question, caller.call)));
    }
    loop.settle();
  }
  int done() const {
    int count = 0;
    for (auto const& r : running) count += r.done() ? 1 : 0;
    return count;
  }
  TestLoop& loop;
  ChatRequest const question = chat();
  std::deque<Caller> callers;
  std::vector<Running<Heard>> running;
};

}  // namespace lowart::cache_test
