// HMAC-SHA-256: the cases of RFC 4231, and those at the border of a block.

#include <lowart/net/keyed_hash.hpp>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <optional>
#include <string>
#include <string_view>

namespace lowart::keyed_hash_test {
namespace {

using namespace lowart::net;

std::string hex(Sha256 const& digest) {
  std::string text;
  append_hex(text, digest);
  return text;
}
/// What OpenSSL's own HMAC says.
std::string expected(std::string_view key, std::string_view text) {
  Sha256 digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<unsigned char const*>(text.data()), text.size(), digest.data(), &size);
  return hex(digest);
}

TEST(KeyedHash, GivesTheDigestsOfTheRfc) {
  std::string counted;
  for (char c = 1; c <= 25; ++c) counted += c;
  struct Case {
    std::string key, text, digest;
  };
  Case const cases[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counted, std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs "
       "to be "
       "hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (Case const& c : cases) {
    EXPECT_EQ(hex(KeyedHash(c.key)(c.text)), c.digest) << c.text;
    EXPECT_EQ(hex(hmac_sha256(c.key, c.text)), c.digest) << c.text;
  }
  std::string const cut = hex(hmac_sha256(std::string(20, '\x0c'), "Test With Truncation"));
  EXPECT_TRUE(cut.starts_with("a3b6167473100ee06e0c796c2955552b")) << cut;
}

TEST(KeyedHash, AgreesWithOpenSslAtTheBordersOfBlocks) {
  for (std::size_t const key_size : {0U, 1U, 32U, 63U, 64U, 65U, 200U})
    for (std::size_t const size : {0U, 1U, 50U, 55U, 56U, 63U, 64U, 65U, 119U, 120U, 1000U}) {
      std::string const key(key_size, 'k'), text(size, 't');
      EXPECT_EQ(hex(KeyedHash(key)(text)), expected(key, text)) << key_size << " " << size;
    }
}

TEST(KeyedHash, IsTheSameEachTimeAndInACopyThatOutlivesIt) {
  std::optional<KeyedHash> first(std::in_place, "secret");
  Sha256 const once = (*first)("a");
  EXPECT_NE(once, (*first)("b"));
  KeyedHash const copy = *first;
  first.reset();
  EXPECT_EQ(copy("a"), once);
  EXPECT_NE(KeyedHash("Secret")("a"), once);
}

}  // namespace
}  // namespace lowart::keyed_hash_test
