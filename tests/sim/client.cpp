#include "client.hpp"

#include <algorithm>
#include <utility>

namespace lowart::sim {

void Client::start(std::uint16_t port) {
  auto const self = shared_from_this();
  kernel_.after(manners_.begins_after, [self, port] { self->connect(port); });
}

void Client::connect(std::uint16_t port) {
  wire_ = kernel_.connect_client(port, shared_from_this(), manners_.room);
  if (!wire_) return finish();  // the gateway is closed
  auto const self = shared_from_this();
  if (manners_.leaving != Manners::Leaving::stays)
    kernel_.after(manners_.leaves_after, [self] { self->leave(); });
  ask();
}

void Client::ask() {
  if (over_ || !wire_) return;
  CallLog& call = log();
  call.begun = true;
  call.first_on_connection = at_ == 0;
  call.impatient = manners_.leaving != Manners::Leaving::stays || manners_.reads_slowly ||
                   (manners_.stops_sending && at_ + 1 == calls_.size());
  answer_ = HttpReader(true);
  asking_ = true;
  unsent_ = request_bytes(call.question);
  if (manners_.stops_sending && at_ + 1 == calls_.size())
    unsent_.resize(static_cast<std::size_t>(random().below(unsent_.size())));
  kernel_.trace().note(kernel_.now(), "client asks call", call.question.number);
  kernel_.trace().text("bytes", unsent_);
  send_some();
}

void Client::send_some() {
  if (over_ || !wire_) return;
  auto const left = static_cast<std::int64_t>(unsent_.size());
  auto const size = static_cast<std::size_t>(
      random().percent(70) ? left : random().between(1, std::max<std::int64_t>(left, 1)));
  wire_->send(std::string_view(unsent_).substr(0, size));
  unsent_.erase(0, size);
  if (unsent_.empty()) {
    log().sent_whole = !(manners_.stops_sending && at_ + 1 == calls_.size());
    return;
  }
  auto const self = shared_from_this();
  kernel_.after(std::chrono::milliseconds(random().between(0, 30)), [self] { self->send_some(); });
}

void Client::on_bytes(Wire& wire) {
  if (over_ || !wire_) return;
  if (manners_.reads_slowly) return take_slowly();
  std::string const bytes = wire.take();
  kernel_.trace().text("client gets", bytes);
  answer_.feed(bytes);
  if (answer_.done() || answer_.broken()) answer_came();
}

void Client::take_slowly() {
  if (std::exchange(taking_, true)) return;
  auto const self = shared_from_this();
  kernel_.after(std::chrono::milliseconds(random().between(10, 900)), [self] {
    self->taking_ = false;
    if (self->over_ || !self->wire_) return;
    std::string const bytes = self->wire_->take(static_cast<std::size_t>(self->random().between(1, 300)));
    self->answer_.feed(bytes);
    if (self->answer_.done() || self->answer_.broken()) return self->answer_came();
    if (self->wire_->untaken() > 0) self->take_slowly();
  });
}

/// The answer is complete, or as much of it as will ever come.
void Client::answer_came() {
  if (!std::exchange(asking_, false)) return;
  CallLog& call = log();
  call.answered = answer_.done() && !answer_.broken();
  call.status = answer_.has_head() ? answer_.status() : 0;
  call.body = answer_.body();
  if (answer_.broken())
    ledger_.fault("call-" + std::to_string(call.question.number) + ": the answer is no HTTP");
  kernel_.trace().note(kernel_.now(), "client has the answer of call", call.question.number, call.status);
  bool const goes_on = call.answered && answer_.keeps_alive() && at_ + 1 < calls_.size() && unsent_.empty();
  if (!goes_on) {
    if (wire_ && call.answered && random().percent(80)) wire_->send_end();
    else if (wire_) wire_->send_reset();
    return finish();
  }
  ++at_;
  auto const self = shared_from_this();
  kernel_.after(manners_.thinks, [self] { self->ask(); });
}

void Client::on_closed(Wire&, bool reset) {
  if (over_) return;
  kernel_.trace().note(kernel_.now(), reset ? "client sees a reset" : "client sees the end", calls_.front());
  if (!reset) answer_.end();
  if (asking_) {
    log().connection_ended = true;
    answer_came();
  }
  if (wire_) wire_->send_end();
  finish();
}

void Client::leave() {
  if (over_ || !wire_) return;
  kernel_.trace().note(kernel_.now(), "client leaves", calls_[at_]);
  if (asking_) {
    CallLog& call = log();
    call.left_at = kernel_.now();
    call.status = answer_.has_head() ? answer_.status() : 0;
    call.body = answer_.body();
  }
  if (manners_.leaving == Manners::Leaving::ends) wire_->send_end();
  else wire_->send_reset();
  finish();
}

void Client::finish() {
  over_ = true;
  wire_.reset();
}

}  // namespace lowart::sim
