// expect: no matching (function for call to|constructor for initialization of) .*lowart::Call
#include <lowart/core/call.hpp>

int main() {
  auto make = [](lowart::Clock& clock, lowart::asio::any_io_executor executor, lowart::Arena& arena) {
    lowart::Call call(clock, executor, arena);
  };
  (void)make;
}
