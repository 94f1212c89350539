/// Sends chat calls to one loopback port, checks every reply, and prints what it saw as one JSON object.
///
///   bench_load --port P --seconds 1 --connections 64     closed loop: each connection asks again
///   bench_load --port P --seconds 1 --rate 200           open loop: fixed arrivals, latency counts from the
///                                                        scheduled time
/// --translated yes wants replies that a gateway has translated from what the mock says on /v1/messages.
/// --cpu-of PID,PID reads the CPU clocks of these processes exactly where the measured window begins and
/// ends. Ends with 0 only when every reply was right; a run of which one reply is wrong has no figures.

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <deque>
#include <sstream>

#include "load_plan.hpp"
#include "reply_check.hpp"
#include "reply_reader.hpp"

namespace {

using namespace lowart::bench;

constexpr std::uint64_t stall_ns = 5 * second_ns;  ///< A reply that takes longer fails the run.

struct Connection {
  Connection(int socket, Expected const& expected) : fd(socket), check(expected) {}
  int fd;
  std::size_t unsent = 0;
  bool in_flight = false;
  bool waits_for_room = false;
  std::uint64_t begun_ns = 0;
  ReplyReader reader;
  ReplyCheck check;
};

/// What a run has seen. Times are of replies that ended inside the window.
struct Seen {
  std::uint64_t requests = 0;          ///< All that were answered, with warm-up.
  std::uint64_t counted_requests = 0;  ///< Answered since the window began, with those it left in flight.
  std::uint64_t counted_events = 0;
  std::uint64_t window_ns = 0;
  std::uint64_t window_cpu_ns = 0;
  std::uint64_t end_cpu_ns = 0;
  std::vector<std::uint64_t> latency_ns;
  std::vector<std::uint64_t> first_content_ns;
  std::vector<std::uint64_t> event_delay_ns;
};

std::uint64_t cpu_ns(std::vector<clockid_t> const& clocks) {
  std::uint64_t sum = 0;
  for (clockid_t const clock : clocks) {
    timespec t{};
    if (clock_gettime(clock, &t) != 0) give_up("a measured process has gone");
    sum += static_cast<std::uint64_t>(t.tv_sec) * second_ns + static_cast<std::uint64_t>(t.tv_nsec);
  }
  return sum;
}

class Load {
 public:
  explicit Load(Plan plan) : inner_plan_(std::move(plan)) {
    inner_epoll_ = epoll_create1(EPOLL_CLOEXEC);
    inner_timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(inner_timer_, inner_timer_slot, EPOLLIN, EPOLL_CTL_ADD);
    for (std::size_t i = 0; i < inner_plan_.connections; ++i) {
      inner_connections_.emplace_back(open_socket(), inner_plan_.expected);
      watch(inner_connections_[i].fd, i, EPOLLIN, EPOLL_CTL_ADD);
      inner_idle_.push_back(i);
    }
    inner_seen_.latency_ns.reserve(1U << 20U);
  }

  Seen run() {
    inner_start_ns_ = now_ns();
    inner_window_start_ns_ = inner_start_ns_ + inner_plan_.warmup_ns;
    inner_window_end_ns_ = inner_window_start_ns_ + inner_plan_.window_ns;
    set_timer();
    if (inner_plan_.interval_ns == 0)
      while (!inner_idle_.empty()) begin_next(now_ns());
    std::vector<epoll_event> ready(256);
    while (!finished()) {
      int const n = epoll_wait(inner_epoll_, ready.data(), static_cast<int>(ready.size()), 200);
      turn_window(now_ns());
      for (int i = 0; i < n; ++i) handle(ready[static_cast<std::size_t>(i)]);
    }
    return std::move(inner_seen_);
  }

 private:
  static constexpr std::size_t inner_timer_slot = ~std::size_t{0};
  enum class Phase { warmup, window, drain };

  int open_socket() const {
    int const fd = connect_to(inner_plan_.port);
    if (fd < 0) give_up("cannot connect to 127.0.0.1:" + std::to_string(inner_plan_.port));
    return fd;
  }

  void watch(int fd, std::size_t slot, std::uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = slot;
    epoll_ctl(inner_epoll_, operation, fd, &event);
  }

