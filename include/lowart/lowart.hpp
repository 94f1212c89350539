#pragma once
/// Everything: for first programs. Real code includes what it uses.

#include <lowart/core/loop_clock.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/gateway/gateway.hpp>
#include <lowart/gateway/journal_sink.hpp>
#include <lowart/gateway/local_call.hpp>
#include <lowart/gateway/runtime.hpp>
#include <lowart/gateway/serve.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/meter/limiter.hpp>
#include <lowart/meter/metered.hpp>
#include <lowart/net/http_client.hpp>
#include <lowart/policy/balance.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/bulkhead.hpp>
#include <lowart/policy/cache.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/hedge.hpp>
#include <lowart/policy/limited.hpp>
#include <lowart/policy/resume.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/router.hpp>
#include <lowart/policy/shape.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/policy/when.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/provider/azure_openai.hpp>
#include <lowart/provider/azure_responses.hpp>
#include <lowart/provider/bedrock.hpp>
#include <lowart/provider/cohere.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/ollama.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>
#include <lowart/provider/text_reply.hpp>
#include <lowart/provider/vertex.hpp>
#include <lowart/provider/vertex_anthropic.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/memory_store.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace lowart {

using namespace std::chrono_literals;

}  // namespace lowart
