#pragma once
/// Task<T>: a coroutine of this framework. It is Asio's awaitable, so any Asio program can await it.

#include <boost/asio/awaitable.hpp>

namespace lowart {

namespace asio = boost::asio;

/// A call's deepest point holds about ten coroutine frames, and Asio keeps two for reuse. A program that is built as
/// one may define BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16 for all its sources, this library's compiled part
/// included (as our CMake does for lowart::compiled); never for some of them only.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace lowart
