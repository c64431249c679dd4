// SPDX-License-Identifier: Apache-2.0
// A discrete-event simulation: a queue of (time, what happens). The driver takes all messages that arrived while it was at work, one
// after the other, then acts on the scheduler's decisions, as the real one does.
#include "headrace/exec/simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numbers>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "headrace/base/random.h"
#include "headrace/base/text.h"

namespace headrace::exec {

namespace {

constexpr double kToldAfterUs = 150'000;
constexpr double kNever = 1e300;

struct Event {
  enum class Kind { kDriver, kToDriver, kToWorker, kStart, kTell, kEnd, kFail };
  enum class Message { kSend, kRecall, kStop, kStarted, kDone, kStopped, kReturned, kGone, kCame };
  double at_us = 0;
  std::uint64_t sequence = 0;
  Kind kind = Kind::kDriver;
  Message message = Message::kSend;
  WorkerId worker = 0;
  CallId call = 0;
  double ran_us = 0;                           ///< with kDone
  std::uint64_t run = 0;                       ///< of the worker: an event of an earlier run is void
  bool operator>(const Event& other) const { return at_us != other.at_us ? at_us > other.at_us : sequence > other.sequence; }
};

struct SimulatedWorker {
  HostId host = 0;
  bool alive = true;
  std::deque<std::pair<CallId, double>> queue;   ///< and when its inputs are there
  std::optional<CallId> running;
  double start_us = 0;
  std::uint64_t run = 0;
};

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options), scheduler_(options.scheduling), failures_(derive_seed(options.seed, "failures")) {
    calls_ = options.calls != 0 ? options.calls : 50 * all_workers();
    backlog_ = options.backlog != 0 ? options.backlog : 2 * all_workers();
  }

  Result<SimulationReport> run();

 private:
  std::uint64_t all_workers() const {
    return static_cast<std::uint64_t>(options_.hosts) * static_cast<std::uint64_t>(options_.workers_per_host);
  }
  void build();
  void add_worker(HostId host);
  void at(double when_us, Event event);
  void wake_driver(double now_us);
  void drive(double now_us);
  void read(const Event& event);
  void submit();
  void act();
  double moved_by(CallId call, HostId host, double now_us);
  void arrive(const Event& event);
  void begin(WorkerId id, double now_us);
  void end(const Event& event);
  void stop_running(WorkerId id, double now_us);
  void tell(double now_us, Event::Message message, WorkerId worker, CallId call);
  void fail(const Event& event);
  double duration_us(CallId call) const;
  std::optional<ObjectNumber> input_of(CallId call) const;
  void count_running(double now_us, int change);

  SimulationOptions options_;
  Scheduler scheduler_;
  Random failures_;
  std::uint64_t calls_ = 0, backlog_ = 0, submitted_ = 0, ended_ = 0, sequence_ = 0, messages_ = 0, events_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_to_come_;
  std::vector<SimulatedWorker> workers_;
  std::deque<Event> inbox_;
  bool driver_awake_ = false;                  // an event of it is to come
  double driver_us_ = 0, driver_busy_us_ = 0, tick_us_ = kNever;
  std::vector<double> link_free_us_;           // of each host
  std::vector<std::unordered_set<ObjectNumber>> at_host_;
  std::unordered_map<CallId, std::uint32_t> attempts_of_;
  double useful_us_ = 0, running_us_ = 0, counted_us_ = 0;
  int running_ = 0;
  std::optional<std::pair<double, double>> steady_from_, steady_to_;   // (time, time in calls until then)
  std::optional<Error> error_;
  SimulationReport report_;
};

void Simulation::at(double when_us, Event event) {
  event.at_us = when_us;
  event.sequence = sequence_++;
  events_to_come_.push(event);
}

void Simulation::build() {
  link_free_us_.resize(static_cast<std::size_t>(options_.hosts));
  at_host_.resize(static_cast<std::size_t>(options_.hosts));
  for (int host = 0; host < options_.hosts; ++host) {
    scheduler_.add_host(static_cast<HostId>(host), {.cpu = static_cast<double>(options_.workers_per_host)});
    for (int i = 0; i < options_.workers_per_host; ++i) add_worker(static_cast<HostId>(host));
  }
  if (options_.input_bytes == 0) return;
  Random random(derive_seed(options_.seed, "inputs"));
  for (ObjectNumber object = 0; object < options_.inputs; ++object) {
    const auto worker = static_cast<WorkerId>(random.below(workers_.size()));
    scheduler_.object_at(object, worker);
    at_host_[workers_[worker].host].insert(object);
  }
}

