#pragma once
/// What a strict client of the Responses dialect requires of a stream, checked with a parser that is not ours.

#include <lowart/net/sse.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::testing {

/// The data of each event. Fails when one is no JSON, or, when `named`, its name is not its type.
inline std::vector<boost::json::object> events_of(std::string_view stream, bool named) {
  std::vector<boost::json::object> all;
  net::SseSplitter splitter;
  (void)splitter.feed(std::span<char const>(stream.data(), stream.size()), [&](net::SseEvent const& event) {
    boost::json::error_code error;
    auto value = boost::json::parse(event.data, error);
    EXPECT_FALSE(error) << event.data;
    if (error || !value.is_object()) return;
    if (named) EXPECT_EQ(event.event, std::string_view(value.at("type").as_string())) << event.data;
    all.push_back(value.as_object());
  });
  return all;
}

/// Numbers rise by one; items and parts are begun before they are added to, are ended once and hold what their deltas
/// said; the last event has the whole response with the items as they ended. Returns that response.
inline boost::json::object check_responses_stream(std::string_view stream) {
  auto const events = events_of(stream, true);
  EXPECT_GE(events.size(), 3U);
  if (events.size() < 3) return {};
  std::map<std::int64_t, boost::json::value> done;
  std::set<std::int64_t> open;
  std::map<std::string, std::string> said;
  std::int64_t number = 0;
  for (auto const& e : events) {
    std::string const type(e.at("type").as_string());
    EXPECT_EQ(e.at("sequence_number").as_int64(), number++) << type;
    if (!e.contains("output_index")) continue;
    auto const index = e.at("output_index").as_int64();
    if (type == "response.output_item.added") {
      EXPECT_EQ(index, static_cast<std::int64_t>(open.size() + done.size())) << type;
      EXPECT_TRUE(open.insert(index).second && !done.contains(index));
      continue;
    }
    EXPECT_TRUE(open.contains(index)) << type << " outside of its item";
    if (type == "response.output_item.done") {
      open.erase(index);
      done[index] = e.at("item");
      continue;
    }
    std::string key = std::to_string(index);
    for (char const* sub : {"content_index", "summary_index"})
      if (e.contains(sub)) key += "/" + std::to_string(e.at(sub).as_int64());
    if (type.ends_with("part.added")) EXPECT_TRUE(said.emplace(key, "").second) << key;
    if (type.ends_with(".delta")) said[key] += std::string_view(e.at("delta").as_string());
    for (char const* whole : {"text", "refusal", "arguments", "input"})
      if (type.ends_with(".done") && e.contains(whole)) EXPECT_EQ(said[key], e.at(whole).as_string()) << type;
  }
  EXPECT_EQ(events.front().at("type").as_string(), "response.created");
  EXPECT_EQ(events[1].at("type").as_string(), "response.in_progress");
  EXPECT_TRUE(open.empty());
  auto const& last = events.back();
  if (!last.contains("response")) return {};
  auto const& response = last.at("response").as_object();
  auto const& output = response.at("output").as_array();
  EXPECT_EQ(output.size(), done.size());
  for (std::size_t i = 0; i < output.size(); ++i) EXPECT_EQ(output[i], done[static_cast<std::int64_t>(i)]);
  for (char const* required : {"id",
                               "object",
                               "created_at",
                               "status",
                               "error",
                               "incomplete_details",
                               "instructions",
                               "model",
                               "tools",
                               "tool_choice",
                               "parallel_tool_calls",
                               "temperature",
                               "top_p",
                               "text",
                               "reasoning",
                               "metadata",
                               "usage",
                               "max_output_tokens",
                               "previous_response_id",
                               "truncation",
                               "store"})
    EXPECT_TRUE(response.contains(required)) << required;
  return response;
}

}  // namespace lowart::testing
