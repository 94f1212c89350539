#pragma once
/// Task<T>: a coroutine of this framework. It is Asio's awaitable, so any Asio program can await it.

#include <lowart/core/frame_pool.hpp>

#include <boost/asio/awaitable.hpp>

namespace lowart {

namespace asio = boost::asio;

/// Frames come from FramePool in programs that define LOWART_FRAME_POOL, else from Asio's own few slots.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace lowart
