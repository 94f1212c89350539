// expect: lowart: a Provider needs `Task<Result<ChatReply>> operator\(\)\(ChatRequest const&, Call&\)`
#include <lowart/provider/provider.hpp>

struct NoCall {
  std::string_view name() const;
  lowart::Task<lowart::ChatReply> operator()(lowart::ChatRequest const&, lowart::Call&);  // not a Result
};
int main() { lowart::assert_provider<NoCall>(); }
