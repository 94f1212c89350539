#include <lowart/dialect/multipart_form.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::multipart_form_test {
namespace {

using dialect::is_multipart_form;
using dialect::MultipartForm;

std::string part(std::string_view name, std::string_view value, std::string_view boundary = "b") {
  return std::string("--")
      .append(boundary)
      .append("\r\nContent-Disposition: form-data; name=\"")
      .append(name)
      .append("\"\r\n\r\n")
      .append(value)
      .append("\r\n");
}
std::string file(std::string_view content) {
  return std::string(
             "--b\r\ncontent-disposition: form-data; filename=\"a \\\"b\\\".wav\"; name=\"file\"; "
             "filename*=utf-8''a.wav\r\nContent-Type: audio/wav\r\n\r\n")
      .append(content)
      .append("\r\n");
}

/// What is found of a body that comes in pieces of `size` bytes: the model and where, or the error.
std::string found(std::string_view body, std::size_t size = 1U << 20U, std::string const& boundary = "b") {
  MultipartForm form(boundary);
  for (std::size_t at = 0; at < body.size(); at += size) {
    auto const fed = form.feed(body.substr(at, size));
    if (!fed) return fed.error().param() + ": " + fed.error().message();
  }
  if (auto const ended = form.finish(); !ended) return ended.error().message();
  if (!form.has_model()) return "no model";
  EXPECT_EQ(body.substr(form.model_at(), form.model().size()), form.model());
  return "model " + form.model();
}

TEST(MultipartForm, FindsTheModelWhereverItStandsAndHoweverTheBodyIsCut) {
  std::string const tricky = "\r\n--\r\n\r\n--a\r\r\n--\r\n-\r\n-b--b\n--b";
  std::vector<std::string> const bodies{
      part("model", "whisper-1") + file(tricky) + "--b--\r\n",
      file(tricky) + part("model", "whisper-1") + "--b--",
      part("language", "") + file("") + part("model", "whisper-1") + part("modell", "x") + "--b--\r\n",
      "--b\r\nX: y\r\nContent-Disposition:form-data;name=model\r\n\r\nwhisper-1\r\n--b--\r\n",
  };
  for (auto const& body : bodies)
    for (std::size_t size = 1; size <= body.size(); ++size)
      ASSERT_EQ(found(body, size), "model whisper-1") << body << size;
  EXPECT_EQ(found(file("a") + "--b--\r\n"), "no model");
}

TEST(MultipartForm, KnowsABoundaryThatRepeatsItself) {
  std::string const boundary = "--\x2d--aab";
  std::string body = part("model", "m", boundary);
  body += std::string("--") + boundary + "\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n" +
          "\r\n----\r\n------aa\r\n-------aaab\r\n\r\n--" + boundary + "--";
  for (std::size_t size = 1; size < 40; ++size) EXPECT_EQ(found(body, size, boundary), "model m");
}

TEST(MultipartForm, RefusesWhatAnotherParserMightReadInAnotherWay) {
  std::string const good = part("model", "m");
  std::string const end = "--b--\r\n";
  auto const header = [&](std::string_view lines) {
    return std::string("--b\r\n").append(lines).append("\r\n\r\nx\r\n") + end;
  };
  for (auto const& body : std::vector<std::string>{
           good + good + end,
           good,
           good + end + "x",
           good + end + "\r\n",
           good + end + good,
           "x" + good + end,
           "\r\n" + good + end,
           good + "--b \r\n" + end,
           "--bx\r\n" + good + end,
           "--b\n" + good + end,
           part("model", "") + end,
           good + part("Model", "n") + end,
           part("model", std::string(513, 'm')) + end,
           part("model", std::string(5000, 'm')) + end,
           header("Content-Disposition: form-data"),
           header("Content-Disposition: attachment; name=\"a\""),
           header("Content-Disposition: form-data; name*=utf-8''model"),
           header("Content-Disposition: form-data; name=\"a\"; name=\"model\""),
           header("Content-Disposition: form-data; name=\"mo\\\"del\""),
           header("Content-Disposition: form-data; name=\"a"),
           header("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; "
                  "name=\"model\""),
           header("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64"),
           header("Content-Disposition: form-data;\r\n name=\"model\""),
           header("Content-Disposition : form-data; name=\"model\""),
           header("Content-Disposition: form-data; name=\"a\"\nX: y"),
           header("X: y"),
           "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--b\r\n" + good.substr(5) + end,
           "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n--b\r\n" + good.substr(5) + end,
           header("nonsense"),
           header(std::string(9000, 'x')),
       }) {
    std::string const whole = found(body);
    EXPECT_EQ(whole.find("model m"), whole.npos) << body;
    EXPECT_NE(whole, "no model") << body;
    for (std::size_t const size : {1U, 2U, 7U}) EXPECT_EQ(found(body, size), whole) << body;
  }
  EXPECT_EQ(found(good + good + end), "model: the form names 'model' twice: which one is meant is ambiguous");
}

TEST(MultipartForm, ReadsTheBoundaryOfAContentType) {
  using dialect::multipart::boundary_of;
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=abc").value_or("none"), "abc");
  EXPECT_EQ(boundary_of("multipart/form-data; charset=utf-8; Boundary=\"a b:c\"").value_or("none"), "a b:c");
  for (std::string_view const bad :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a\"b", "multipart/form-data boundary=a"})
    EXPECT_FALSE(boundary_of(bad)) << bad;
  EXPECT_FALSE(boundary_of("multipart/form-data; boundary=" + std::string(71, 'a')));
  EXPECT_TRUE(is_multipart_form("Multipart/Form-Data ; boundary=a"));
  EXPECT_FALSE(is_multipart_form("multipart/form-datax; boundary=a"));
  EXPECT_FALSE(is_multipart_form("application/json"));
  EXPECT_FALSE(is_multipart_form(""));
}

}  // namespace
}  // namespace lowart::multipart_form_test
