/// What each dialect's adapter costs, side by side: requests and answers read, written and translated from every
/// dialect into every other. Processor time per operation, or per event where the row is a stream.
///
/// ./dev bench adapters [--benchmark_filter=REGEX]

#include "../tests/dialect/dialects.hpp"
#include "talk_fixture.hpp"

#include <lowart/core/pooled_new.hpp>
#include <lowart/dialect/anthropic_reader.hpp>
#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/dialect/openai_chat_reader.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/dialect/responses_reader.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace lowart;
using testing::dialect_rows;
using testing::DialectRow;

constexpr std::size_t request_bytes = 16 * 1024;
constexpr std::string_view model = "bench-model";

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "an adapter refused: %s\n", std::string(result.error().message()).c_str());
  std::exit(1);
}

std::string encoded(DialectRow const& row, Conversation const& c) {
  Losses losses;
  return must(row.encode_request(c, model, losses));
}

/// As many turns as fit, and the last words long enough to make it exactly 16 KB.
std::string request_of(DialectRow const& row, Conversation (*talk)(std::size_t turns)) {
  std::size_t turns = 1;
  while (encoded(row, talk(turns + 1)).size() <= request_bytes) ++turns;
  Conversation c = talk(turns);
  c.messages.back().content.back().text.append(request_bytes - encoded(row, c).size(), 'x');
  return encoded(row, c);
}

struct Fixture {
  DialectRow const* row;
  std::string prose;
  std::string agent;
  std::string whole_reply;
  std::vector<std::string> events;
};

dialect::ReplyContext reply_context() {
  dialect::ReplyContext context;
  context.id = "bench";
  context.model = model;
  context.created = 1'767'225'600;
  context.include_usage = true;
  return context;
}

std::vector<std::string> split_events(std::string_view stream) {
  std::string_view const end = stream.ends_with("\r\n\r\n") ? "\r\n\r\n" : "\n\n";
  std::vector<std::string> events;
  while (!stream.empty()) {
    std::size_t const size = stream.find(end) + end.size();
    events.emplace_back(stream.substr(0, size));
    stream.remove_prefix(size);
  }
  return events;
}

Fixture fixture_of(DialectRow const& row) {
  auto const context = reply_context();
  auto const writer = row.writer(context);
  std::string stream;
  for (ChatDelta const& step : bench::answer_steps(150, 50)) writer->write(step, stream);
  writer->finish(stream);
  return {&row, request_of(row, bench::prose_talk), request_of(row, bench::agent_talk),
          row.encode_reply(bench::whole_answer(150), context), split_events(stream)};
}

std::vector<ChatDelta> decoded(Fixture const& from) {
  auto const decoder = from.row->decoder();
  std::vector<ChatDelta> steps;
  for (std::string const& event : from.events)
    if (!decoder->decode(event, false, steps)) std::exit(1);
  return steps;
}

/// A row of the table: `work` does `count` operations. The best of some rounds counts, since other work on the machine
/// only adds.
template <class Work>
void add(std::string const& name, std::size_t count, Work work) {
  auto const run = [=](benchmark::State& state) {
    while (state.KeepRunningBatch(static_cast<std::int64_t>(count))) work();
  };
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->Repetitions(5)
      ->MinTime(0.03)
      ->ReportAggregatesOnly()
      ->ComputeStatistics("best", [](std::vector<double> const& rounds) {
        return *std::min_element(rounds.begin(), rounds.end());
      });
}

std::string name_of(DialectRow const& row) { return std::string(to_string(row.dialect)); }

void add_decode(DialectRow const& row, std::string const& kind, std::string const& body) {
  add("request decode, " + kind + "/" + name_of(row), 1,
      [&] { benchmark::DoNotOptimize(must(row.decode_request(body))); });
}

void add_encode(DialectRow const& row, std::string const& kind, std::string const& body) {
  auto const c = std::make_shared<Conversation const>(must(row.decode_request(body)));
  add("request encode, " + kind + "/" + name_of(row), 1,
      [&row, c] { benchmark::DoNotOptimize(encoded(row, *c)); });
}

void add_request_pair(DialectRow const& from, DialectRow const& to, std::string const& kind,
                      std::string const& body) {
  add("request translated, " + kind + "/" + name_of(from) + " to " + name_of(to), 1,
      [&] { benchmark::DoNotOptimize(encoded(to, must(from.decode_request(body)))); });
}

void add_reply_decode(Fixture const& f) {
  add("whole reply decode/" + name_of(*f.row), 1,
      [&] { benchmark::DoNotOptimize(must(f.row->decode_reply(f.whole_reply))); });
}