  /// Open loop: the next arrival. Closed loop: the ends of warm-up and window.
  void set_timer() const {
    std::uint64_t const turn = inner_phase_ == Phase::warmup ? inner_window_start_ns_ : inner_window_end_ns_;
    std::uint64_t const at = inner_plan_.interval_ns == 0 ? turn : std::min(turn, next_arrival_ns());
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(at / second_ns);
    when.it_value.tv_nsec = static_cast<long>(at % second_ns);
    timerfd_settime(inner_timer_, TFD_TIMER_ABSTIME, &when, nullptr);
  }

  std::uint64_t next_arrival_ns() const {
    return inner_start_ns_ + (inner_arrived_ + 1) * inner_plan_.interval_ns;
  }

  void turn_window(std::uint64_t now) {
    if (inner_phase_ == Phase::warmup && now >= inner_window_start_ns_) {
      inner_phase_ = Phase::window;
      inner_began_ns_ = now;
      inner_began_cpu_ns_ = cpu_ns(inner_plan_.cpu_clocks);
      if (inner_plan_.interval_ns == 0) set_timer();
    } else if (inner_phase_ == Phase::window && now >= inner_window_end_ns_) {
      inner_phase_ = Phase::drain;
      inner_seen_.end_cpu_ns = cpu_ns(inner_plan_.cpu_clocks);
      inner_seen_.window_cpu_ns = inner_seen_.end_cpu_ns - inner_began_cpu_ns_;
      inner_seen_.window_ns = now - inner_began_ns_;
    }
    if (now > inner_window_end_ns_ + stall_ns) give_up("replies are missing after the end of the run");
  }

  bool finished() const {
    return inner_phase_ == Phase::drain && inner_idle_.size() == inner_connections_.size() &&
           inner_waiting_.empty();
  }

  void handle(epoll_event const& event) {
    if (event.data.u64 == inner_timer_slot) return take_arrivals();
    auto const slot = static_cast<std::size_t>(event.data.u64);
    Connection& c = inner_connections_[slot];
    if ((event.events & EPOLLOUT) != 0U) send_rest(c, slot);
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0U) receive(c, slot);
  }

  void take_arrivals() {
    std::uint64_t ticks = 0;
    if (read(inner_timer_, &ticks, sizeof ticks) < 0 || inner_phase_ == Phase::drain) return;
    while (inner_plan_.interval_ns > 0 && next_arrival_ns() <= now_ns()) {
      inner_waiting_.push_back(next_arrival_ns());
      ++inner_arrived_;
    }
    send_waiting();
    set_timer();
  }

  void send_waiting() {
    while (!inner_waiting_.empty() && !inner_idle_.empty()) {
      std::uint64_t const scheduled = inner_waiting_.front();
      inner_waiting_.pop_front();
      begin_next(scheduled);
    }
  }

  void begin_next(std::uint64_t begun_ns) {
    std::size_t const slot = inner_idle_.back();
    inner_idle_.pop_back();
    Connection& c = inner_connections_[slot];
    c.in_flight = true;
    c.begun_ns = begun_ns;
    c.unsent = inner_plan_.request.size();
    c.reader.reset();
    c.check.reset();
    send_rest(c, slot);
  }

