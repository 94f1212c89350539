#pragma once
/// A provider over a script, and what the tests of several providers ask one.

#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::testing {

/// One provider over a script, one call. Declared in the order in which they must go.
template <class Provider, class Options>
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  Provider provider;

  explicit Asked(std::vector<ScriptedAnswer> answers, Options options = {})
      : transport(std::move(answers)), provider(transport, std::move(options)) {}
  explicit Asked(ScriptedAnswer answer, Options options = {})
      : Asked(std::vector<ScriptedAnswer>{std::move(answer)}, std::move(options)) {}
  template <class R>
  auto ask(R const& request) {
    return loop.run(provider(request, call));
  }
  auto const& sent(std::size_t i = 0) { return transport.requests().at(i); }
};

inline ChatRequest hello(std::string const& model, bool stream = false) {
  ChatRequest request(model);
  request.add(Role::user, "Hi");
  request.edit().stream = stream;
  return request;
}

/// The provider has the key "sk-upstream"; it answers "lo", after a prompt of three tokens.
template <class P, class O>
void expect_answers_whole(Asked<P, O>& asked, std::string const& model, Dialect dialect,
                          std::string_view upstream_id = "") {
  auto reply = asked.ask(hello(model));
  ASSERT_TRUE(reply) << reply.error().message();
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "lo");
  EXPECT_EQ(answer->whole.usage->input_total(), 3);
  EXPECT_EQ(reply->head().dialect, dialect);
  EXPECT_EQ(reply->head().upstream_id, upstream_id);
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer sk-upstream");
  EXPECT_EQ(asked.sent().field("accept"), "application/json");
}

/// The provider has no key; it streams "Hello", of two tokens.
template <class P, class O>
void expect_answers_as_a_stream(Asked<P, O>& asked, std::string const& model, std::string_view content_type) {
  auto reply = asked.ask(hello(model, true));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_TRUE(reply->head().streamed);
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "Hello");
  EXPECT_EQ(reply->progress().usage.output_total(), 2);
  EXPECT_EQ(asked.sent().field("accept"), content_type);
  EXPECT_EQ(asked.sent().field("authorization"), "") << "no key, no credentials";
}

/// A stream that fails: before the reply is there, or while it is read.
struct FailingStream {
  std::string stream;
  Errc at_once, later;  ///< none: internal
};
template <class P, class O>
void expect_fails(Asked<P, O>& asked, std::string const& model, FailingStream const& c) {
  auto reply = asked.ask(hello(model, true));
  if (c.at_once != Errc::internal) {
    ASSERT_FALSE(reply) << c.stream;
    EXPECT_EQ(reply.error().code(), c.at_once) << c.stream;
    return;
  }
  ASSERT_TRUE(reply) << c.stream;
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_FALSE(answer) << c.stream;
  EXPECT_EQ(answer.error().code(), c.later) << c.stream;
}

/// The server answers status 404.
template <class P, class O>
void expect_refused(Asked<P, O>& asked, std::string const& model, std::string_view message) {
  auto const reply = asked.ask(hello(model));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::upstream_rejected);
  EXPECT_EQ(reply.error().upstream_message(), message);
  EXPECT_EQ(reply.error().upstream_status(), 404);
}

/// Asks as a client of OpenAI for two texts; the server answers [1] and [2], of four tokens.
template <class P, class O>
void expect_embeds(Asked<P, O>& asked, std::string const& model, std::string_view path,
                   std::string_view sent) {
  std::string const body = R"({"model":"m","input":["a","b"],"user":"u"})";
  std::string scratch;
  auto facts = dialect::read_openai_embedding_facts(body, scratch);
  ASSERT_TRUE(facts);
  facts->decode = &dialect::decode_openai_embeddings;
  auto const got = asked.ask(EmbeddingRequest(*facts).for_model(model));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(asked.sent().path, path);
  EXPECT_EQ(asked.sent().body, sent);
  EXPECT_EQ(got->head().dropped, "user");
  EXPECT_EQ(got->usage().get(UsageClass::input), 4);
  EXPECT_EQ(*got->vectors(), (std::vector<Embedding>{{1.0F}, {2.0F}}));
}

}  // namespace lowart::testing
