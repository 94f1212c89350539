// A policy of one's own: wraps any provider, is a provider itself, and has a layer so that it can be piped.
// This one refuses what it has been told not to talk about, before anything is sent.
#include <lowart/lowart.hpp>

#include <cstdio>

using namespace lowart;

//[policy
template <Provider P>
class Without {
 public:
  Without(P inner, std::string word) : inner_(std::move(inner)), word_(std::move(word)) {}

  std::string_view name() const { return inner_.name(); }

  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    auto const conversation = request.conversation();
    if (!conversation) co_return fail(conversation.error());
    for (auto const& message : conversation->messages)
      if (message.text().find(word_) != std::string::npos)
        co_return fail(Errc::permission_denied, "we do not talk about '" + word_ + "' here", Origin::client);
    co_return co_await inner_(request, call);
  }

 private:
  P inner_;
  std::string word_;
};
//]

//[layer
class WithoutLayer : public PolicyLayer {
 public:
  explicit WithoutLayer(std::string word) : word_(std::move(word)) {}
  template <Provider P>
  Without<P> wrap(P provider) const {
    return Without<P>(std::move(provider), word_);
  }

 private:
  std::string word_;
};
WithoutLayer without(std::string word) { return WithoutLayer(std::move(word)); }
//]

static_assert(Provider<Without<Demo>>);

Task<void> ask(std::string text) {
  LocalCall call(co_await boost::asio::this_coro::executor);
  auto careful = Demo{} | without("politics") | timeouts({.first_token = 5s});

  ChatRequest question("demo-fast");
  question.add(Role::user, std::move(text));
  auto reply = co_await careful(question, call);
  if (!reply) {
    std::printf("refused: %s\n", reply.error().message().c_str());
    co_return;
  }
  auto const answer = co_await collect(*reply, call);
  std::printf("answered: %s\n", answer ? answer->text().c_str() : answer.error().message().c_str());
}

int main() {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, ask("say exactly: hello"), boost::asio::detached);
  boost::asio::co_spawn(context, ask("tell me about politics"), boost::asio::detached);
  context.run();
}
