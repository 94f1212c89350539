#include <lowart/dialect/csv.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::csv_test {
namespace {

using dialect::CsvReader;
using Rows = std::vector<std::vector<std::string>>;

struct Read {
  Rows rows;
  std::vector<std::size_t> lines;
  std::string error;
};
Read read(std::string_view text) {
  Read all;
  CsvReader reader(text);
  std::vector<std::string> fields;
  for (;;) {
    auto const more = reader.next(fields);
    if (!more) return all.error = more.error().message(), all;
    if (!*more) return all;
    all.rows.push_back(fields);
    all.lines.push_back(reader.line());
  }
}

TEST(Csv, ReadsRowsAsTheyAre) {
  EXPECT_EQ(read("").rows, Rows{});
  EXPECT_EQ(read("a,b\n1,2\n").rows, (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read("a,b\r\n1,2").rows, (Rows{{"a", "b"}, {"1", "2"}})) << "the last line needs no end";
  EXPECT_EQ(read(",\n").rows, (Rows{{"", ""}}));
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a\n")
                .rows,
            (Rows{{"a"}}));
  EXPECT_EQ(read("\n\r\na\n\n\nb\n").rows, (Rows{{"a"}, {"b"}}));
  EXPECT_EQ(read(" a , b ").rows, (Rows{{" a ", " b "}})) << "spaces are text";
}

TEST(Csv, ReadsWhatStandsInQuotes) {
  EXPECT_EQ(read("\"a,b\",\"c\"\"d\",\"\"\n").rows, (Rows{{"a,b", "c\"d", ""}}));
  auto const two_lines = read("x,\"1\n2\r\n3\"\ny\n");
  EXPECT_EQ(two_lines.rows, (Rows{{"x", "1\n2\r\n3"}, {"y"}}));
  EXPECT_EQ(two_lines.lines, (std::vector<std::size_t>{1, 4}));
}

TEST(Csv, RefusesWhatNeedsGuessingAndSaysWhere) {
  EXPECT_EQ(read("a\nb\"c\n").error, "line 2 has a quote within a field that does not begin with one");
  EXPECT_EQ(read("\"a\"b\n").error, "line 1 has text behind a closing quote");
  EXPECT_EQ(read("a\n\n\"b\n").error, "line 3 has a quote that is never closed");
  EXPECT_EQ(read("a\rb\n").error, "line 1 has a CR that ends no line");
  EXPECT_EQ(read("\"a\"\rb").error, "line 1 has a CR that ends no line");
  EXPECT_EQ(read(std::string(1000, ',')).error, "line 1 has more than 1000 fields");
  EXPECT_EQ(read(std::string(999, ',')).rows.at(0).size(), 1000U);
}

TEST(Csv, BoundsFields) {
  std::string const most(CsvReader::max_field_bytes, 'x');
  EXPECT_EQ(read(most).rows.at(0).at(0).size(), most.size());
  EXPECT_EQ(read(most + "x").error, "line 1 has a field of more than 64 KiB");
  EXPECT_EQ(read("\"" + most + "x\"").error, "line 1 has a field of more than 64 KiB");
}

}  // namespace
}  // namespace lowart::csv_test
