// A provider of one's own: a name and a call operator. Everything else in the library then works with it.
#include <lowart/lowart.hpp>

#include <algorithm>
#include <cstdio>

using namespace lowart;

/// Answers with the last message, turned round.
//[provider
struct Reverse {
  std::string_view name() const { return "reverse"; }

  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    AttemptMark attempt(call, name());
    auto conversation = request.conversation();
    if (!conversation) co_return attempt.failed(conversation.error());
    if (conversation->messages.empty())
      co_return attempt.failed(Error(Errc::invalid_request, "there is nothing to answer", Origin::client));

    std::string text = conversation->messages.back().text();
    std::reverse(text.begin(), text.end());
    attempt.answered();
    co_return text_reply(call, name(), request.model(), std::move(text));
  }
};
static_assert(Provider<Reverse>);
//]

Task<void> ask() {
  LocalCall call(co_await boost::asio::this_coro::executor);
  auto provider = Reverse{} | retry() | breaker();

  ChatRequest question("any-model");
  question.add(Role::user, "!dlrow olleh");
  auto reply = co_await provider(question, call);
  if (!reply) std::printf("failed: %s\n", reply.error().message().c_str());
  else {
    auto const answer = co_await collect(*reply, call);
    std::printf("%s\n", answer ? answer->text().c_str() : answer.error().message().c_str());
  }
}

int main() {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, ask(), boost::asio::detached);
  context.run();
}
