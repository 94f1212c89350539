#include <lowart/dialect/media_marks.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::media_marks_test {
namespace {

using dialect::media_in;

bool only(CallFeatures found, CallFeature one) { return found.bits() == static_cast<std::uint16_t>(one); }

TEST(MediaMarks, KnowsThePartsOfEachDialect) {
  for (auto const* text :
       {R"({"type":"image_url","x":{}})", R"({"type":"input_image"})", R"({"type":"image","source":{}})",
        R"({"images":["iVBO"]})", R"({"inlineData":{"mimeType":"image/png","data":""}})",
        R"({"inline_data":{"mime_type":"image/jpeg"}})"})
    EXPECT_TRUE(only(media_in(text), CallFeature::images)) << text;
  for (auto const* text : {R"({"type":"input_audio"})", R"({"inlineData":{"mimeType":"audio/wav"}})"})
    EXPECT_TRUE(only(media_in(text), CallFeature::audio)) << text;
  for (auto const* text : {R"({"type":"file"})", R"({"type":"input_file"})", R"({"type":"document"})",
                           R"({"fileData":{"mimeType":"application/pdf"}})"})
    EXPECT_TRUE(only(media_in(text), CallFeature::files)) << text;
}

TEST(MediaMarks, DoesNotTakeATextAboutThemForOne) {
  for (auto const* text :
       {"", R"({"content":"an image_url is no image"})", R"({"content":"{\"type\":\"image_url\"}"})",
        R"("imagery")", R"({"content":"\"document\""})"})
    EXPECT_EQ(media_in(text).bits(), 0) << text;
}

TEST(MediaMarks, LooksAtBothEndsOfALongBody) {
  std::string const text(100'000, 'x');
  EXPECT_TRUE(only(media_in(R"("image_url")" + text), CallFeature::images));
  EXPECT_TRUE(only(media_in(text + R"("input_audio")"), CallFeature::audio));
  EXPECT_EQ(media_in(text + R"("image_url")" + text).bits(), 0) << "nobody pays for a look at the middle";
}

TEST(MediaMarks, FindsOneAtEveryPlaceOfAStep) {
  for (std::size_t before = 0; before < 140; ++before) {
    for (std::size_t const behind : {0U, 1U, 30U, 31U, 32U, 33U, 100U}) {
      std::string const text = std::string(before, 'x') + R"("document")" + std::string(behind, '"');
      EXPECT_TRUE(only(media_in(text), CallFeature::files)) << before << " " << behind;
    }
  }
}

}  // namespace
}  // namespace lowart::media_marks_test
