#pragma once
/// Requests of the Anthropic dialect, both ways.

#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/dialect/anthropic_request_encode.hpp>
