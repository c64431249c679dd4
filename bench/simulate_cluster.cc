// SPDX-License-Identifier: Apache-2.0
// Simulates clusters in virtual time around the real scheduler, and measures what the scheduler's events cost. Prints one JSON line a
// cluster, {"metric": "simulated_cluster", "hosts", "driver_us", "busy", ...}, and one a measure, {"metric", "value", "unit"}.
// usage: headrace_simulate_cluster [MAX_HOSTS [DRIVER_US]]   (1,024, and 2, 5, 10 and 20 us a message; it takes minutes)

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

#include "headrace/exec/scheduler.h"
#include "headrace/exec/simulation.h"

namespace {

using namespace headrace::exec;

bool simulated(int hosts, double driver_us) {
  const auto report = simulate({.hosts = hosts, .workers_per_host = 72, .driver_us = driver_us});
  if (!report.ok()) {
    std::fprintf(stderr, "%s\n", report.error().text().c_str());
    return false;
  }
  std::printf("{\"metric\": \"simulated_cluster\", \"hosts\": %d, \"workers\": %llu, \"driver_us\": %g, \"calls\": %llu, \"busy\": %.4f, "
              "\"busy_steady\": %.4f, \"makespan_s\": %.3f, \"calls_per_s\": %.0f, \"driver_busy\": %.4f, \"messages_per_call\": %.3f}\n",
              hosts, static_cast<unsigned long long>(report->workers), driver_us, static_cast<unsigned long long>(report->calls),
              report->busy, report->busy_steady, report->makespan_s, report->calls_per_s, report->driver_busy, report->messages_per_call);
  std::fflush(stdout);
  return true;
}

double us_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

void print(const char* metric, double value) {
  std::printf("{\"metric\": \"%s\", \"value\": %.4g, \"unit\": \"us\"}\n", metric, value);
  std::fflush(stdout);
}

// All workers run, a million calls wait: what a submission costs, and the end of a call with the sending of the next.
void event_costs(WorkerId hosts, CallId waiting) {
  constexpr WorkerId kWorkers = 72;
  constexpr std::int64_t kCallUs = 100'000;
  Scheduler scheduler;
  for (WorkerId host = 0; host < hosts; ++host) {
    scheduler.add_host(host, {.cpu = kWorkers});
    for (WorkerId i = 0; i < kWorkers; ++i) scheduler.add_worker(host * kWorkers + i, host, 0, 0);
  }
  CallId next = 0;
  std::int64_t now = 0;
  std::deque<std::pair<CallId, WorkerId>> running;
  const auto act = [&] {
    for (const Decision& decision : scheduler.decide(now))
      if (decision.kind == Decision::Kind::kSend) running.emplace_back(decision.call, decision.worker);
  };
  const double submit_us = us_of([&] {
    while (scheduler.load().waiting < waiting) {
      (void)scheduler.submit({.id = ++next}, now);   // there are workers for it
      act();
    }
  });
  print("scheduler_submit_us", submit_us / static_cast<double>(next));
  const CallId ends = waiting / 2;
  const double end_us = us_of([&] {
    for (CallId i = 0; i < ends; ++i) {
      const auto [call, worker] = running.front();
      running.pop_front();
      now += 1;
      (void)scheduler.ended(call, worker, true, now, kCallUs);
      act();
    }
  });
  print("scheduler_end_and_send_us", end_us / static_cast<double>(ends));
}

}  // namespace

int main(int argc, char** argv) {
  const int most = argc > 1 ? std::atoi(argv[1]) : 1'024;
  if (most < 1) {
    std::fprintf(stderr, "usage: headrace_simulate_cluster [MAX_HOSTS [DRIVER_US]]\n");
    return 2;
  }
  event_costs(static_cast<WorkerId>(std::min(most, 972)), 1'000'000);
  std::vector<double> costs = {2.0, 5.0, 10.0, 20.0};
  if (argc > 2) costs = {std::atof(argv[2])};
  for (const double driver_us : costs) {
    if (most >= 96 && !simulated(96, driver_us)) return 1;
    for (int hosts = 1; hosts <= most; hosts *= 4)
      if (!simulated(hosts, driver_us)) return 1;
  }
  return 0;
}
