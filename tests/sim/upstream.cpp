#include "upstream.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace lowart::sim {

namespace {

/// The bytes of an answer, and what they mean at which place.
struct Script {
  std::string bytes;
  std::vector<std::pair<std::size_t, int>> words_at;
  std::size_t terminal_at{0};
  std::size_t surplus_at{static_cast<std::size_t>(-1)};  ///< Where what nobody asked for begins.
};

std::string hex(std::size_t n) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%zx", n);
  return text.data();
}

constexpr std::string_view json_type = "content-type: application/json\r\n";
constexpr std::string_view stream_type = "content-type: text/event-stream\r\n";

std::string head(int status, std::string_view fields) {
  return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nx-request-id: up\r\n" + std::string(fields);
}

Script with_length(std::string const& fields, int status, std::string const& body, int words) {
  Script script;
  script.bytes = head(status, std::string(json_type) + fields) +
                 "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  script.terminal_at = script.bytes.size();
  script.words_at.emplace_back(script.bytes.size(), words);
  return script;
}

/// Frames `raw` in chunks, mostly of one event; says where in the framed bytes each event ends.
class ChunkedFrames {
 public:
  explicit ChunkedFrames(Script& script) : script_(script) {}
  void add(Random& random, std::string const& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      std::size_t const left = bytes.size() - at;
      std::size_t const size =
          random.percent(90) ? left
                             : static_cast<std::size_t>(random.between(1, static_cast<std::int64_t>(left)));
      script_.bytes += hex(size) + "\r\n";
      script_.bytes.append(bytes, at, size);
      end_of_payload_ = script_.bytes.size();
      script_.bytes += "\r\n";
      at += size;
    }
  }
  std::size_t end_of_payload() const noexcept { return end_of_payload_; }

 private:
  Script& script_;
  std::size_t end_of_payload_{0};
};

}  // namespace

