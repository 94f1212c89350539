// A program of someone else's: one call through a composed provider, in process.
#include <lowart/lowart.hpp>

#include <cstdio>
#include <string>

namespace {

template <class G>
lowart::Task<void> chat(G& gateway, std::string& said) {
  lowart::LocalCall call(co_await boost::asio::this_coro::executor);
  lowart::ChatRequest question("demo-fast");
  question.add(lowart::Role::user, "count to 3");
  auto reply = co_await gateway(question, call);
  if (!reply) co_return;
  lowart::DeltaReader deltas(*reply, call);
  for (;;) {
    auto step = co_await deltas.next();
    if (!step || !*step) break;
    for (auto const& choice : (*step)->choices) said += choice.text();
  }
}

}  // namespace

int main() {
  boost::asio::io_context context;
  lowart::Gateway gateway{lowart::Demo{} | lowart::timeouts()};
  std::string said;
  boost::asio::co_spawn(context, chat(gateway, said), boost::asio::detached);
  context.run();
  std::printf("%s\n", said.c_str());
  return said.empty() ? 1 : 0;
}
