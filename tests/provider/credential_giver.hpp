#pragma once
/// Calls that need credentials of one scripted server, for tests of those that fetch them.

#include <lowart/testing/admission_for_tests.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::testing {

/// Declared in the order in which they must go.
struct CredentialGiver {
  TestLoop loop;
  std::list<Call> calls;
  ScriptedTransport server;

  explicit CredentialGiver(std::vector<ScriptedAnswer> answers) : server(std::move(answers)) {}
  Call& call() {
    return calls.emplace_back(AdmissionForTests::unlimited(), loop.clock, loop.io.get_executor(), loop.arena);
  }
  std::size_t asked() const { return server.requests().size(); }
};

/// `begin()` starts a call that tells its credentials; the server answers the first after a second. Takes two seconds.
template <class Begin>
void expect_one_fetch_for_many(CredentialGiver& giver, Begin begin, std::string_view credentials) {
  std::vector<Running<Result<std::string>>> running;
  for (int i = 0; i < 20; ++i) running.push_back(begin());
  giver.loop.pass(std::chrono::milliseconds(500));
  EXPECT_FALSE(running.front().done());
  giver.loop.pass(std::chrono::milliseconds(1500));
  for (auto& one : running) {
    ASSERT_TRUE(one.done());
    EXPECT_EQ(one.take().value_or(""), credentials);
  }
  EXPECT_EQ(giver.asked(), 1U);
}

}  // namespace lowart::testing
