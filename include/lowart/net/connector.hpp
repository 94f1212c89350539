#pragma once
/// Connecting to a server: name, address after address, TLS, all under one clock.

#include <lowart/core/call.hpp>
#include <lowart/core/config.hpp>
#include <lowart/net/stream.hpp>
#include <lowart/net/tls.hpp>
#include <lowart/net/url.hpp>

#include <string>

namespace lowart::net {

/// Connects to `url` within call.connect_timeout(), TLS included (`tls` and `session` are used for https
/// only). Addresses are tried one after another, each with a fair part of the time; the one that worked comes
/// first next time.
///
/// Errors, with nothing sent and retryable: connect_failed naming host, port and reason; connect_timeout; the
/// call's interruption.
[[nodiscard]] LOWART_DECL Task<Result<Stream>> connect(BaseUrl const& url, TlsContext const* tls,
                                                       TlsSession& session, Call& call);

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/connector.ipp>
#endif
