#pragma once
/// What one run of the load generator is to do, from its flags.

#include <time.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "chat_fixture.hpp"
#include "reply_check.hpp"
#include "sockets.hpp"

namespace lowart::bench {

inline constexpr std::uint64_t second_ns = 1'000'000'000U;

struct Plan {
  int port = 0;
  std::size_t connections = 0;
  std::uint64_t interval_ns = 0;  ///< 0 = closed loop.
  std::uint64_t warmup_ns = 0;
  std::uint64_t window_ns = 0;
  std::vector<clockid_t> cpu_clocks;
  std::string request;
  Expected expected;
};

/// The flags of bench_load with what they are when not given.
inline std::map<std::string, std::string> plan_defaults() {
  return {{"--port", "8080"},
          {"--path", "/v1/chat/completions"},
          {"--key", "sk-bench"},
          {"--model", "bench-model"},
          {"--body-bytes", "1024"},
          {"--stream", "no"},
          {"--ticks", "no"},
          {"--translated", "no"},
          {"--events", std::to_string(default_events)},
          {"--connections", "64"},
          {"--rate", "0"},
          {"--warmup", "0.2"},
          {"--seconds", "1"},
          {"--cpu-of", ""}};
}

/// The whole request, with about the headers that the official SDKs send.
inline std::string http_request(Flags const& flags, std::string const& body) {
  return "POST " + flags.text("--path") + " HTTP/1.1\r\nHost: 127.0.0.1:" + flags.text("--port") +
         "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: OpenAI/Python 1.99.0\r\n"
         "X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.99.0\r\nX-Stainless-OS: Linux\r\n"
         "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.11.2\r\n"
         "X-Stainless-Async: false\r\nx-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\n"
         "Authorization: Bearer " +
         flags.text("--key") +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

inline Plan plan_from(Flags const& flags) {
  Plan plan;
  plan.port = flags.whole("--port");
  plan.connections = static_cast<std::size_t>(flags.whole("--connections"));
  if (flags.number("--rate") > 0) plan.interval_ns = static_cast<std::uint64_t>(1e9 / flags.number("--rate"));
  plan.warmup_ns = static_cast<std::uint64_t>(flags.number("--warmup") * 1e9);
  plan.window_ns = static_cast<std::uint64_t>(flags.number("--seconds") * 1e9);
  plan.expected.stream = flags.text("--stream") == "yes";
  plan.expected.ticks = flags.text("--ticks") == "yes";
  plan.expected.translated = flags.text("--translated") == "yes";
  plan.expected.events = flags.whole("--events");
  std::string const body =
      chat_request(flags.text("--model"), plan.expected.stream,
                   static_cast<std::size_t>(flags.whole("--body-bytes")), plan.expected.events);
  plan.expected.request_body_bytes = body.size();
  plan.request = http_request(flags, body);
  std::istringstream pids(flags.text("--cpu-of"));
  for (std::string pid; std::getline(pids, pid, ',');) {
    clockid_t clock{};
    if (clock_getcpuclockid(std::atoi(pid.c_str()), &clock) != 0) give_up("no process " + pid);
    plan.cpu_clocks.push_back(clock);
  }
  return plan;
}

}  // namespace lowart::bench
