// expect: lowart: a Provider needs `std::string_view name\(\) const`
#include <lowart/provider/provider.hpp>

struct NoName {
  lowart::Task<lowart::Result<lowart::ChatReply>> operator()(lowart::ChatRequest const&, lowart::Call&);
};
int main() { lowart::assert_provider<NoName>(); }
