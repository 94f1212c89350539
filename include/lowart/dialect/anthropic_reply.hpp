#pragma once
/// Replies of the Anthropic dialect, both ways.

#include <lowart/dialect/anthropic_reply_decode.hpp>
#include <lowart/dialect/anthropic_reply_encode.hpp>
