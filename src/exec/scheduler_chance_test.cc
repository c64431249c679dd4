// SPDX-License-Identifier: Apache-2.0
// Random events against the scheduler, and a model of the cluster beside it that knows only what was sent and answered. The model checks
// each decision and, when all is quiet, that nothing was forgotten. A failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <set>

#include "headrace/base/random.h"
#include "headrace/exec/scheduler.h"

namespace headrace::exec {
namespace {

using Kind = Decision::Kind;

struct ModelCall {
  CallRequest request;
  bool over = false;                           // decided, cancelled or given up
  int deaths = 0;
  int ranks_well = 0;
  bool gang_broken = false;
  std::map<WorkerId, int> at;                  // rank by worker
};

struct ModelWorker {
  HostId host = 0;
  std::uint32_t language = 0;
  bool draining = false;
  std::deque<Decision> mail;
  std::deque<CallId> queue;                    // arrived, not started
  std::optional<CallId> running;
  std::vector<CallId> sent;                    // in the order of sending, until answered
  std::set<ObjectNumber> objects;
};

/// How often each rule was met: a test that never meets one shows nothing about it.
struct Met {
  int sent = 0, recalled = 0, gave_back = 0, duplicated = 0, gangs = 0, deep = 0;
  int killers = 0, infeasible = 0, refused = 0, lost_objects = 0;
};

class Model {
 public:
  Model(std::uint64_t seed, Met& met) : met_(met), random_(derive_seed(seed, "scheduler")), scheduler_(options_) {}

  void run(int steps) {
    grows_ = chance(0.3);
    is_fast_ = chance(0.2);   // calls of microseconds: deep queues
    scheduler_.may_grow(grows_);
    const auto hosts = 1 + below(4);
    for (HostId host = 0; host < hosts; ++host) add_host(host);
    for (auto i = 2 + below(8); i > 0; --i) add_worker();
    decide();
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      act();
      if (chance(0.7)) decide();
    }
    if (!testing::Test::HasFailure()) finish();
  }

 private:
  bool chance(double share) { return random_.uniform() < share; }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  auto next(auto begin, std::size_t size) { return std::next(begin, static_cast<std::ptrdiff_t>(below(size))); }

  void add_host(HostId host) {
    Capacity capacity{.cpu = static_cast<double>(1 + below(6)), .memory_bytes = below(2) * (1'000 + below(3'000)), .gpu = 1.0 * below(2)};
    if (chance(0.3)) capacity.custom["disk"] = 2;
    capacity_[host] = capacity;
    scheduler_.add_host(host, capacity);
  }

  void add_worker() {
    const WorkerId id = next_worker_++;
    ModelWorker worker;
    worker.host = static_cast<HostId>(below(capacity_.size()));
    worker.language = chance(0.2) ? 1 : 0;
    scheduler_.add_worker(id, worker.host, worker.language, now_);
    workers_.emplace(id, std::move(worker));
  }

  void act() {
    now_ += static_cast<std::int64_t>(is_fast_ ? below(20) : below(chance(0.1) ? 400'000 : 2'000));
    const auto roll = below(100);
    if (roll < (is_fast_ ? 40 : 22)) {
      submit();
    } else if (roll < 82) {
      if (!workers_.empty()) step_worker(any_worker());
    } else if (roll < 85) {
      if (!calls_.empty()) cancel(next(calls_.begin(), calls_.size())->first);
    } else if (roll < 87) {
      if (workers_.size() > 1 || (!workers_.empty() && chance(0.1))) kill(any_worker());
    } else if (roll < 90) {
      if (workers_.size() < 14) add_worker();
    } else if (roll < 91) {
      if (!workers_.empty()) drain(any_worker());
    } else if (roll < 97) {
      objects();
    } else if (const auto tick = scheduler_.next_tick(); tick.has_value()) {
      now_ = std::max(now_, *tick);
      scheduler_.tick(now_);
    }
  }

  WorkerId any_worker() {
    const WorkerId id = next(workers_.begin(), workers_.size())->first;
    EXPECT_EQ(scheduler_.has_calls(id), !workers_.at(id).sent.empty());
    return id;
  }