/// One connection of the gateway to an upstream.
class Upstreams::Connection : public Peer, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Upstreams& all, int host) : all_(all), kernel_(all.kernel_), host_(host) {}

  void connected(std::shared_ptr<Wire> wire) {
    wire_ = std::move(wire);
    maybe_hang_up();
  }
  void on_bytes(Wire& wire) override {
    std::string const bytes = wire.take();
    if (!wire_) return wire.send_reset();  // as a socket that was closed does
    if (attempt_ != nullptr) return;       // nothing is expected while it answers
    request_.feed(bytes);
    if (!request_.done()) return;
    auto const self = shared_from_this();
    kernel_.after(pause(), [self] { self->answer(); });
  }
  void on_closed(Wire&, bool) override {
    kernel_.trace().note(kernel_.now(), "upstream sees the end", host_);
    wire_.reset();
  }

 private:
  Random& random() { return kernel_.random(); }
  Nanos pause() {
    auto const ms = std::chrono::milliseconds(1);
    if (!all_.mood_.slow || random().percent(90)) return random().between(0, 20) * ms;
    return random().between(0, 3'000) * ms;
  }
  void maybe_hang_up() {
    if (!random().percent(all_.mood_.hangs_up)) return;
    auto const self = shared_from_this();
    std::size_t const round = round_;
    bool const hard = random().percent(30);
    kernel_.after(std::chrono::milliseconds(random().between(0, 2'000)), [self, round, hard] {
      bool const idle = self->wire_ && self->attempt_ == nullptr && self->round_ == round;
      if (!idle) return;
      hard ? self->wire_->send_reset() : self->wire_->send_end();
      self->wire_.reset();
    });
  }

  /// Says what nobody asked for while nobody asks: a request that is on its way would take it for its answer.
  void talk_on() {
    auto const self = shared_from_this();
    kernel_.after(pause(), [self, surplus = std::exchange(late_surplus_, {}), round = round_] {
      bool const idle = self->wire_ && self->round_ == round && self->attempt_ == nullptr &&
                        !self->request_.begun() && self->wire_->untaken() == 0;
      if (idle) self->wire_->send(surplus);
    });
  }

  void answer() {
    if (!wire_) return;
    std::string const& body = request_.body();
    bool const streams = body.find(R"("stream":true)") != std::string::npos ||
                         request_.first_line().find(":streamGenerate") != std::string::npos;
    Ledger& ledger = all_.ledger_;
    attempt_ = &ledger.attempts.emplace_back();
    attempt_->call = call_number(body);
    attempt_->host = host_;
    attempt_->speech = all_.speech_of(host_);
    attempt_->streamed = streams;
    attempt_->story.attempt = static_cast<int>(ledger.attempts.size()) - 1;
    bool const told = attempt_->speech == Speech::messages || random().percent(70);
    bool const asked = attempt_->speech != Speech::chat || !streams ||
                       body.find(R"("include_usage":true)") != std::string::npos;
    attempt_->story.tells_usage = told && asked;
    attempt_->story.tells_early = random().percent(25);
    attempt_->story.words = static_cast<int>(random().between(1, random().percent(5) ? 200 : 12));
    attempt_->story.figures =
        Figures{random().between(1, 400), random().percent(30) ? random().between(0, 90) : 0,
                random().between(1, 60)};
    Trouble const trouble = all_.trouble();
    kernel_.trace().note(kernel_.now(), "upstream answers call", attempt_->call,
                         static_cast<std::int64_t>(trouble));
    ledger.meet("trouble " + std::string(to_string(trouble)));
    write(trouble);
    attempt_->words_at = script_.words_at;
    attempt_->terminal_at = script_.terminal_at;
    at_ = 0;
    go_on();
  }

  void write(Trouble trouble) {
    script_ = Script();
    end_ = End::keeps;
    Attempt& a = *attempt_;
    if (trouble == Trouble::no_answer) {
      a.can_end_well = false;
      end_ = End::stalls;
      return;
    }
    if (trouble == Trouble::refused || trouble == Trouble::limited) return refuse(trouble);
    a.answers = true;
    if (a.streamed) write_stream(trouble);
    else write_whole(trouble);
    if (trouble == Trouble::garbage_head) {
      script_.bytes = "HTTP/1.1 2x0 Hm\r\n" + script_.bytes;
      a.can_end_well = false;
    }
    if (trouble == Trouble::surplus && end_ == End::keeps) {
      std::string const surplus = with_length("", 200, whole_answer(a.speech, a.story), 0).bytes;
      if (random().percent(50)) {
        late_surplus_ = surplus;
      } else {
        script_.surplus_at = script_.bytes.size();
        script_.bytes += surplus;
      }
    }
    bool const stops = trouble == Trouble::cut || trouble == Trouble::reset || trouble == Trouble::stall;
    if (!stops) return;
    std::size_t const most = random().percent(25) ? std::min<std::size_t>(100, script_.bytes.size())
                                                  : script_.bytes.size();  // a head is short
    script_.bytes.resize(static_cast<std::size_t>(random().below(most)));
    end_ = trouble == Trouble::cut ? End::ends : trouble == Trouble::reset ? End::resets : End::stalls;
  }

  void refuse(Trouble trouble) {
    attempt_->can_end_well = false;
    static constexpr std::array<int, 10> statuses{500, 502, 503, 504, 529, 400, 401, 403, 404, 408};
    int const status = trouble == Trouble::limited ? 429 : random().one_of(statuses);
    std::string fields;
    std::int64_t const ms = random().between(0, 4'000);
    if (status == 429 || status == 503) fields = retry_after(ms);
    script_ = with_length(fields, status, refusal(attempt_->speech, status), 0);
  }
  std::string retry_after(std::int64_t ms) {
    switch (random().below(4)) {
      case 0: return "retry-after: " + std::to_string(ms / 1000) + "\r\n";
      case 1: return "retry-after-ms: " + std::to_string(ms) + "\r\n";
      case 2: {
        auto const at =
            std::chrono::duration_cast<std::chrono::seconds>(kernel_.wall_clock()).count() + ms / 1000;
        std::time_t const when = at;
        std::tm parts{};
        ::gmtime_r(&when, &parts);
        std::array<char, 64> text{};
        std::strftime(text.data(), text.size(), "retry-after: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
        return text.data();
      }
      default: return "";
    }
  }

  void write_whole(Trouble trouble) {
    Attempt& a = *attempt_;
    std::string body = whole_answer(a.speech, a.story);
    if (trouble == Trouble::garbage_json) {
      body.resize(body.size() / 2);
      a.can_end_well = false;
    }
    switch (random().below(3)) {
      case 0: {
        script_.bytes = head(200, json_type) + "transfer-encoding: chunked\r\n\r\n";
        ChunkedFrames frames(script_);
        frames.add(random(), body);
        if (trouble == Trouble::garbage_chunk) {
          script_.bytes += "zz\r\n";
          a.can_end_well = false;
        }
        script_.bytes += "0\r\n\r\n";
        break;
      }
      case 1:
        script_.bytes = head(200, json_type) + "connection: close\r\n\r\n" + body;
        end_ = End::ends;
        break;
      default: script_ = with_length("", 200, body, a.story.words); return;
    }
    script_.words_at.emplace_back(script_.bytes.size(), a.story.words);
    script_.terminal_at = script_.bytes.size();
  }

  void write_stream(Trouble trouble) {
    Attempt& a = *attempt_;
    if (trouble == Trouble::endless) a.story.words = 400;
    std::vector<StoryEvent> events = streamed_answer(a.speech, a.story);
    std::size_t const middle = static_cast<std::size_t>(random().below(events.size()));
    if (trouble == Trouble::no_terminal_event || trouble == Trouble::endless) {
      events.pop_back();
      a.can_end_well = false;
    }
    if (trouble == Trouble::error_event || trouble == Trouble::garbage_json) {
      events.resize(middle);
      events.push_back({trouble == Trouble::error_event ? error_event(a.speech) : "data: {\"x\":\n\n", -1});
      a.can_end_well = false;
    }
    bool const chunked = random().percent(85);
    script_.bytes = head(200, stream_type) + (chunked ? "transfer-encoding: chunked\r\n\r\n" : "\r\n");
    if (!chunked) end_ = End::ends;
    ChunkedFrames frames(script_);
    for (StoryEvent const& event : events) {
      if (chunked) frames.add(random(), event.bytes);
      else script_.bytes += event.bytes;
      script_.terminal_at = chunked ? frames.end_of_payload() : script_.bytes.size();
      if (event.words >= 0) script_.words_at.emplace_back(script_.terminal_at, event.words);
    }
    if (trouble == Trouble::garbage_chunk && chunked) {
      auto const at = static_cast<std::size_t>(random().below(script_.bytes.size()));
      constexpr std::string_view event_and_chunk_end = "\n\n\r\n";
      auto const boundary = script_.bytes.find(event_and_chunk_end, at);
      if (boundary != std::string::npos) {
        script_.bytes.resize(boundary + event_and_chunk_end.size());
        script_.bytes += "zz\r\n";
        return;
      }
    }
    if (trouble == Trouble::endless) end_ = End::stalls;
    else if (chunked) script_.bytes += "0\r\n\r\n";
  }

  /// Sends the next bytes, some time after the ones before.
  void go_on() {
    if (!wire_ || attempt_ == nullptr) return;
    if (at_ == script_.bytes.size()) return finish();
    std::size_t const left = script_.bytes.size() - at_;
    std::size_t const size =
        random().percent(60) ? left
                             : static_cast<std::size_t>(random().between(1, static_cast<std::int64_t>(left)));
    bool const all_at_once = script_.bytes.size() < 40'000 || size < 2'000;
    std::size_t end = at_ + (all_at_once ? size : 2'000);
    // With the end of the answer: later it might arrive as the answer to the next request, which nobody can tell.
    if (end >= script_.surplus_at) end = script_.bytes.size();
    std::string_view const piece(script_.bytes.data() + at_, end - at_);
    wire_->send(piece);
    kernel_.trace().note(kernel_.now(), "upstream sends", host_, static_cast<std::int64_t>(piece.size()));
    kernel_.trace().text("bytes", piece);
    at_ += piece.size();
    attempt_->sent = at_;
    // Whoever has read the end of an answer may ask again at once.
    if (at_ == script_.bytes.size() && end_ == End::keeps) return finish();
    auto const self = shared_from_this();
    kernel_.after(pause(), [self] { self->go_on(); });
  }

  enum class End : std::uint8_t { keeps, ends, resets, stalls };
  void finish() {
    switch (end_) {
      case End::stalls: return;
      case End::ends: wire_->send_end(); return wire_.reset();
      case End::resets: wire_->send_reset(); return wire_.reset();
      case End::keeps: break;
    }
    attempt_ = nullptr;
    request_ = HttpReader(false);
    ++round_;
    if (!late_surplus_.empty()) talk_on();
    maybe_hang_up();
  }

  Upstreams& all_;
  Kernel& kernel_;
  int host_;
  std::shared_ptr<Wire> wire_;
  HttpReader request_{false};
  Attempt* attempt_{nullptr};
  Script script_;
  std::size_t at_{0};
  std::size_t round_{0};
  std::string late_surplus_;
  End end_{End::keeps};
};

Dial Upstreams::dial(int host) {
  Random& random = kernel_.random();
  Dial dial;
  dial.after = std::chrono::microseconds(random.between(50, 2'000));
  if (random.percent(mood_.dial_trouble)) {
    dial.kind = random.percent(60) ? Dial::Kind::refuse : Dial::Kind::silence;
    return dial;
  }
  if (mood_.slow && random.percent(10)) dial.after = std::chrono::milliseconds(random.between(0, 3'000));
  auto const connection = std::make_shared<Connection>(*this, host);
  dial.peer = connection;
  dial.connected = [connection](std::shared_ptr<Wire> wire) { connection->connected(std::move(wire)); };
  return dial;
}

Speech Upstreams::speech_of(int host) const noexcept {
  for (auto const& [at, speech] : hosts_)
    if (at == host) return speech;
  return Speech::chat;
}

Trouble Upstreams::trouble() {
  Random& random = kernel_.random();
  if (random.percent(mood_.storm)) return Trouble::limited;
  if (!random.percent(mood_.answer_trouble)) return Trouble::none;
  return static_cast<Trouble>(random.between(1, static_cast<std::int64_t>(Trouble::surplus)));
}

}  // namespace lowart::sim
