#pragma once
/// The network bodies, compiled once: include this in exactly one source file of a program that defines
/// LOWART_SEPARATE_COMPILATION everywhere.

#include <lowart/core/config.hpp>

#if !defined(LOWART_SEPARATE_COMPILATION)
#error "lowart/src.hpp is for programs that define LOWART_SEPARATE_COMPILATION in every source file"
#endif

#include <lowart/core/wakeup.ipp>
#include <lowart/meter/encoding.ipp>
#include <lowart/net/connector.ipp>
#include <lowart/net/http_client.ipp>
#include <lowart/net/http_exchange.ipp>
#include <lowart/net/http_pool.ipp>
#include <lowart/net/http_server.ipp>
#include <lowart/net/json_web_token.ipp>
#include <lowart/net/reactor.ipp>
#include <lowart/net/resolver.ipp>
#include <lowart/net/rsa_key.ipp>
#include <lowart/net/secret_box.ipp>
#include <lowart/net/server_request.ipp>
#include <lowart/net/stream.ipp>
#include <lowart/net/tls.ipp>