// Time to its death is exponential; failures are drawn in the order of workers.
void Simulation::add_worker(HostId host) {
  const auto id = static_cast<WorkerId>(workers_.size());
  workers_.push_back({.host = host, .queue = {}, .running = {}});
  scheduler_.add_worker(id, host, 0, static_cast<std::int64_t>(driver_us_));
  if (options_.failures_per_worker_hour <= 0) return;
  const double hours = -std::log(1 - failures_.uniform()) / options_.failures_per_worker_hour;
  at(driver_us_ + hours * 3.6e9, {.kind = Event::Kind::kFail, .worker = id});
}

double Simulation::duration_us(CallId call) const {
  const auto attempt = attempts_of_.find(call);
  Random random(derive_seed(options_.seed, "durations"), call * 1'000 + (attempt == attempts_of_.end() ? 0 : attempt->second));
  const double share = std::max(0.05, 1 + options_.call_spread * random.normal());
  return options_.call_s * 1e6 * share * (random.uniform() < options_.slow_share ? options_.slow_factor : 1);
}

std::optional<ObjectNumber> Simulation::input_of(CallId call) const {
  if (options_.input_bytes == 0) return std::nullopt;
  return Random(derive_seed(options_.seed, "reads"), call).below(options_.inputs);
}

// ---- the driver

void Simulation::wake_driver(double now_us) {
  if (std::exchange(driver_awake_, true)) return;
  at(std::max(now_us, driver_us_), {.kind = Event::Kind::kDriver});
}

void Simulation::drive(double now_us) {
  driver_awake_ = false;
  if (driver_us_ > now_us) return wake_driver(now_us);   // woken for a tick while at work
  driver_us_ = now_us;
  std::deque<Event> inbox = std::exchange(inbox_, {});
  for (const Event& event : inbox) {
    driver_us_ += options_.driver_us;
    ++messages_;
    read(event);
  }
  submit();
  scheduler_.tick(static_cast<std::int64_t>(driver_us_));
  act();
  driver_busy_us_ += driver_us_ - now_us;
  if (!inbox_.empty()) wake_driver(driver_us_);
  const auto tick = scheduler_.next_tick();
  if (!tick.has_value() || ended_ == calls_) return;
  // The driver's timer counts whole milliseconds.
  const double when_us = std::max(static_cast<double>(*tick), driver_us_ + 1'000);
  if (when_us < tick_us_) {
    tick_us_ = when_us;
    at(when_us, {.kind = Event::Kind::kDriver});
  }
}

void Simulation::submit() {
  while (submitted_ < calls_ && scheduler_.load().waiting < backlog_) {
    CallRequest request{.id = ++submitted_, .group = 0};
    if (const auto input = input_of(request.id)) request.inputs.push_back({*input, options_.input_bytes});
    ++events_;
    const Status fits = scheduler_.submit(std::move(request), static_cast<std::int64_t>(driver_us_));
    if (!fits.ok()) {
      error_ = fits.error();
      return;
    }
  }
}

void Simulation::read(const Event& event) {
  const auto now = static_cast<std::int64_t>(driver_us_);
  ++events_;
  switch (event.message) {
    case Event::Message::kStarted: scheduler_.started(event.call, event.worker, now); break;
    case Event::Message::kReturned: scheduler_.returned(event.call, event.worker, now); break;
    case Event::Message::kStopped: scheduler_.ended(event.call, event.worker, false, now); break;
    case Event::Message::kDone:
      if (!scheduler_.ended(event.call, event.worker, true, now, static_cast<std::int64_t>(event.ran_us))) break;
      ++ended_;
      useful_us_ += event.ran_us;
      attempts_of_.erase(event.call);
      if (10 * ended_ >= calls_ && !steady_from_) steady_from_ = {counted_us_, running_us_};
      if (10 * ended_ >= 9 * calls_ && !steady_to_) steady_to_ = {counted_us_, running_us_};
      break;
    case Event::Message::kGone:
      for (const ObjectNumber lost : scheduler_.remove_worker(event.worker, now))
        for (auto& held : at_host_) held.erase(lost);
      break;
    case Event::Message::kCame: add_worker(workers_[event.worker].host); break;
    default: break;
  }
}

void Simulation::act() {
  for (const Decision& decision : scheduler_.decide(static_cast<std::int64_t>(driver_us_))) {
    if (decision.kind == Decision::Kind::kGiveUp) {
      error_ = decision.error;
      return;
    }
    driver_us_ += options_.driver_us;
    ++messages_;
    const auto message = decision.kind == Decision::Kind::kSend     ? Event::Message::kSend
                         : decision.kind == Decision::Kind::kRecall ? Event::Message::kRecall
                                                                    : Event::Message::kStop;
    if (decision.kind == Decision::Kind::kRecall) ++report_.recalled;
    if (const auto input = input_of(decision.call); input.has_value() && decision.kind == Decision::Kind::kSend)
      scheduler_.object_at(*input, decision.worker);
    at(driver_us_ + options_.latency_us,
       {.kind = Event::Kind::kToWorker, .message = message, .worker = decision.worker, .call = decision.call});
  }
}

// ---- the workers

// When the call's input is at the host. What is not comes over its link, after what was asked for before.
double Simulation::moved_by(CallId call, HostId host, double now_us) {
  const auto input = input_of(call);
  if (!input.has_value() || !at_host_[host].insert(*input).second) return now_us;
  double& link = link_free_us_[host];
  link = std::max(link, now_us + options_.latency_us) + static_cast<double>(options_.input_bytes) / options_.link_bytes_per_s * 1e6;
  report_.bytes_moved += options_.input_bytes;
  return link + options_.latency_us;
}

void Simulation::tell(double now_us, Event::Message message, WorkerId worker, CallId call) {
  at(now_us + options_.latency_us, {.kind = Event::Kind::kToDriver, .message = message, .worker = worker, .call = call});
}

void Simulation::arrive(const Event& event) {
  SimulatedWorker& worker = workers_[event.worker];
  if (!worker.alive) return;
  if (event.message == Event::Message::kSend) {
    worker.queue.emplace_back(event.call, moved_by(event.call, worker.host, event.at_us));
    return begin(event.worker, event.at_us);
  }
  const auto queued = std::find_if(worker.queue.begin(), worker.queue.end(), [&](const auto& one) { return one.first == event.call; });
  const bool is_stop = event.message == Event::Message::kStop;
  if (worker.running == event.call) {
    if (!is_stop) return tell(event.at_us, Event::Message::kStarted, event.worker, event.call);
    count_running(event.at_us, -1);
    worker.running.reset();
  } else if (queued != worker.queue.end()) {
    worker.queue.erase(queued);
  } else {
    return;
  }
  tell(event.at_us, is_stop ? Event::Message::kStopped : Event::Message::kReturned, event.worker, event.call);
  begin(event.worker, event.at_us);
}

void Simulation::begin(WorkerId id, double now_us) {
  SimulatedWorker& worker = workers_[id];
  if (worker.running.has_value() || worker.queue.empty()) return;
  const auto [call, ready_us] = worker.queue.front();
  ++worker.run;
  if (ready_us > now_us) {
    at(ready_us, {.kind = Event::Kind::kStart, .worker = id, .run = worker.run});
    return;
  }
  worker.queue.pop_front();
  worker.running = call;
  worker.start_us = now_us;
  count_running(now_us, 1);
  const double us = duration_us(call);
  ++attempts_of_[call];
  ++report_.attempts;
  if (options_.says_started && us > kToldAfterUs)
    at(now_us + kToldAfterUs, {.kind = Event::Kind::kTell, .worker = id, .call = call, .run = worker.run});
  at(now_us + us, {.kind = Event::Kind::kEnd, .worker = id, .call = call, .run = worker.run});
}

void Simulation::end(const Event& event) {
  SimulatedWorker& worker = workers_[event.worker];
  count_running(event.at_us, -1);
  worker.running.reset();
  at(event.at_us + options_.latency_us, {.kind = Event::Kind::kToDriver, .message = Event::Message::kDone, .worker = event.worker,
                                         .call = event.call, .ran_us = event.at_us - worker.start_us});
  begin(event.worker, event.at_us);
}

void Simulation::fail(const Event& event) {
  SimulatedWorker& worker = workers_[event.worker];
  worker.alive = false;
  if (worker.running.has_value()) count_running(event.at_us, -1);
  worker.running.reset();
  worker.queue.clear();
  ++report_.workers_lost;
  tell(event.at_us, Event::Message::kGone, event.worker, 0);
  at(event.at_us + options_.restart_s * 1e6, {.kind = Event::Kind::kToDriver, .message = Event::Message::kCame, .worker = event.worker});
}

void Simulation::count_running(double now_us, int change) {
  running_us_ += running_ * (now_us - counted_us_);
  counted_us_ = now_us;
  running_ += change;
}

Result<SimulationReport> Simulation::run() {
  build();
  scheduler_.may_grow(options_.failures_per_worker_hour > 0);
  wake_driver(0);
  double now_us = 0;
  while (ended_ < calls_ && !error_.has_value()) {
    HEADRACE_CHECK(!events_to_come_.empty(), "calls wait and nothing is going to happen");
    const Event event = events_to_come_.top();
    events_to_come_.pop();
    now_us = event.at_us;
    const bool is_current = event.kind == Event::Kind::kDriver || (workers_[event.worker].alive && workers_[event.worker].run == event.run);
    switch (event.kind) {
      case Event::Kind::kDriver:
        if (event.at_us >= tick_us_) tick_us_ = kNever;
        drive(now_us);
        break;
      case Event::Kind::kToDriver:
        inbox_.push_back(event);
        wake_driver(now_us);
        break;
      case Event::Kind::kToWorker: arrive(event); break;
      case Event::Kind::kStart:
        if (is_current) begin(event.worker, now_us);
        break;
      case Event::Kind::kTell:
        if (is_current && workers_[event.worker].running == event.call) tell(now_us, Event::Message::kStarted, event.worker, event.call);
        break;
      case Event::Kind::kEnd:
        if (is_current && workers_[event.worker].running == event.call) end(event);
        break;
      case Event::Kind::kFail: fail(event); break;
    }
  }
  if (error_.has_value()) return *error_;
  const double span_us = std::max(driver_us_, 1.0);
  const double steady_us = steady_to_->first - steady_from_->first;
  const auto workers = static_cast<double>(all_workers());
  const auto calls = static_cast<double>(calls_);
  report_.workers = all_workers();
  report_.calls = calls_;
  report_.makespan_s = span_us / 1e6;
  report_.busy = useful_us_ / (span_us * workers);
  report_.busy_steady = steady_us > 0 ? (steady_to_->second - steady_from_->second) / (steady_us * workers) : report_.busy;
  report_.calls_per_s = calls / span_us * 1e6;
  report_.driver_busy = driver_busy_us_ / span_us;
  report_.messages_per_call = static_cast<double>(messages_) / calls;
  report_.events_per_call = static_cast<double>(events_) / calls;
  return report_;
}

Status check(const SimulationOptions& options) {
  constexpr double kWorkersMax = 1e6, kCallsMax = 1e9;
  const auto refuse = [](std::string_view what) { return Error(Code::kBadValue, cat("a simulation cannot have ", what)); };
  if (options.hosts < 1 || options.workers_per_host < 1 || 1.0 * options.hosts * options.workers_per_host > kWorkersMax)
    return refuse("less than 1 or more than 1,000,000 workers");
  if (static_cast<double>(options.calls) > kCallsMax) return refuse("more than 1e9 calls");
  for (const double value : {options.call_s, options.link_bytes_per_s})
    if (!(value > 0 && std::isfinite(value))) return refuse("a duration of calls or a speed of links that is not above 0");
  for (const double value : {options.call_spread, options.slow_share, options.slow_factor, options.driver_us, options.latency_us,
                             options.failures_per_worker_hour, options.restart_s})
    if (!(value >= 0 && std::isfinite(value))) return refuse("a cost, share or rate below 0");
  if (options.input_bytes > 0 && options.inputs == 0) return refuse("calls that read one of no inputs");
  return {};
}

}  // namespace

Result<SimulationReport> simulate(const SimulationOptions& options) {
  HEADRACE_TRY(check(options));
  return Simulation(options).run();
}

}  // namespace headrace::exec
