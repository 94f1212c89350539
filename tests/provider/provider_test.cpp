// The exemplar of the Provider concept, as its documentation shows it.
#include <lowart/provider/provider.hpp>
#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <string_view>

namespace lowart::provider_test {
namespace {

/// Hands out one neutral step.
class EchoSource final : public ReplySource {
 public:
  EchoSource(std::string text, Call& call) : progress_(call.memory()) {
    delta_.choices.emplace_back().say(PartKind::text, std::move(text));
  }
  ReplyPart part() const {
    ReplyPart part;
    part.deltas = {&delta_, 1};
    part.last = true;
    return part;
  }
  Task<Result<ReplyPart>> next() override { co_return part(); }
  ReplyProgress& progress() noexcept override { return progress_; }

 private:
  ReplyProgress progress_;
  ChatDelta delta_;
};

struct Echo {
  std::string_view name() const { return "echo"; }
  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    Result<Conversation> const said = request.conversation();
    if (!said) co_return fail(said.error());
    std::string text = said->messages.empty() ? std::string() : said->messages.back().text();
    ArenaPtr<EchoSource> source = call.make<EchoSource>(std::move(text), call);
    ReplyPart const whole = source->part();
    co_return ChatReply(ChatReply::Head{}, std::move(source), whole);
  }
};
static_assert(Provider<Echo> && Serves<Echo, ChatRequest>);
[[maybe_unused]] constexpr auto echo_is_checked = [] {
  assert_provider<Echo>();
  return true;
}();

TEST(Provider, ExemplarAnswersInProcess) {
  testing::TestLoop loop;
  Call call = loop.call();
  Echo echo;
  ChatRequest request("any");
  request.add(Role::user, "hello");
  Result<ChatReply> reply = loop.run(echo(request, call));
  ASSERT_TRUE(reply);
  auto const part = loop.run(reply->next());
  ASSERT_TRUE(part);
  EXPECT_EQ(part->deltas[0].choices[0].text(), "hello");
}

}  // namespace
}  // namespace lowart::provider_test
