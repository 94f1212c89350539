// Embedding calls of Vertex AI: what is written, what is refused, what is read.

#include <lowart/dialect/vertex_embeddings.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::vertex_embeddings_test {
namespace {

using namespace lowart::dialect;

EmbeddingInputs inputs(std::vector<EmbeddingInput> all) {
  EmbeddingInputs c;
  c.inputs = std::move(all);
  return c;
}
EmbeddingInput text(std::string said) {
  EmbeddingInput input;
  input.text = std::move(said);
  return input;
}

TEST(VertexEmbeddings, WriteTextsTasksTitlesAndOneNumberOfDimensions) {
  EmbeddingInput document = text("b\"");
  document.task = "RETRIEVAL_DOCUMENT";
  document.title = "T";
  EmbeddingInputs c = inputs({text("a"), document});
  for (EmbeddingInput& input : c.inputs) input.dimensions = 64;
  Losses losses(MayDrop::nothing);
  EXPECT_EQ(
      encode_vertex_embeddings(c, losses).value_or(""),
      R"({"instances":[{"content":"a"},{"content":"b\"","task_type":"RETRIEVAL_DOCUMENT","title":"T"}],)"
      R"("parameters":{"outputDimensionality":64}})");
  Losses none(MayDrop::nothing);
  EXPECT_EQ(encode_vertex_embeddings(inputs({text("a")}), none).value_or(""),
            R"({"instances":[{"content":"a"}]})");
}

TEST(VertexEmbeddings, RefuseWhatTheyCannotSay) {
  EmbeddingInput tokens;
  tokens.tokens = {1, 2};
  Losses anything(MayDrop::anything);
  auto const refused = encode_vertex_embeddings(inputs({tokens}), anything);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param(), "input");
  EmbeddingInputs uneven = inputs({text("a"), text("b")});
  uneven.inputs[1].dimensions = 8;
  Losses nothing(MayDrop::hints);
  EXPECT_EQ(encode_vertex_embeddings(uneven, nothing).error().code(), Errc::unsupported);
  EmbeddingInputs with_user = inputs({text("a")});
  with_user.user = "u";
  Losses hints(MayDrop::hints);
  EXPECT_TRUE(encode_vertex_embeddings(with_user, hints));
  EXPECT_EQ(hints.header(), "user");
}

TEST(VertexEmbeddings, ReadVectorsAndWhatTheyUsed) {
  std::string const body =
      R"({"predictions":[{"embeddings":{"values":[0.5,-1],"statistics":{"truncated":false,"token_count":4}}},)"
      R"({"embeddings":{"statistics":{"token_count":3},"values":[2]}}],"metadata":{"billableCharacterCount":9}})";
  EXPECT_EQ(decode_vertex_embedding_reply(body).value(), (std::vector<Embedding>{{0.5F, -1}, {2}}));
  EXPECT_EQ(read_vertex_embeddings(body)->get(UsageClass::input), 7);
  auto const silent = read_vertex_embeddings(R"({"predictions":[{"embeddings":{"values":[1]}}]})");
  ASSERT_TRUE(silent);
  EXPECT_FALSE(silent->get(UsageClass::input)) << "not reported is not zero";
}

TEST(VertexEmbeddings, RefuseRepliesThatAreNone) {
  for (std::string const body : {"", "[]", "{}", R"({"predictions":{}})", R"({"predictions":[)"}) {
    EXPECT_EQ(read_vertex_embeddings(body).error().code(), Errc::malformed_reply) << body;
    EXPECT_FALSE(decode_vertex_embedding_reply(body)) << body;
  }
  for (std::string const body :
       {R"({"predictions":[1]})", R"({"predictions":[{}]})",
        R"({"predictions":[{"embeddings":{"values":["a"]}}]})", R"({"predictions":[{"embeddings":[0.5]}]})"})
    EXPECT_FALSE(decode_vertex_embedding_reply(body)) << body;
  auto const odd =
      read_vertex_embeddings(R"({"predictions":[{"embeddings":{"statistics":{"token_count":-1}}}]})");
  ASSERT_TRUE(odd);
  EXPECT_FALSE(odd->get(UsageClass::input));
}

}  // namespace
}  // namespace lowart::vertex_embeddings_test
