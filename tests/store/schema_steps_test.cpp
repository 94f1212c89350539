#include <lowart/store/schema_steps.hpp>

#include "store_fixture.hpp"

#include <gtest/gtest.h>

#include <array>

namespace lowart::schema_steps_test {
namespace {

using namespace lowart;
using namespace lowart_test;
using sqlite::SchemaStep;

// Releases of one program: the second only adds, the third takes away what the second reads.
constexpr std::array<SchemaStep, 1> first{{{1, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)"}}};
constexpr std::array<SchemaStep, 2> second{
    {first[0], {1, "ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 7"}}};
constexpr std::array<SchemaStep, 3> third{
    {second[0], second[1], {3, "CREATE TABLE u (c INTEGER); DROP TABLE t"}}};

struct File {
  TempDirectory place;
  sqlite::Database database = *sqlite::Database::open(place.file("x.db"));
  std::int64_t version() { return *database.integer("PRAGMA user_version"); }
};

TEST(SchemaSteps, BringsADatabaseForwardAndSaysWhereItWas) {
  File file;
  auto const made = sqlite::migrate(file.database, second, "test");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->found, 0);
  EXPECT_EQ(file.version(), 2);
  EXPECT_EQ(*file.database.integer("SELECT b FROM t"), 7);
  EXPECT_EQ(sqlite::migrate(file.database, second, "test")->found, 2) << "and leaves one of today as it is";
}

TEST(SchemaSteps, LetsTheReleaseBeforeRunOnWhatOnlyAdds) {
  File file;
  ASSERT_TRUE(sqlite::migrate(file.database, second, "test"));
  auto const before = sqlite::migrate(file.database, first, "test");
  ASSERT_TRUE(before) << before.error().message();
  EXPECT_TRUE(before->is_newer());
  EXPECT_EQ(file.version(), 2) << "nothing goes back";
  EXPECT_TRUE(file.database.execute("INSERT INTO t (a) VALUES (2)")) << "as the release before does";
}

TEST(SchemaSteps, RefusesWhatOnlyANewerProgramUnderstands) {
  File file;
  ASSERT_TRUE(sqlite::migrate(file.database, third, "test"));
  for (auto const& steps : {std::span<SchemaStep const>(first), std::span<SchemaStep const>(second)}) {
    auto const refused = sqlite::migrate(file.database, steps, "test");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::storage_failed);
    EXPECT_NE(refused.error().message().find("the test database has version 3"), std::string::npos);
  }
  EXPECT_EQ(file.version(), 3);
}

TEST(SchemaSteps, LeavesNothingOfAStepThatFails) {
  constexpr std::array<SchemaStep, 2> broken{
      {first[0], {2, "CREATE TABLE v (a INTEGER); INSERT INTO nowhere VALUES (1)"}}};
  File file;
  ASSERT_TRUE(sqlite::migrate(file.database, first, "test"));
  EXPECT_FALSE(sqlite::migrate(file.database, broken, "test"));
  EXPECT_EQ(file.version(), 1);
  EXPECT_EQ(*file.database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'v'"), 0);
}

TEST(SchemaSteps, LooksWithoutChangingAnything) {
  File file;
  auto const seen = sqlite::schema_version(file.database, second, "test");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->found, 0);
  EXPECT_EQ(seen->known, 2);
  EXPECT_EQ(file.version(), 0);
}

}  // namespace
}  // namespace lowart::schema_steps_test