  void submit() {
    CallRequest request{.id = next_call_++};
    request.asked.cpu = below(5) == 0 ? 0.5 : static_cast<double>(1 + below(chance(0.2) ? 6 : 1));
    request.asked.memory_bytes = chance(0.2) ? 500 + below(3) * 700 : 0;
    request.asked.gpu = chance(0.1) ? 1 : 0;
    if (chance(0.05)) request.asked.custom["disk"] = 1;
    request.priority = static_cast<int>(below(3)) - 1;
    request.gang = chance(0.08) ? static_cast<int>(2 + below(3)) : 1;
    request.group = static_cast<std::uint32_t>(below(3));
    request.language = chance(0.15) ? 1 : 0;
    request.may_duplicate = chance(0.8);
    for (auto i = below(3); i > 0; --i) request.inputs.push_back({below(30), 1 + below(2'000'000)});
    const Status fits = scheduler_.submit(request, now_);
    EXPECT_EQ(fits.ok(), grows_ || feasible(request));
    if (fits.ok()) {
      calls_[request.id].request = request;
    } else {
      ++met_.refused;
      EXPECT_TRUE(fits.error().code == Code::kInfeasible || fits.error().code == Code::kWorkerLost) << fits.error().text();
    }
  }

  // ---- the workers' side

  void step_worker(WorkerId id) {
    ModelWorker& worker = workers_.at(id);
    const auto roll = below(3);
    if (roll == 0 && !worker.mail.empty()) {
      const Decision message = worker.mail.front();
      worker.mail.pop_front();
      read(id, worker, message);
    } else if (roll == 1 && !worker.running.has_value() && !worker.queue.empty()) {
      worker.running = worker.queue.front();
      worker.queue.pop_front();
      if (chance(0.7)) scheduler_.started(*worker.running, id, now_);
    } else if (roll == 2 && worker.running.has_value()) {
      end(id, *std::exchange(worker.running, {}), chance(0.9));
    }
  }

  void read(WorkerId id, ModelWorker& worker, const Decision& message) {
    const auto queued = std::find(worker.queue.begin(), worker.queue.end(), message.call);
    if (message.kind == Kind::kSend) {
      worker.queue.push_back(message.call);
    } else if (queued != worker.queue.end()) {
      worker.queue.erase(queued);
      if (message.kind == Kind::kStop) return end(id, message.call, false);
      answered(id, message.call);
      ++met_.gave_back;
      scheduler_.returned(message.call, id, now_);
    } else if (worker.running == message.call) {
      if (message.kind == Kind::kRecall) {
        scheduler_.started(message.call, id, now_);
      } else if (chance(0.5)) {   // else it goes on to its end
        worker.running.reset();
        end(id, message.call, false);
      }
    }
  }

  void answered(WorkerId id, CallId call) {
    std::erase(workers_.at(id).sent, call);
    if (calls_.contains(call)) settle(calls_.at(call), id);
  }

  // The call is no longer at the worker; a broken gang is whole again once all its ranks are gone.
  void settle(ModelCall& call, WorkerId id) {
    call.at.erase(id);
    if (!call.at.empty()) return;
    call.gang_broken = false;
    if (!call.over) call.ranks_well = 0;
  }

  void end(WorkerId id, CallId call, bool well) {
    ModelCall& model = calls_.at(call);
    ASSERT_TRUE(model.at.contains(id));
    bool decides = false;
    if (!model.over && !model.gang_broken) {
      if (model.request.gang > 1) {
        decides = !well || ++model.ranks_well == model.request.gang;
      } else {
        decides = well || model.at.size() == 1;
      }
    }
    if (decides) model.over = true;
    answered(id, call);
    EXPECT_EQ(scheduler_.ended(call, id, well, now_), decides) << "call " << call << " worker " << id << " well " << well;
    EXPECT_FALSE(scheduler_.ended(call, id, true, now_)) << "the same end counts twice";
  }

  // ---- what the driver does

  void cancel(CallId call) {
    scheduler_.cancel(call, now_);
    calls_.at(call).over = true;
  }

  void kill(WorkerId id) {
    ModelWorker worker = std::move(workers_.at(id));
    workers_.erase(id);
    bool is_first = true;
    for (const CallId sent : worker.sent) {
      ModelCall& call = calls_.at(sent);
      const bool ran = std::exchange(is_first, false) || worker.running == sent;
      if (call.request.gang == 1 || !call.gang_broken) call.deaths += ran;
      if (call.request.gang > 1) call.gang_broken = true;
      settle(call, id);
    }
    std::vector<ObjectNumber> lost;
    for (const ObjectNumber object : worker.objects)
      if (std::none_of(workers_.begin(), workers_.end(), [&](const auto& other) { return other.second.objects.contains(object); }))
        lost.push_back(object);
    met_.lost_objects += static_cast<int>(lost.size());
    EXPECT_EQ(scheduler_.remove_worker(id, now_), lost);
  }