  void send_rest(Connection& c, std::size_t slot) {
    while (c.unsent > 0) {
      char const* from = inner_plan_.request.data() + (inner_plan_.request.size() - c.unsent);
      ssize_t const n = send(c.fd, from, c.unsent, MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) give_up("the connection broke while a request was sent");
      if (n < 0) {
        if (!c.waits_for_room) watch(c.fd, slot, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        c.waits_for_room = true;
        return;
      }
      c.unsent -= static_cast<std::size_t>(n);
    }
    if (c.waits_for_room) watch(c.fd, slot, EPOLLIN, EPOLL_CTL_MOD);
    c.waits_for_room = false;
  }

  void receive(Connection& c, std::size_t slot) {
    ssize_t const n = recv(c.fd, inner_buffer_.data(), inner_buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 && c.in_flight) give_up("the connection was closed in the middle of a call");
    if (n <= 0) return reopen(c, slot);
    if (!c.in_flight) give_up("bytes came that nobody asked for");
    int const events_before = c.check.events();
    auto const progress =
        c.reader.feed(std::string_view(inner_buffer_.data(), static_cast<std::size_t>(n)),
                      [&](std::string_view piece) { c.check.body(piece, inner_seen_.event_delay_ns); });
    if (inner_phase_ != Phase::warmup)
      inner_seen_.counted_events += static_cast<std::uint64_t>(c.check.events() - events_before);
    if (inner_phase_ == Phase::warmup) inner_seen_.event_delay_ns.clear();
    if (progress == ReplyReader::Progress::broken) wrong("the reply is not proper HTTP/1.1", c);
    if (progress == ReplyReader::Progress::complete) complete(c, slot);
  }

  void reopen(Connection& c, std::size_t slot) {
    close(c.fd);
    c.fd = open_socket();
    watch(c.fd, slot, EPOLLIN, EPOLL_CTL_ADD);
  }

  [[noreturn]] static void wrong(char const* why, Connection const& c) {
    errno = 0;
    give_up("wrong reply: " + std::string(why) + " (status " + std::to_string(c.reader.status()) + ", " +
            std::to_string(c.check.events()) + " events) " + c.check.text().substr(0, 300));
  }

  void complete(Connection& c, std::size_t slot) {
    if (char const* trouble = c.check.finish(c.reader.status()); trouble != nullptr) wrong(trouble, c);
    count(c, now_ns());
    c.in_flight = false;
    if (c.reader.closes()) reopen(c, slot);
    inner_idle_.push_back(slot);
    if (inner_plan_.interval_ns > 0) return send_waiting();
    if (inner_phase_ != Phase::drain) begin_next(now_ns());
  }

  void count(Connection const& c, std::uint64_t now) {
    ++inner_seen_.requests;
    if (inner_phase_ == Phase::warmup) return;
    ++inner_seen_.counted_requests;
    if (inner_phase_ == Phase::drain) return;
    inner_seen_.latency_ns.push_back(now - c.begun_ns);
    if (inner_plan_.expected.stream)
      inner_seen_.first_content_ns.push_back(c.check.first_content_ns() - c.begun_ns);
  }

  Plan inner_plan_;
  int inner_epoll_ = -1;
  int inner_timer_ = -1;
  std::vector<Connection> inner_connections_;
  std::vector<std::size_t> inner_idle_;
  std::deque<std::uint64_t> inner_waiting_;  ///< Scheduled, but no connection was free.
  std::uint64_t inner_arrived_ = 0;
  Phase inner_phase_ = Phase::warmup;
  std::uint64_t inner_start_ns_ = 0;
  std::uint64_t inner_window_start_ns_ = 0;
  std::uint64_t inner_window_end_ns_ = 0;
  std::uint64_t inner_began_ns_ = 0;
  std::uint64_t inner_began_cpu_ns_ = 0;
  Seen inner_seen_;
  std::string inner_buffer_ = std::string(64 * 1024, '\0');
};

/// {"p50":…} in microseconds.
std::string percentiles(std::vector<std::uint64_t> values) {
  if (values.empty()) return "null";
  std::sort(values.begin(), values.end());
  auto const at = [&](double share) {
    return static_cast<double>(
               values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))]) /
           1000.0;
  };
  std::ostringstream out;
  out << "{\"p50\":" << at(0.5) << ",\"p90\":" << at(0.9) << ",\"p99\":" << at(0.99) << ",\"max\":" << at(1.0)
      << ",\"count\":" << values.size() << "}";
  return out.str();
}

std::string in_json(Seen const& seen) {
  std::ostringstream out;
  out << "{\"requests\":" << seen.requests << ",\"errors\":0,\"counted_requests\":" << seen.counted_requests
      << ",\"counted_events\":" << seen.counted_events << ",\"window_ns\":" << seen.window_ns
      << ",\"window_cpu_ns\":" << seen.window_cpu_ns << ",\"end_cpu_ns\":" << seen.end_cpu_ns
      << ",\"latency_us\":" << percentiles(seen.latency_ns)
      << ",\"first_token_us\":" << percentiles(seen.first_content_ns)
      << ",\"event_delay_us\":" << percentiles(seen.event_delay_ns) << "}";
  return out.str();
}

}  // namespace

int main(int argc, char** argv) {
  Flags const flags(argc, argv, plan_defaults());
  prctl(PR_SET_TIMERSLACK, 1UL);
  Plan plan = plan_from(flags);
  if (plan.connections == 0 || plan.window_ns == 0) give_up("--connections and --seconds must be above zero");
  Load load(std::move(plan));
  std::printf("%s\n", in_json(load.run()).c_str());
}
