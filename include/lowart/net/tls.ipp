#pragma once
/// The bodies of TlsContext and TlsSession.

#include <lowart/net/tls.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <string_view>

namespace lowart::net {

namespace detail {

inline constexpr unsigned char http_alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

inline std::string openssl_reason() {
  unsigned long const error = ERR_peek_last_error();
  char const* const reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  return reason != nullptr ? reason : "unknown reason";
}

inline int choose_alpn(SSL*, unsigned char const** chosen, unsigned char* size, unsigned char const* offered,
                       unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  int const result = SSL_select_next_proto(&found, size, http_alpn, sizeof http_alpn, offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

inline int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* const slot = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  if (slot == nullptr) return 0;
  slot->keep(session);
  return 1;
}

inline std::shared_ptr<SSL_CTX> new_context(SSL_METHOD const* method) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return context;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Buffers of idle sessions are given back: they are 33 KB of the 65 KB that a session weighs.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // One recv for a record instead of one for its header and one for the rest.
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

inline Result<std::shared_ptr<SSL_CTX>> client_context(TlsTrust const& trust) {
  auto context = new_context(TLS_client_method());
  if (!context) return fail(Errc::config_invalid, "TLS cannot start: " + openssl_reason());
  SSL_CTX_set_verify(context.get(), trust.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!trust.ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context.get(), trust.ca_file.c_str()) != 1)
      return fail(Errc::config_invalid,
                  "cannot read the CA certificates in '" + trust.ca_file + "': " + openssl_reason());
  } else if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return fail(Errc::config_invalid, "cannot find the system's CA certificates: " + openssl_reason());
  }
  SSL_CTX_set_alpn_protos(context.get(), http_alpn, sizeof http_alpn);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  return context;
}

/// Certificates of clients: those that the authorities in a file have signed.
inline Result<void> verify_clients(SSL_CTX* context, TlsClients const& clients) {
  if (clients.ca_file.empty()) return {};
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(clients.ca_file.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, clients.ca_file.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return fail(Errc::config_invalid,
                "cannot read the CA certificates in '" + clients.ca_file + "': " + openssl_reason());
  }
  SSL_CTX_set_client_CA_list(context, names);  // owns them now
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (clients.required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  // A ticket brings the certificate of its handshake along; the id is needed for that.
  constexpr unsigned char id[] = {'l', 'o', 'w', 'a', 'r', 't'};
  SSL_CTX_set_session_id_context(context, id, sizeof id);
  return {};
}

inline Result<std::shared_ptr<SSL_CTX>> server_context(std::string const& cert, std::string const& key,
                                                       TlsClients const& clients) {
  auto context = new_context(TLS_server_method());
  if (!context) return fail(Errc::config_invalid, "TLS cannot start: " + openssl_reason());
  if (SSL_CTX_use_certificate_chain_file(context.get(), cert.c_str()) != 1)
    return fail(Errc::config_invalid,
                "cannot read the certificate chain in '" + cert + "': " + openssl_reason());
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(Errc::config_invalid, "cannot use the private key in '" + key + "': " + openssl_reason());
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return fail(Errc::config_invalid,
                "the key in '" + key + "' does not belong to the certificate in '" + cert + "'");
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
  // Sessions live in the clients' tickets only.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (auto asked = verify_clients(context.get(), clients); !asked) return fail(std::move(asked).error());
  return context;
}

inline bool is_address(std::string const& host) noexcept {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace detail

LOWART_DECL Result<TlsContext> TlsContext::client(TlsTrust trust) {
  auto context = detail::client_context(trust);
  if (!context) return fail(context.error());
  auto state = std::make_shared<State>();
  state->trust = std::move(trust);
  state->context = std::move(*context);
  return TlsContext(std::move(state));
}

LOWART_DECL Result<TlsContext> TlsContext::server(std::string cert_file, std::string key_file,
                                                  TlsClients clients) {
  auto context = detail::server_context(cert_file, key_file, clients);
  if (!context) return fail(context.error());
  auto state = std::make_shared<State>();
  state->cert_file = std::move(cert_file);
  state->key_file = std::move(key_file);
  state->clients = std::move(clients);
  state->context = std::move(*context);
  return TlsContext(std::move(state));
}

LOWART_DECL Result<void> TlsContext::reload() {
  auto context = is_server() ? detail::server_context(state_->cert_file, state_->key_file, state_->clients)
                             : detail::client_context(state_->trust);
  if (!context) return fail(context.error());
  state_->context = std::move(*context);
  return {};
}

LOWART_DECL TlsSession::~TlsSession() { SSL_SESSION_free(session_); }

LOWART_DECL void TlsSession::keep(ssl_session_st* session) noexcept {
  SSL_SESSION_free(session_);
  session_ = session;
}

LOWART_DECL bool name_tls_peer(ssl_st* ssl, std::string const& host) {
  if (host.empty() || host.find('\0') != std::string::npos) return false;
  if (detail::is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

LOWART_DECL std::string tls_reason(long verify_result, unsigned long error, std::string const& host) {
  std::string const whose = "the certificate of " + host;
  switch (verify_result) {
    case X509_V_OK: break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + " has expired: it must be renewed there (or this machine's clock is wrong)";
    case X509_V_ERR_CERT_NOT_YET_VALID: return whose + " is not valid yet: look at this machine's clock";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return whose + " was made for another host: connect by a name that it carries";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return whose + " is signed by an authority that is not known here: name its CA certificate in ca_file";
    default: return whose + " is not accepted: " + X509_verify_cert_error_string(verify_result);
  }
  int const reason = ERR_GET_REASON(error);
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
      reason == SSL_R_PACKET_LENGTH_TOO_LONG)
    return host + " does not speak TLS on this port: is it http:// and not https://?";
  char const* const text = ERR_reason_error_string(error);
  return text != nullptr ? text : "protocol error";
}

}  // namespace lowart::net
