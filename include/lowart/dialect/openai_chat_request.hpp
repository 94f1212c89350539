#pragma once
/// Chat requests of the OpenAI dialect, both ways: decode_openai_chat and encode_openai_chat.

#include <lowart/dialect/openai_chat_request_decode.hpp>
#include <lowart/dialect/openai_chat_request_encode.hpp>
