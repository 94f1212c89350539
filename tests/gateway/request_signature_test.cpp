#include <lowart/gateway/request_signature.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace lowart::request_signature_test {
namespace {

constexpr std::int64_t now = 1'796'040'000;

Secret secret() { return Secret("0123456789abcdef0123456789abcdef"); }

/// A request that is signed well, and the texts that it views.
struct Signed {
  Signed() { resign(); }
  void resign() {
    request = {.timestamp = timestamp,
               .nonce = nonce,
               .signature = {},
               .method = "POST",
               .target = "/v1/chat/completions?a=1",
               .body = R"({"model":"m"})"};
    signature = request_signature::sign(request, secret());
    request.signature = signature;
  }
  std::string timestamp = std::to_string(now);
  std::string nonce = "0123456789abcdef";
  std::string signature;
  SignedRequest request;
};

std::string why_not(SignedRequest const& request, NonceTable& nonces, std::string_view param,
                    Errc code = Errc::unauthenticated) {
  auto const result = check_signature(request, secret(), nonces, now);
  if (result) return "taken";
  EXPECT_EQ(result.error().code(), code);
  EXPECT_EQ(result.error().param(), param);
  return result.error().message();
}

TEST(RequestSignature, SignsALineForEachPart) {
  Signed const s;
  EXPECT_EQ(request_signature::text_of(s.request),
            "v1\n1796040000\n0123456789abcdef\nPOST\n/v1/chat/completions?a=1\n"
            "548f58d1c36c715b44f0863472074a97c448d5b8d18164b92adf55592b127f86");
}

TEST(RequestSignature, TakesWhatIsSignedOnce) {
  NonceTable nonces;
  Signed s;
  EXPECT_TRUE(check_signature(s.request, secret(), nonces, now));
  EXPECT_NE(why_not(s.request, nonces, "x-lowart-nonce").find("was used before"), std::string::npos);
  s.nonce = "another-nonce-of-its-own";
  s.resign();
  EXPECT_TRUE(check_signature(s.request, secret(), nonces, now));
}

TEST(RequestSignature, RefusesWhatIsNotWhatWasSigned) {
  NonceTable nonces;
  Signed const s;
  std::vector<SignedRequest> others(6, s.request);
  std::string const later = std::to_string(now + 1);
  others[0].method = "GET";
  others[1].target = "/v1/chat/completions?a=2";
  others[2].body = R"({"model":"n"})";
  others[3].timestamp = later;
  others[4].nonce = "0123456789abcdeg";
  std::string const upper = "V1=" + s.signature.substr(3);
  others[5].signature = upper;
  for (auto const& other : others)
    EXPECT_NE(why_not(other, nonces, "x-lowart-signature").find("'x-lowart-signature'"), std::string::npos);
  EXPECT_EQ(nonces.size(), 0U) << "what others make up does not fill the table";
  EXPECT_FALSE(check_signature(s.request, Secret("another secret, as long as the one"), nonces, now));
}

TEST(RequestSignature, RefusesOtherTimes) {
  NonceTable nonces;
  for (std::int64_t const apart : {-301, 301}) {
    Signed s;
    s.timestamp = std::to_string(now + apart);
    s.resign();
    EXPECT_NE(why_not(s.request, nonces, "x-lowart-timestamp").find("300 seconds"), std::string::npos);
  }
  for (std::string const text : {"", "now", "-1", "1796040000.5", " 1796040000", "99999999999999999999"}) {
    Signed s;
    s.timestamp = text;
    s.resign();
    why_not(s.request, nonces, "x-lowart-timestamp");
  }
  for (std::int64_t const apart : {-300, 300}) {
    Signed s;
    s.timestamp = std::to_string(now + apart);
    s.nonce = "one-for-the-time-" + s.timestamp;
    s.resign();
    EXPECT_TRUE(check_signature(s.request, secret(), nonces, now)) << apart;
  }
}

TEST(RequestSignature, WantsANonceOfAGoodLength) {
  NonceTable nonces;
  for (std::size_t const size : {0U, 15U, 65U}) {
    Signed s;
    s.nonce = std::string(size, 'n');
    s.resign();
    EXPECT_NE(why_not(s.request, nonces, "x-lowart-nonce").find("16 to 64"), std::string::npos);
  }
}

TEST(NonceTable, IsFullRatherThanForgetful) {
  NonceTable nonces(16);  // one in each shard
  net::Sha256 one{};
  net::Sha256 other{};
  other[1] = 1;
  EXPECT_EQ(nonces.note(one, now), NonceTable::Seen::first);
  EXPECT_EQ(nonces.note(other, now), NonceTable::Seen::full);
  EXPECT_EQ(nonces.note(one, now + 600), NonceTable::Seen::again) << "for ten minutes";
  EXPECT_EQ(nonces.note(other, now + 601), NonceTable::Seen::first);
  EXPECT_EQ(nonces.size(), 1U);
}

TEST(NonceTable, TakesEachOnceOfAnyThread) {
  NonceTable nonces;
  std::atomic<int> firsts{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        if (nonces.note(net::sha256(std::to_string(i)), now) == NonceTable::Seen::first) ++firsts;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(firsts.load(), 1000);
}

}  // namespace
}  // namespace lowart::request_signature_test
