#pragma once
/// Chat replies of the OpenAI dialect, both ways: decoders for bytes, ChunkEncoder and encode_openai_reply
/// for neutral steps, CompletionBuilder to gather steps into one.

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/openai_chat_reply_decode.hpp>
#include <lowart/dialect/openai_chat_reply_encode.hpp>
