// expect: lowart: a Provider must be movable, so that policies can hold it
#include <lowart/provider/provider.hpp>

struct Fixed {
  Fixed(Fixed&&) = delete;
  std::string_view name() const;
  lowart::Task<lowart::Result<lowart::ChatReply>> operator()(lowart::ChatRequest const&, lowart::Call&);
};
int main() { lowart::assert_provider<Fixed>(); }
