#pragma once
/// OpenSSL's view of a non-blocking socket: recv and send without SIGPIPE, and no buffer between.

#include <openssl/bio.h>

#include <sys/socket.h>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>

namespace lowart::net {

namespace detail {

inline int bio_socket(BIO* bio) noexcept {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

inline int bio_write(BIO* bio, char const* data, std::size_t size, std::size_t* written) noexcept {
  BIO_clear_retry_flags(bio);
  ssize_t sent = -1;
  do sent = ::send(bio_socket(bio), data, size, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) BIO_set_retry_write(bio);
    return 0;
  }
  *written = static_cast<std::size_t>(sent);
  return 1;
}

inline int bio_read(BIO* bio, char* space, std::size_t size, std::size_t* read) noexcept {
  BIO_clear_retry_flags(bio);
  ssize_t got = -1;
  do got = ::recv(bio_socket(bio), space, size, 0);
  while (got < 0 && errno == EINTR);
  if (got > 0) {
    *read = static_cast<std::size_t>(got);
    return 1;
  }
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  else if (errno == EAGAIN || errno == EWOULDBLOCK) BIO_set_retry_read(bio);
  return 0;
}

inline long bio_control(BIO* bio, int command, long, void*) noexcept {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default: return 0;
  }
}

inline BIO_METHOD* socket_bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lowart socket");
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

}  // namespace detail

/// A BIO over `socket`, which it does not own. A truncated stream is told from a closed one.
inline BIO* socket_bio(int socket) {
  BIO* const bio = BIO_new(detail::socket_bio_method());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace lowart::net
