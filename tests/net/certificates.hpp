#pragma once
/// Certificates for tests, made when the test runs.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace lowart::testing {

/// A new directory that is gone after the test.
class TestDirectory {
 public:
  TestDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "lowart-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(TestDirectory const&) = delete;
  TestDirectory& operator=(TestDirectory const&) = delete;
  std::string file(std::string const& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A certificate authority that signs for tests. Keys are P-256, for speed.
class TestAuthority {
 public:
  struct Files {
    std::string cert, key;
  };

  TestAuthority(TestDirectory const& directory, std::string const& name)
      : directory_(directory), key_(EVP_EC_gen("P-256")), cert_(X509_new()) {
    fill(cert_.get(), key_.get(), name, -3600, 86400);
    extend(cert_.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_set_issuer_name(cert_.get(), X509_get_subject_name(cert_.get()));
    X509_sign(cert_.get(), key_.get(), EVP_sha256());
    cert_file_ = directory_.file(name + ".pem");
    write(cert_file_, [&](std::FILE* out) { PEM_write_X509(out, cert_.get()); });
  }

  /// `names` as OpenSSL writes subject alternative names: "DNS:localhost,IP:127.0.0.1". Times in seconds from
  /// now.
  Files issue(std::string const& file, std::string const& names, long from = -3600,
              long until = 86400) const {
    Key const key(EVP_EC_gen("P-256"));
    Cert const cert(X509_new());
    fill(cert.get(), key.get(), file, from, until);
    extend(cert.get(), NID_subject_alt_name, names.c_str());
    X509_set_issuer_name(cert.get(), X509_get_subject_name(cert_.get()));
    X509_sign(cert.get(), key_.get(), EVP_sha256());
    Files files{directory_.file(file + ".pem"), directory_.file(file + ".key")};
    write(files.cert, [&](std::FILE* out) { PEM_write_X509(out, cert.get()); });
    write(files.key, [&](std::FILE* out) {
      PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return files;
  }
  std::string const& file() const noexcept { return cert_file_; }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* cert) const { X509_free(cert); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Cert = std::unique_ptr<X509, Free>;

  static void fill(X509* cert, EVP_PKEY* key, std::string const& name, long from, long until) {
    static long serial = 0;
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), from);
    X509_gmtime_adj(X509_getm_notAfter(cert), until);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
  }
  static void extend(X509* cert, int what, char const* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
  }
  template <class Write>
  static void write(std::string const& path, Write write) {
    std::FILE* const out = std::fopen(path.c_str(), "w");
    write(out);
    std::fclose(out);
  }

  TestDirectory const& directory_;
  Key key_;
  Cert cert_;
  std::string cert_file_;
};

}  // namespace lowart::testing
