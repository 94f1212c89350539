#include "registry_fixture.hpp"

#include "config.hpp"
#include "registry/config_overlay.hpp"

namespace lowart::administration_test {
namespace {

using namespace lowart_test;

TEST(Administration, KeepsSettingsOverTheFileAndTellsWhereTheyComeFrom) {
  Office office;
  EXPECT_EQ(office.good("GET", "/admin/providers/demo").at("source"), "file");
  office.good("PATCH", "/admin/providers/demo", R"({"retry":{"attempts":3}})");
  auto const both = office.good("GET", "/admin/providers/demo");
  EXPECT_EQ(both.at("source"), "both");
  EXPECT_EQ(both.at("type"), "demo") << "what the file says stays";
  office.good("POST", "/admin/tiers", R"({"name":"silver","rpm":3})");
  EXPECT_EQ(office.good("GET", "/admin/tiers").at("data").as_array().size(), 2U);
  EXPECT_EQ(office.refused("DELETE", "/admin/tiers/gold"), Errc::conflict) << "it stands in the file";
  office.good("DELETE", "/admin/tiers/silver");
  EXPECT_EQ(office.refused("GET", "/admin/tiers/silver"), Errc::not_found);
}

TEST(Administration, ChangesNothingWhereTheOutcomeIsNoConfiguration) {
  Office office;
  auto const before = *office.admin->registry().latest_revision();
  EXPECT_EQ(office.refused("POST", "/admin/models", R"({"name":"m","targets":[{"provider":"nobody"}]})"),
            Errc::invalid_request);
  EXPECT_EQ(office.refused("PATCH", "/admin/providers/demo", R"({"type":"nonsense"})"),
            Errc::invalid_request);
  EXPECT_EQ(*office.admin->registry().latest_revision(), before);
  EXPECT_EQ(office.good("GET", "/admin/models").at("data").as_array().size(), 1U);
}

TEST(Administration, GivesTheSecondOfTwoWhoEditAConflict) {
  Office office;
  office.good("POST", "/admin/users", R"({"name":"ada"})");
  auto const seen = office.good("GET", "/admin/users/ada").at("revision").as_int64();
  std::string const revision = R"("revision":)" + std::to_string(seen);
  office.good("PATCH", "/admin/users/ada", "{" + revision + R"(,"email":"a@b.c"})");
  EXPECT_EQ(office.refused("PATCH", "/admin/users/ada", "{" + revision + R"(,"display_name":"A"})"),
            Errc::conflict);
  EXPECT_EQ(office.refused("PUT", "/admin/users/ada", R"({"role":"viewer"})"), Errc::invalid_request)
      << "all of it is replaced by who says what it saw only";
  EXPECT_EQ(office.good("GET", "/admin/users/ada").at("email"), "a@b.c");
}

TEST(Administration, TellsAKeyOnceAndKeepsItsHashOnly) {
  Office office;
  auto const made = office.good("POST", "/admin/keys", R"({"name":"k","signed":true})");
  std::string const key(made.at("key").as_string()), secret(made.at("signing_secret").as_string());
  EXPECT_TRUE(key.starts_with("sk-lw-"));
  EXPECT_FALSE(office.good("GET", "/admin/keys/k").contains("key"));
  EXPECT_EQ(office.good("GET", "/admin/keys/k").at("signing_secret"), "***");
  auto const file = office.texts();
  EXPECT_EQ(file.find(key), file.npos);
  EXPECT_EQ(file.find(secret), file.npos);
  EXPECT_EQ(*office.admin->registry().digest_of("k"), office.admin->digest_of(key));
  auto const again = office.good("POST", "/admin/keys/k/regenerate");
  EXPECT_NE(again.at("key"), made.at("key"));
  office.good("POST", "/admin/keys/k/revoke");
  EXPECT_EQ(office.refused("PATCH", "/admin/keys/k", R"({"status":"active"})"), Errc::conflict)
      << "revoked for ever";
}

TEST(Administration, GivesNoKeyTheNameOfOneInTheFile) {
  Office office;
  EXPECT_EQ(office.refused("POST", "/admin/keys", R"({"name":"first"})"), Errc::conflict)
      << "records tell keys apart by their names";
}

TEST(Administration, SealsSecretsKeepsMaskedOnesAndRotatesThem) {
  Office office;
  office.good(
      "POST", "/admin/providers",
      R"({"name":"p","type":"openai","base_url":"http://127.0.0.1:9/v1","api_key":"sk-very-secret"})");
  EXPECT_EQ(office.good("GET", "/admin/providers/p").at("api_key"), "***");
  office.good("PATCH", "/admin/providers/p", R"({"api_key":"***","base_url":"http://127.0.0.1:8/v1"})");
  office.good("PATCH", "/admin/providers/p", R"({"rpm":5})");
  EXPECT_EQ(office.refused("PATCH", "/admin/providers/p", R"({"api_key":{"$sealed":"lw1.first.AAAA"}})"),
            Errc::invalid_request)
      << "nobody brings a seal of his own";
  EXPECT_EQ(office.refused("POST", "/admin/providers", R"({"name":"q","type":"openai","api_key":"***"})"),
            Errc::invalid_request)
      << "a mask stands for nothing there";
  EXPECT_EQ(text_in(office.admin->overlay()->front().body, "api_key"), "sk-very-secret");
  EXPECT_EQ(office.texts().find("sk-very-secret"), std::string::npos);
  EXPECT_EQ(office.good("POST", "/admin/secrets/rotate").at("master_key"), "first");
  EXPECT_EQ(office.refused("POST", "/admin/secrets/rotate", {}, server::Role::admin),
            Errc::permission_denied);
}

TEST(Administration, RollsSettingsBackAsNewChanges) {
  Office office;
  office.good("POST", "/admin/tiers", R"({"name":"t","rpm":1})");
  auto const first = *office.admin->registry().latest_revision();
  office.good("PATCH", "/admin/tiers/t", R"({"rpm":2})");
  office.good("POST", "/admin/tiers", R"({"name":"u","rpm":9})");
  office.good("POST", "/admin/users", R"({"name":"ada"})");
  office.good("POST", "/admin/config/rollback", R"({"revision_wanted":)" + std::to_string(first) + "}");
  EXPECT_EQ(office.good("GET", "/admin/tiers/t").at("rpm"), 1);
  EXPECT_EQ(office.refused("GET", "/admin/tiers/u"), Errc::not_found);
  office.good("GET", "/admin/users/ada");  // accounts stay as they are
  EXPECT_EQ(office.good("GET", "/admin/config/history?kind=tiers&name=t").at("data").as_array().size(), 3U);
}

TEST(Administration, NotesWhatWasDoneAndWhatWasDenied) {
  Office office;
  office.good("POST", "/admin/users", R"({"name":"ada"})");
  EXPECT_EQ(office.refused("POST", "/admin/users", R"({"name":"eve"})", server::Role::viewer),
            Errc::permission_denied);
  EXPECT_EQ(office.refused("POST", "/admin/users", R"({"name":"eve","role":"owner"})", server::Role::admin),
            Errc::permission_denied);
  auto const list = office.good("GET", "/admin/audit").at("data").as_array();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].at("outcome"), "denied");
  EXPECT_EQ(list[2].at("subject"), "users/ada");
  auto const verdict = office.good("GET", "/admin/audit/verify");
  EXPECT_EQ(verdict.at("intact"), true);
  std::string const head(verdict.at("head").as_string());
  ASSERT_TRUE(
      office.admin->registry().database().execute("UPDATE audit SET actor = 'user nobody' WHERE seq = 2"));
  EXPECT_EQ(office.good("GET", "/admin/audit/verify").at("broken_at"), 2);
  ASSERT_TRUE(office.admin->registry().database().execute("DELETE FROM audit WHERE seq >= 2"));
  EXPECT_EQ(office.good("GET", "/admin/audit/verify").at("intact"), true) << "a cut end alone does not show,";
  EXPECT_EQ(office.good("GET", "/admin/audit/verify?expect=" + head).at("intact"), false)
      << "but for who noted the head";
}

TEST(Administration, TakesAUsersKeysAlongAndKeepsTeamsThatAreNamed) {
  Office office;
  office.good("POST", "/admin/teams", R"({"name":"core"})");
  office.good("POST", "/admin/users", R"({"name":"ada","team":"core"})");
  office.good("POST", "/admin/keys", R"({"name":"k","user":"ada"})");
  EXPECT_EQ(office.refused("DELETE", "/admin/teams/core"), Errc::conflict);
  office.good("DELETE", "/admin/users/ada");
  EXPECT_EQ(office.refused("GET", "/admin/keys/k"), Errc::not_found);
  office.good("DELETE", "/admin/teams/core");
}

TEST(Administration, SaysWhatIsWrongWithABody) {
  Office office;
  auto const param = [&](std::string body) {
    auto const answer = office.ask("POST", "/admin/users", std::move(body));
    return answer ? std::string("nothing") : std::string(answer.error().param());
  };
  EXPECT_EQ(param("{"), "body");
  EXPECT_EQ(param("[]"), "body");
  EXPECT_EQ(param("{}"), "name");
  EXPECT_EQ(param(R"({"name":"a\nb"})"), "name");
  EXPECT_EQ(param(R"({"name":"a","role":"god"})"), "role");
  EXPECT_EQ(param(R"({"name":"a","rpm":-1})"), "rpm");
  EXPECT_EQ(param(R"({"name":"a","cost_per_day":"1e5"})"), "cost_per_day");
  EXPECT_EQ(param(R"({"name":"a","what":1})"), "what");
  EXPECT_EQ(param(R"({"name":"a","tier":"none"})"), "tier");
  EXPECT_EQ(param(R"({"name":"a","team":"none"})"), "team");
  EXPECT_EQ(
      param(std::string(R"({"name":"a","metadata":)") + std::string(100, '[') + std::string(100, ']') + "}"),
      "body");
}

TEST(Administration, ReplacesAPriceAsAWholeAndReadsItsNumbersAsTheyStand) {
  Office office;
  office.good("PUT", "/admin/models/demo/price", R"({"price":{"input":0.15,"cache_read":0.075,"output":1}})");
  office.good("PUT", "/admin/models/demo/price", R"({"price":{"input":0.0000125,"output":"2.50"}})");
  auto const price = office.good("GET", "/admin/models/demo").at("price").as_object();
  EXPECT_FALSE(price.contains("cache_read"));
  EXPECT_TRUE(read_config(small_file, *office.admin->overlay()).config);
}

TEST(ConfigOverlay, ReplacesNothingInWhatTheDatabaseSays) {
  Office office;
  office.good("POST", "/admin/providers",
              R"({"name":"p","type":"openai","base_url":"http://127.0.0.1:9/${HOME}"})");
  auto const read = read_config(small_file, *office.admin->overlay());
  ASSERT_TRUE(read.config);
  EXPECT_EQ(read.config->providers.back().base_url, "http://127.0.0.1:9/${HOME}");
}

}  // namespace
}  // namespace lowart::administration_test
