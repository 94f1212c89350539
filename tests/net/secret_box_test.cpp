// Secrets at rest: they open in their place and under their key only, and keys can be changed.

#include <lowart/dialect/base64.hpp>
#include <lowart/net/secret_box.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lowart::secret_box_test {
namespace {

using namespace lowart::net;

constexpr std::string_view place = "providers/openai/api_key";

MasterKey key(std::string id, char byte) {
  return {.id = std::move(id), .bytes = Secret(std::string(32, byte))};
}
SecretBox box(std::vector<MasterKey> keys) {
  auto made = SecretBox::make(std::move(keys));
  EXPECT_TRUE(made);
  return *std::move(made);
}
SecretBox box() { return box({key("k1", '1')}); }
std::string opened(SecretBox const& box, std::string_view sealed, std::string_view aad = place) {
  auto const plain = box.open(sealed, aad);
  return plain ? std::string(plain->reveal()) : plain.error().message();
}
bool refuses(SecretBox const& box, std::string_view sealed, std::string_view aad = place) {
  auto const plain = box.open(sealed, aad);
  return !plain && plain.error().message().find("sk-") == std::string::npos;
}

TEST(SecretBox, OpensWhatItSealed) {
  for (std::size_t const size : {0U, 1U, 15U, 16U, 17U, 51U, 4096U}) {
    std::string const plain(size, 's');
    std::string const sealed = box().seal(plain, place);
    EXPECT_TRUE(sealed.starts_with("lw1.k1."));
    EXPECT_EQ(sealed.find_first_of("+/= \n"), sealed.npos);
    EXPECT_EQ(opened(box(), sealed), plain);
    EXPECT_EQ(SecretBox::key_of(sealed), "k1");
  }
  EXPECT_EQ(opened(box(), box().seal("no place", ""), ""), "no place");
  EXPECT_THROW((void)box().seal(std::string(SecretBox::most_bytes + 1, 's'), place), std::length_error);
}

TEST(SecretBox, SealsTheSameTextDifferentlyEachTime) {
  EXPECT_NE(box().seal("sk-1", place), box().seal("sk-1", place));
}

TEST(SecretBox, OpensNothingThatWasChangedInAnyByte) {
  std::string const sealed = box().seal("sk-a secret", place);
  for (std::size_t i = 0; i < sealed.size(); ++i)
    for (char const c : {'A', 'B', 'z', '9', '-', '_', '.', '=', ' ', '\0'}) {
      std::string changed = sealed;
      changed[i] = c;
      if (changed != sealed) EXPECT_TRUE(refuses(box(), changed)) << i;
    }
  for (std::size_t i = 0; i < sealed.size(); ++i) EXPECT_TRUE(refuses(box(), sealed.substr(0, i))) << i;
  EXPECT_TRUE(refuses(box(), sealed + "A"));
  EXPECT_TRUE(refuses(box(), sealed + "="));
  // Each bit of what is behind the base64, too.
  std::size_t const head = sealed.rfind('.') + 1;
  std::string bytes = dialect::from_base64url(sealed.substr(head)).value();
  for (char& byte : bytes)
    for (unsigned bit = 1; bit < 256; bit <<= 1U) {
      byte = static_cast<char>(byte ^ static_cast<char>(bit));
      EXPECT_TRUE(refuses(box(), sealed.substr(0, head) + dialect::to_base64url(bytes)));
      byte = static_cast<char>(byte ^ static_cast<char>(bit));
    }
}

TEST(SecretBox, OpensNothingInAnotherPlace) {
  std::string const sealed = box().seal("sk-1", place);
  for (std::string_view const other : {"providers/mistral/api_key", "", "providers/openai/api_ke"})
    EXPECT_TRUE(refuses(box(), sealed, other));
  EXPECT_EQ(opened(box(), sealed, "elsewhere"),
            "a stored secret was not sealed for this place, was changed, or the master key 'k1' is another "
            "one than "
            "then");
}

TEST(SecretBox, OpensNothingUnderAnotherKey) {
  std::string const sealed = box().seal("sk-1", place);
  EXPECT_TRUE(refuses(box({key("k1", '2')}), sealed));
  EXPECT_EQ(
      opened(box({key("k2", '1')}), sealed),
      "a stored secret was sealed with the master key 'k1', which is not here: add it to the master keys");
  // The name of the key is sealed, too: one that holds the same bytes under another name does not open it.
  std::string renamed = sealed;
  renamed[5] = '2';
  EXPECT_TRUE(refuses(box({key("k1", '1'), key("k2", '1')}), renamed));
}

TEST(SecretBox, ChangesItsKeyByOneValueAtATime) {
  std::string const old = box().seal("sk-1", place);
  SecretBox const both = box({key("k2", '2'), key("k1", '1')});
  EXPECT_EQ(both.current_key(), "k2");
  EXPECT_EQ(opened(both, old), "sk-1");
  auto const fresh = both.reseal(old, place);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(SecretBox::key_of(*fresh), "k2");
  SecretBox const after = box({key("k2", '2')});
  EXPECT_EQ(opened(after, *fresh), "sk-1");
  EXPECT_TRUE(refuses(after, old));
  EXPECT_FALSE(after.reseal(old, place));
  EXPECT_FALSE(both.reseal(old, "elsewhere"));
}

TEST(SecretBox, KnowsWhatIsNoSealedValue) {
  for (std::string_view const text : {"", "sk-plain", "lw1.", "lw1..", "lw1.k1", "lw1.k 1.AAAA",
                                      "lw2.k1.AAAA", "lw1.a-name-that-is-longer-than-any-key-has.AAAA"}) {
    EXPECT_EQ(SecretBox::key_of(text), "") << text;
    EXPECT_TRUE(refuses(box(), text)) << text;
  }
  EXPECT_EQ(opened(box(), "lw1.k1.AAAA"), "a stored secret is no sealed value, or was cut");
}

TEST(SecretBox, RefusesKeysThatCannotBe) {
  EXPECT_FALSE(SecretBox::make({}));
  EXPECT_FALSE(SecretBox::make({key("a.b", '1')}));
  EXPECT_FALSE(SecretBox::make({key("", '1')}));
  EXPECT_FALSE(SecretBox::make({key("k1", '1'), key("k1", '2')}));
  EXPECT_FALSE(SecretBox::make({MasterKey{.id = "k1", .bytes = Secret("short")}}));
  EXPECT_FALSE(SecretBox::make(std::vector<MasterKey>(65, key("k1", '1'))));
}

// --- keys as text -----------------------------------------------------------------------------------------

constexpr std::string_view hex = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
constexpr std::string_view base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

TEST(MasterKeys, AreReadAsDigitsOrBase64) {
  std::string counted;
  for (char c = 0; c < 32; ++c) counted += c;
  for (std::string_view const text : {hex, base64, base64.substr(0, 43)}) {
    auto const read = parse_master_key("main", text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->id, "main");
    EXPECT_TRUE(read->bytes.equals(counted));
  }
}

TEST(MasterKeys, AreRefusedWithoutBeingQuoted) {
  for (std::string_view const text : {"", "abc", "0001", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd",
                                      "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}) {
    auto const read = parse_master_key("main", text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().message(),
              "the master key 'main' is not 32 bytes in base64 or as 64 hexadecimal digits; `openssl rand "
              "-base64 32` "
              "makes one");
  }
  auto const swapped = parse_master_key(base64, "main");
  ASSERT_FALSE(swapped);
  EXPECT_EQ(swapped.error().message().find(base64), std::string::npos);
}

TEST(MasterKeys, OfAFileBeginWithTheCurrentOne) {
  std::string file("# made in May\r\n\r\nnew: ");
  file.append(base64).append("\r\n  old:").append(hex);
  auto const keys = parse_master_keys(file);
  ASSERT_TRUE(keys) << keys.error().message();
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].id, "new");
  EXPECT_EQ((*keys)[1].id, "old");
}

TEST(MasterKeys, OfAFileAreRefusedByTheirLine) {
  auto const said = [](std::string const& file) {
    auto const keys = parse_master_keys(file);
    return keys ? std::string() : keys.error().message();
  };
  EXPECT_EQ(said(""), "there is no master key: a line is `id:key`");
  EXPECT_EQ(said("# nothing\n"), "there is no master key: a line is `id:key`");
  EXPECT_EQ(said("\n" + std::string(hex)), "line 2: it is not `id:key`");
  EXPECT_TRUE(said("a:" + std::string(hex) + "\nb:zz").starts_with("line 2: the master key 'b' is not"));
}

}  // namespace
}  // namespace lowart::secret_box_test
