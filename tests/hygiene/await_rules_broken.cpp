// Breaks every await rule once, so that await_rules.py can tell that the query still sees. Never compiled into anything.
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>
#include <vector>

namespace {

template <class T>
using Task = boost::asio::awaitable<T>;

struct Words {
  std::string first, second;
};

Task<bool> ask(Words) { co_return true; }
Task<bool> ask_list(std::vector<std::string>) { co_return true; }
Task<bool> ask_text(std::string) { co_return true; }
Task<bool> ask_with(std::function<void()>) { co_return true; }

Task<int> in_conditions(std::string word) {
  int count = 0;
  if (!co_await ask_text(word + "if")) ++count;        // expect: R1
  while (!co_await ask_text(word + "while")) ++count;  // expect: R1
  do ++count;
  while (!co_await ask_text(word + "do"));  // expect: R1
  co_return count;
}

Task<void> with_temporaries(std::string word, bool first) {
  co_await ask_with([word] { (void)word; });                       // expect: R2
  co_await ask(Words{word, word});                                 // expect: R3
  co_await ask_text(first ? word + "1" : word + "2");              // expect: R4
  co_await ask_list({word, word});                                 // expect: R5
  auto const asked = __extension__({ co_await ask_text(word); });  // expect: R6
  (void)asked;
}

}  // namespace

void (*keep)() = [] {
  (void)in_conditions({});
  (void)with_temporaries({}, true);
};
