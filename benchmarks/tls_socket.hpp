#pragma once
/// The server's end of a nonblocking connection, in the clear or under TLS, with the results of recv() and send().

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>

#include "sockets.hpp"

namespace lowart::bench {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;

/// Ends the program when the files, both PEM, are none.
inline TlsContext tls_context(std::string const& certificate, std::string const& key) {
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  bool const reads = SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) == 1 &&
                     SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!reads) give_up("cannot use the certificate " + certificate);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  return context;
}

class PeerSocket {
 public:
  PeerSocket() = default;
  /// Without a context in the clear.
  PeerSocket(int fd, SSL_CTX* context) : inner_fd_(fd), inner_ssl_(context ? SSL_new(context) : nullptr) {
    if (!inner_ssl_) return;
    SSL_set_fd(inner_ssl_.get(), fd);
    SSL_set_accept_state(inner_ssl_.get());
  }
  bool is_tls() const { return inner_ssl_ != nullptr; }
  ssize_t receive(char* to, std::size_t size) const {
    return inner_ssl_ ? result(SSL_read(inner_ssl_.get(), to, static_cast<int>(size)))
                      : recv(inner_fd_, to, size, 0);
  }
  ssize_t send(char const* from, std::size_t size) const {
    return inner_ssl_ ? result(SSL_write(inner_ssl_.get(), from, static_cast<int>(size)))
                      : ::send(inner_fd_, from, size, MSG_NOSIGNAL);
  }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  ssize_t result(int done) const {
    if (done > 0) return done;
    int const why = SSL_get_error(inner_ssl_.get(), done);
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
  }

  int inner_fd_ = -1;
  std::unique_ptr<SSL, Free> inner_ssl_;
};

}  // namespace lowart::bench