void add_reply_encode(Fixture const& f) {
  auto const whole = std::make_shared<ChatDelta const>(must(f.row->decode_reply(f.whole_reply)));
  add("whole reply encode/" + name_of(*f.row), 1,
      [&, whole] { benchmark::DoNotOptimize(f.row->encode_reply(*whole, reply_context())); });
}

void add_event_decode(Fixture const& f) {
  add("event decode/" + name_of(*f.row), f.events.size(), [&] {
    auto const decoder = f.row->decoder();
    std::vector<ChatDelta> steps;
    for (std::string const& event : f.events) {
      steps.clear();
      if (!decoder->decode(event, false, steps)) std::exit(1);
    }
  });
}

void add_event_encode(Fixture const& f) {
  auto const steps = std::make_shared<std::vector<ChatDelta> const>(decoded(f));
  add("event encode/" + name_of(*f.row), steps->size(), [&, steps] {
    auto const writer = f.row->writer(reply_context());
    std::string out;
    for (ChatDelta const& step : *steps) {
      out.clear();
      writer->write(step, out);
    }
    writer->finish(out);
    benchmark::DoNotOptimize(out.data());
  });
}

void add_stream_pair(Fixture const& from, DialectRow const& to) {
  add("event translated/" + name_of(*from.row) + " to " + name_of(to), from.events.size(), [&] {
    auto const decoder = from.row->decoder();
    auto const writer = to.writer(reply_context());
    std::vector<ChatDelta> steps;
    std::string out;
    for (std::string const& event : from.events) {
      steps.clear();
      out.clear();
      if (!decoder->decode(event, false, steps)) std::exit(1);
      for (ChatDelta const& step : steps) writer->write(step, out);
    }
    writer->finish(out);
    benchmark::DoNotOptimize(out.data());
  });
}

/// Client and provider speak the same: the bytes pass, and are read along.
template <class Reader>
void add_reader(Fixture const& f) {
  add("event read along/" + name_of(*f.row), f.events.size(), [&] {
    Reader reader;
    std::pmr::monotonic_buffer_resource memory;
    ReplyProgress progress(&memory);
    for (std::string const& event : f.events)
      if (!reader.feed(event, progress)) std::exit(1);
    if (!reader.may_end()) std::exit(1);
  });
}

void add_rows(std::vector<Fixture> const& all) {
  for (auto const kind : {&Fixture::prose, &Fixture::agent}) {
    std::string const name = kind == &Fixture::prose ? "16 KB of prose" : "16 KB of an agent";
    for (Fixture const& f : all) add_decode(*f.row, name, f.*kind);
    for (Fixture const& f : all) add_encode(*f.row, name, f.*kind);
    for (Fixture const& from : all)
      for (Fixture const& to : all) add_request_pair(*from.row, *to.row, name, from.*kind);
  }
  for (auto* const rows : {add_reply_decode, add_reply_encode, add_event_decode, add_event_encode})
    for (Fixture const& f : all) rows(f);
  for (Fixture const& from : all)
    for (Fixture const& to : all) add_stream_pair(from, *to.row);
  for (Fixture const& f : all) switch (f.row->dialect) {
      case Dialect::openai_chat: add_reader<dialect::OpenAiChatReader>(f); break;
      case Dialect::openai_responses: add_reader<dialect::ReplyReader<dialect::ResponsesEvents>>(f); break;
      case Dialect::anthropic: add_reader<dialect::AnthropicReader>(f); break;
      case Dialect::gemini: add_reader<dialect::GeminiReader>(f); break;
      default: break;
    }
}

/// One line for each row: its name and its best time.
class Table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(Context const&) override { return true; }
  void ReportRuns(std::vector<Run> const& runs) override {
    for (Run const& run : runs)
      if (run.aggregate_name == "best") print(run.run_name.function_name, run.GetAdjustedCPUTime());
  }

 private:
  void print(std::string_view name, double ns) {
    std::size_t const slash = name.find('/');
    std::string const section(name.substr(0, slash));
    if (section != section_) std::printf("\n%-40s %10s\n", section.c_str(), "ns");
    section_ = section;
    std::printf("  %-38s %10.0f\n", std::string(name.substr(slash + 1)).c_str(), ns);
    std::fflush(stdout);
  }

  std::string section_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  std::vector<Fixture> all;
  for (DialectRow const& row : dialect_rows()) all.push_back(fixture_of(row));
  add_rows(all);
  Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  return 0;
}
