#include <lowart/gateway/passthrough_door.hpp>

#include <gtest/gtest.h>

#include <string_view>

namespace lowart::passthrough_door_test {
namespace {

TEST(PassthroughPath, NamesAProviderAndWhatIsBehindIt) {
  auto const path = PassthroughPath::of("/passthrough/openai/files/f-1");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->provider, "openai");
  EXPECT_EQ(path->rest, "/files/f-1");
  EXPECT_EQ(PassthroughPath::of("/passthrough/openai")->rest, "");
  EXPECT_EQ(PassthroughPath::of("/passthrough/")->provider, "");
  EXPECT_FALSE(PassthroughPath::of("/passthroughs/openai/files"));
  EXPECT_FALSE(PassthroughPath::of("/v1/files"));
}

TEST(PassthroughPath, IsPlainOrRefused) {
  for (std::string_view const good :
       {"/", "/files", "/files/", "/a/b:c", "/a%20b", "/...", "/.a/b..", "/models/x%3Ay", "/%C3%A9"})
    EXPECT_TRUE(is_plain_path(good)) << good;
  for (std::string_view const bad :
       {"", "files", "//", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/%2e", "/%2E%2E/a", "/a%2fb", "/a%5Cb",
        "/a\\b", "/a%00", "/a%1f", "/a%7F", "/a%", "/a%2"})
    EXPECT_FALSE(is_plain_path(bad)) << bad;
}

}  // namespace
}  // namespace lowart::passthrough_door_test
