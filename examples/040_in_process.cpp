// From an Asio program that exists already: no socket, no server; the same parts, streamed as they come.
#include <lowart/lowart.hpp>

#include <cstdio>

using namespace lowart;
namespace asio = boost::asio;

Task<void> chat(auto& gateway) {
  //[in_process
  LocalCall call(co_await asio::this_coro::executor);

  ChatRequest question("demo-fast");
  question.add(Role::system, "You are terse.").add(Role::user, "count to 5");
  question.edit().stream = true;

  auto reply = co_await gateway(question, call);
  //]
  if (!reply) {
    std::printf("%s: %s\n", std::string(to_string(reply.error().code())).c_str(),
                reply.error().message().c_str());
    co_return;
  }
  DeltaReader deltas(*reply, call);
  for (;;) {
    auto step = co_await deltas.next();
    if (!step || !*step) break;
    for (auto const& choice : (*step)->choices) std::fputs(choice.text().c_str(), stdout);
  }
  std::printf("\n%lld tokens\n", static_cast<long long>(call->spent().usage.total()));
}

int main() {
  asio::io_context context;  // yours
  Gateway gateway{Demo{} | timeouts() | metered(TokenMeter{}, NoSink{})};
  asio::co_spawn(context, chat(gateway), asio::detached);
  context.run();
}
