#pragma once
/// Task<T>: a coroutine of this framework. It is Asio's awaitable, so any Asio program can await it.

// Six coroutine frames are in flight at a call's deepest point; Asio's default cache holds two.
#if !defined(BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#define BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE 16
#endif
#include <boost/asio/awaitable.hpp>

namespace lowart {

namespace asio = boost::asio;

template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace lowart
