#include <lowart/gateway/keyring.hpp>
#include <lowart/gateway/loop_state.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace lowart::keyring_test {
namespace {

KeyEntry entry(std::string name, std::string_view key, std::vector<std::string> models = {}) {
  return KeyEntry{
      .name = std::move(name), .digest = net::sha256(key), .limits = {}, .models = std::move(models)};
}

TEST(Keyring, FindsAKeyByItsTextAlone) {
  Keyring keys({entry("first", "sk-lw-1"), entry("second", "sk-lw-2")});
  EXPECT_FALSE(keys.open());
  for (auto const* text : {"sk-lw-1", "sk-lw-2"}) {
    auto const found = keys.find(text);
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)->name, std::string_view(text) == "sk-lw-1" ? "first" : "second");
  }
  Keyring const moved = std::move(keys);
  ASSERT_TRUE(moved.find("sk-lw-2"));
  EXPECT_EQ(*moved.find("sk-lw-2"), &moved.entries()[1]);
}

TEST(Keyring, RefusesWhatIsNotAKey) {
  Keyring const keys({entry("first", "sk-lw-1")});
  for (std::string const text : {"", "sk-lw-", "sk-lw-11", "SK-LW-1", "sk-lw-1 ", "first"}) {
    auto const found = keys.find(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code(), Errc::unauthenticated);
    EXPECT_EQ(found.error().origin(), Origin::client);
    if (!text.empty())
      EXPECT_EQ(found.error().message(), "the API key is not known here") << "and is not repeated";
  }
}

TEST(Keyring, IsOpenWithoutAKey) {
  EXPECT_TRUE(Keyring().open());
  EXPECT_FALSE(Keyring().find("anything"));
}

TEST(KeyEntry, AllowsTheModelsItNames) {
  EXPECT_TRUE(entry("a", "k").allows("m"));
  EXPECT_TRUE(entry("a", "k", {"*"}).allows("m"));
  EXPECT_TRUE(entry("a", "k", {"x", "m"}).allows("m"));
  EXPECT_FALSE(entry("a", "k", {"x"}).allows("m"));
  EXPECT_FALSE(entry("a", "k", {"m"}).allows("mm"));
  EXPECT_FALSE(entry("a", "k", {"m"}).allows(""));
  EXPECT_TRUE(entry("a", "k", {"gpt-*"}).allows("gpt-4"));
  EXPECT_FALSE(entry("a", "k", {"gpt-*"}).allows("my-gpt-4"));
}

TEST(RequestId, IsFreshEveryTime) {
  std::mt19937_64 random{1};
  RequestId const a(random);
  RequestId const b(random);
  EXPECT_NE(a.view(), b.view());
  EXPECT_EQ(a.view().size(), 28U);
  EXPECT_TRUE(a.view().starts_with("req_"));
  EXPECT_TRUE(RequestId::acceptable(a.view()));
}

TEST(RequestId, TakesAClientsOwnIfItNeedsNoEscape) {
  for (std::string const good : {"a", "req_1", "0af7651916cd43dd8448eb211c80319c", "a.b:c-d_E"})
    EXPECT_TRUE(RequestId::acceptable(good)) << good;
  EXPECT_TRUE(RequestId::acceptable(std::string(128, 'a')));
  for (std::string const bad : {"", "a b", "a\"", "a\n", "\xC3\xA4", "a/b", "<x>"})
    EXPECT_FALSE(RequestId::acceptable(bad)) << bad;
  EXPECT_FALSE(RequestId::acceptable(std::string(129, 'a')));
}

}  // namespace
}  // namespace lowart::keyring_test