  void drain(WorkerId id) {
    workers_.at(id).draining = true;
    scheduler_.drain(id);
  }

  void objects() {
    const ObjectNumber object = below(30);
    if (chance(0.8) && !workers_.empty()) {
      const WorkerId at = any_worker();
      workers_.at(at).objects.insert(object);
      scheduler_.object_at(object, at);
      EXPECT_TRUE(scheduler_.holds(at, object));
    } else {
      scheduler_.object_gone(object);
      for (auto& [id, worker] : workers_) worker.objects.erase(object);
      EXPECT_TRUE(scheduler_.holders(object).empty());
    }
  }

  // ---- checks

  double most(const CallRequest& request, HostId host) const {
    const Capacity& have = capacity_.at(host);
    const Capacity& ask = request.asked;
    double out = 1e9;
    if (ask.cpu > 0) out = std::min(out, std::floor(have.cpu / ask.cpu));
    if (ask.gpu > 0) out = std::min(out, std::floor(have.gpu / ask.gpu));
    if (ask.memory_bytes > 0 && have.memory_bytes > 0) out = std::min(out, std::floor(1.0 * have.memory_bytes / ask.memory_bytes));
    for (const auto& [name, amount] : ask.custom)
      out = std::min(out, have.custom.contains(name) ? std::floor(have.custom.at(name) / amount) : 0);
    double live = 0;
    for (const auto& [id, worker] : workers_) live += worker.host == host && worker.language == request.language && !worker.draining;
    return std::min(out, live);
  }

  bool feasible(const CallRequest& request) const {
    double at_once = 0;
    for (const auto& [host, capacity] : capacity_) at_once += most(request, host);
    return at_once >= request.gang;
  }

  void decide() {
    std::map<CallId, int> ranks;
    for (const Decision& decision : scheduler_.decide(now_)) {
      if (decision.kind == Kind::kGiveUp) {
        give_up(decision);
        continue;
      }
      ASSERT_TRUE(workers_.contains(decision.worker)) << "a message to a worker that is gone";
      ModelWorker& worker = workers_.at(decision.worker);
      worker.mail.push_back(decision);
      met_.recalled += decision.kind == Kind::kRecall;
      if (decision.kind != Kind::kSend) continue;
      ++met_.sent;
      ASSERT_TRUE(calls_.contains(decision.call));
      ModelCall& call = calls_.at(decision.call);
      EXPECT_FALSE(call.over) << "sent after its end";
      EXPECT_FALSE(worker.draining);
      EXPECT_EQ(worker.language, call.request.language);
      EXPECT_TRUE(call.at.emplace(decision.worker, decision.rank).second) << "twice at one worker";
      if (call.request.gang > 1) {
        EXPECT_EQ(decision.rank, ranks[decision.call]++);
        EXPECT_TRUE(worker.sent.empty()) << "a gang's worker is busy";
      } else {
        EXPECT_LE(call.at.size(), call.request.may_duplicate ? 2u : 1u);
        met_.duplicated += call.at.size() == 2;
      }
      worker.sent.push_back(decision.call);
      EXPECT_LE(static_cast<int>(worker.sent.size()), 1 + options_.queue_depth_max);
      met_.deep += static_cast<int>(worker.sent.size()) > 1 + options_.queue_depth;
    }
    met_.gangs += static_cast<int>(ranks.size());
    for (const auto& [call, count] : ranks) EXPECT_EQ(count, calls_.at(call).request.gang) << "a part of a gang";
    check_hosts();
    check_load();
  }

  void give_up(const Decision& decision) {
    ASSERT_TRUE(calls_.contains(decision.call));
    ModelCall& call = calls_.at(decision.call);
    EXPECT_FALSE(std::exchange(call.over, true)) << "given up after its end";
    EXPECT_TRUE(call.at.empty());
    ASSERT_TRUE(decision.error.has_value());
    ++(call.deaths >= options_.lost_max ? met_.killers : met_.infeasible);
    EXPECT_TRUE(call.deaths >= options_.lost_max || (!grows_ && !feasible(call.request))) << decision.error->text();
  }

