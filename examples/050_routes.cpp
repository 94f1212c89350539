// A route as a type: a fallback of a conditional route and a balanced pool. Everything in it is a Provider.
#include <lowart/lowart.hpp>

#include <cstdio>
#include <map>
#include <string>

using namespace lowart;

//[route
auto make_route() {
  auto local = [](char const* name) { return Demo{name} | limited({.concurrency = 16}) | breaker(); };
  auto pool =
      Balance{WeightedRandom{}, Fallback{local("left"), local("right")}, {{.weight = 3}, {.weight = 1}}};
  auto is_long = [](RequestFacts const& facts) { return facts.output_tokens() > 10'000; };
  return Fallback{When{is_long, Demo{"large"}}, std::move(pool), Demo{"last"} | retry()};
}
//]

Task<void> ask(decltype(make_route())& route, std::int64_t max_tokens, std::map<std::string, int>& answered) {
  LocalCall call(co_await boost::asio::this_coro::executor);
  ChatRequest question("demo-fast");
  question.add(Role::user, "say hello").edit().max_tokens = max_tokens;
  auto const reply = co_await route(question, call);
  if (reply) ++answered[std::string(reply->head().provider)];
}

int main() {
  boost::asio::io_context context;
  auto route = make_route();
  std::map<std::string, int> answered;
  constexpr int calls = 100;
  for (int i = 0; i < calls; ++i) {
    std::int64_t const max_tokens = i % 5 == 0 ? 20'000 : 100;
    boost::asio::co_spawn(context, ask(route, max_tokens, answered), boost::asio::detached);
    context.run();
    context.restart();
  }
  for (auto const& [name, count] : answered) std::printf("%-6s %d\n", name.c_str(), count);
  bool const as_meant =
      answered["large"] == 20 && answered["left"] > answered["right"] && answered["last"] == 0;
  return as_meant ? 0 : 1;
}
