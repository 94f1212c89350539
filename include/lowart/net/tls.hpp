#pragma once
/// TlsContext: what a side of TLS trusts and shows. TlsSession: what a client remembers to shake hands
/// faster.

#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

struct ssl_st;          // OpenSSL's SSL
struct ssl_ctx_st;      // OpenSSL's SSL_CTX
struct ssl_session_st;  // OpenSSL's SSL_SESSION

namespace lowart::net {

/// Whom a client trusts.
struct TlsTrust {
  std::string ca_file;  ///< PEM file of authorities; empty: those of the system.
  bool verify{true};    ///< False trusts anybody. For experiments only.
};

/// Whom a server asks for a certificate.
struct TlsClients {
  std::string ca_file{};  ///< PEM file of authorities; empty: nobody.
  bool required{false};   ///< Who shows none is not served.
};

/// The settings of one side: TLS 1.2 or later, ALPN http/1.1. Copies share them. Thread safe.
///
/// Errors of the factories and of reload() are config_invalid and name the file.
class TlsContext {
 public:
  /// Verifies certificate and host name unless `trust` says otherwise.
  [[nodiscard]] static LOWART_DECL Result<TlsContext> client(TlsTrust trust = {});
  /// Shows the certificate chain in `cert_file` (PEM, own certificate first) with the key in `key_file`.
  [[nodiscard]] static LOWART_DECL Result<TlsContext> server(std::string cert_file, std::string key_file,
                                                             TlsClients clients = TlsClients());

  /// Reads the files again; handshakes from now on use them. When that fails, the former stay in use.
  [[nodiscard]] LOWART_DECL Result<void> reload();

  std::shared_ptr<ssl_ctx_st> native() const { return state_->context.load(); }
  bool is_server() const noexcept { return !state_->key_file.empty(); }

 private:
  struct State {
    TlsTrust trust;
    std::string cert_file;
    std::string key_file;
    TlsClients clients;
    std::atomic<std::shared_ptr<ssl_ctx_st>> context;
  };
  explicit TlsContext(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

/// The latest session ticket of one server. One per loop and server: no lock. Not movable, streams point to
/// it.
class TlsSession {
 public:
  TlsSession() = default;
  TlsSession(TlsSession const&) = delete;
  TlsSession& operator=(TlsSession const&) = delete;
  LOWART_DECL ~TlsSession();

  /// Takes over the caller's reference.
  LOWART_DECL void keep(ssl_session_st* session) noexcept;
  ssl_session_st* native() const noexcept { return session_; }

 private:
  ssl_session_st* session_{nullptr};
};

/// Tells a client session whom it calls: sends the name (SNI) and checks the certificate for it. `host` is a
/// DNS name or an address. False when it can be neither.
[[nodiscard]] LOWART_DECL bool name_tls_peer(ssl_st* ssl, std::string const& host);

/// What went wrong in the handshake with `host`, and what to do about it. `error` is OpenSSL's code, 0 for
/// none.
[[nodiscard]] LOWART_DECL std::string tls_reason(long verify_result, unsigned long error,
                                                 std::string const& host);

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/tls.ipp>
#endif