  // Each worker runs the first of what it was sent, sooner or later: those together must fit their host.
  void check_hosts() {
    std::map<HostId, Capacity> used;
    for (const auto& [id, worker] : workers_) {
      if (worker.sent.empty()) continue;
      const Capacity& ask = calls_.at(worker.sent.front()).request.asked;
      Capacity& sum = used[worker.host];
      sum.cpu += ask.cpu;
      sum.gpu += ask.gpu;
      sum.memory_bytes += ask.memory_bytes;
      for (const auto& [name, amount] : ask.custom) sum.custom[name] += amount;
    }
    for (const auto& [host, sum] : used) {
      const Capacity& have = capacity_.at(host);
      EXPECT_LE(sum.cpu, have.cpu);
      EXPECT_LE(sum.gpu, have.gpu);
      EXPECT_TRUE(have.memory_bytes == 0 || sum.memory_bytes <= have.memory_bytes);
      for (const auto& [name, amount] : sum.custom) EXPECT_LE(amount, have.custom.contains(name) ? have.custom.at(name) : 0);
    }
  }

  void check_load() {
    std::size_t sent = 0, busy = 0, waiting = 0;
    for (const auto& [id, worker] : workers_) {
      sent += worker.sent.size();
      busy += !worker.sent.empty();
    }
    for (const auto& [id, call] : calls_) waiting += !call.over && call.at.empty();
    const SchedulerLoad load = scheduler_.load();
    EXPECT_EQ(load.waiting, waiting);
    EXPECT_EQ(load.running, busy);
    EXPECT_EQ(load.queued, sent - busy);
    EXPECT_EQ(load.workers, workers_.size());
  }

  // No new events but answers and time: everything that can run must end.
  void finish() {
    for (int round = 0; round < 100'000 && !testing::Test::HasFailure(); ++round) {
      decide();
      bool busy = false;
      for (auto& [id, worker] : workers_) {
        if (worker.mail.empty() && worker.queue.empty() && !worker.running.has_value()) continue;
        busy = true;
        step_worker(id);
      }
      now_ += static_cast<std::int64_t>(below(5'000));
      if (busy) continue;
      const auto tick = scheduler_.next_tick();
      if (!tick.has_value()) break;
      now_ = std::max(now_, *tick);
      scheduler_.tick(now_);
    }
    for (const auto& [id, call] : calls_) {
      EXPECT_TRUE(call.at.empty()) << "call " << id << " is still at a worker";
      EXPECT_TRUE(call.over || (grows_ && !feasible(call.request))) << "call " << id << " was forgotten: cpu " << call.request.asked.cpu
          << " gang " << call.request.gang << " language " << call.request.language << " priority " << call.request.priority;
    }
  }

  Met& met_;
  SchedulerOptions options_{.queue_depth = 2, .passes_max = 4, .straggler_min_us = 20'000};
  Random random_;
  Scheduler scheduler_;
  bool grows_ = false, is_fast_ = false;
  std::int64_t now_ = 0;
  WorkerId next_worker_ = 0;
  CallId next_call_ = 1;
  std::map<HostId, Capacity> capacity_;
  std::map<WorkerId, ModelWorker> workers_;
  std::map<CallId, ModelCall> calls_;
};

TEST(SchedulerChanceTest, KeepsItsPromisesUnderRandomEvents) {
  Met met;
  for (std::uint64_t seed = 1; seed <= 3'000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Model(seed, met).run(seed % 10 == 0 ? 1'500 : 200);
  }
  const std::pair<const char*, int> rules[] = {
      {"recalled", met.recalled}, {"given back", met.gave_back}, {"duplicated", met.duplicated}, {"gangs", met.gangs}, {"deep", met.deep},
      {"killers", met.killers}, {"infeasible", met.infeasible}, {"refused", met.refused}, {"lost objects", met.lost_objects}};
  std::printf("sent %d", met.sent);
  for (const auto& [rule, count] : rules) {
    EXPECT_GT(count, 50) << rule;
    std::printf(", %s %d", rule, count);
  }
  std::printf("\n");
}

}  // namespace
}  // namespace headrace::exec
