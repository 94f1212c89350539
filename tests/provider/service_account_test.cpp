// Key files of service accounts: what is read and refused, and that the token they make is signed with their key.

#include <lowart/provider/service_account.hpp>

#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <string_view>

namespace lowart::service_account_test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string pem_of(EVP_PKEY* key) {
  std::unique_ptr<BIO, decltype(&BIO_free)> const out(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  long const size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}
EVP_PKEY* key() {
  static Key const made(EVP_RSA_gen(2048), &EVP_PKEY_free);
  return made.get();
}

std::string file(std::string const& pem,
                 std::string_view more = R"(,"token_uri":"https://oauth2.example/a/token")") {
  std::string json =
      R"({"type":"service_account","client_email":"gw@p.example","project_id":"p-1","private_key_id":"k1",)";
  json.append("\"private_key\":");
  dialect::append_json_string(json, pem);
  return json.append(more).append("}");
}

bool is_signed(std::string_view jwt, EVP_PKEY* by) {
  auto const dot = jwt.rfind('.');
  auto const signature = dialect::from_base64(jwt.substr(dot + 1));
  if (!signature) return false;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> const context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, by);
  return EVP_DigestVerify(context.get(), reinterpret_cast<unsigned char const*>(signature->data()),
                          signature->size(), reinterpret_cast<unsigned char const*>(jwt.data()), dot) == 1;
}

TEST(ServiceAccounts, SignAssertionsThatTheirPublicKeyVerifies) {
  auto const account = ServiceAccount::read(file(pem_of(key())));
  ASSERT_TRUE(account) << account.error().message();
  EXPECT_EQ(account->project(), "p-1");
  EXPECT_EQ(account->server(), "https://oauth2.example");
  EXPECT_EQ(account->path(), "/a/token");
  auto const proof = account->assertion("the-scope", 1'767'225'600'500'000);
  ASSERT_TRUE(proof);
  std::string const jwt(proof->reveal());
  EXPECT_EQ(jwt.find_first_of("+/="), jwt.npos);
  auto const first = jwt.find('.'), second = jwt.rfind('.');
  EXPECT_EQ(dialect::from_base64(jwt.substr(0, first)), R"({"alg":"RS256","typ":"JWT","kid":"k1"})");
  EXPECT_EQ(dialect::from_base64(jwt.substr(first + 1, second - first - 1)),
            R"({"iss":"gw@p.example","scope":"the-scope","aud":"https://oauth2.example/a/token",)"
            R"("iat":1767225600,"exp":1767229200})");
  EXPECT_TRUE(is_signed(jwt, key()));
  Key const other(EVP_RSA_gen(2048), &EVP_PKEY_free);
  EXPECT_FALSE(is_signed(jwt, other.get()));
  std::string changed = jwt;
  changed[first + 2] = changed[first + 2] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(is_signed(changed, key()));
}

TEST(ServiceAccounts, AskForTokensWithTheirAssertion) {
  auto const account = ServiceAccount::read(file(pem_of(key()), ""));
  ASSERT_TRUE(account);
  TokenGrant const grant = service_account_grant("vertex", *account);
  EXPECT_EQ(grant.server + grant.path, "https://oauth2.googleapis.com/token");
  auto const form = grant.form(1'767'225'600'000'000);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->reveal().starts_with(
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey"));
}

TEST(ServiceAccounts, AreRefusedWithTheReasonAndNothingOfTheKey) {
  Key const elliptic(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  Key const small(EVP_RSA_gen(1024), &EVP_PKEY_free);
  std::string const good = pem_of(key());
  auto const expect = [](std::string const& json, std::string_view reason) {
    auto const account = ServiceAccount::read(json);
    ASSERT_FALSE(account) << reason;
    EXPECT_EQ(account.error().code(), Errc::config_invalid);
    EXPECT_NE(account.error().message().find(reason), std::string::npos) << account.error().message();
    EXPECT_EQ(account.error().message().find("BEGIN"), std::string::npos);
  };
  expect("", "not JSON");
  expect("[]", "'type' is not service_account");
  expect(R"({"type":"authorized_user"})", "'type' is not service_account");
  expect(R"({"type":"service_account"})", "client_email");
  expect(R"({"type":"service_account","client_email":"a"})", "private_key");
  expect(file("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "no PEM block");
  expect(file(pem_of(elliptic.get())), "no RSA key");
  expect(file(pem_of(small.get())), "2048 bits");
  expect(file(good, R"(,"token_uri":"oauth2.example")"), "token_uri");
  expect(file(good, R"(,"token_uri":"ftp://oauth2.example/token")"), "token_uri");
  expect(file(good, R"(,"token_uri":"https://oauth2.example/token?x=1")"), "token_uri");
}

}  // namespace
}  // namespace lowart::service_account_test
