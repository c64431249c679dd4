// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/simulation.h"

#include <gtest/gtest.h>

namespace headrace::exec {
namespace {

SimulationReport report_of(const SimulationOptions& options) {
  auto report = simulate(options);
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().text());
  return report.ok() ? *report : SimulationReport{};
}

TEST(SimulationTest, KeepsAClusterBusyWhereTheDriverKeepsUp) {
  const auto report = report_of({.hosts = 8, .workers_per_host = 72, .driver_us = 5});
  EXPECT_GT(report.busy_steady, 0.98);
  EXPECT_GT(report.busy, 0.95);
  EXPECT_EQ(report.attempts, report.calls);
  EXPECT_LT(report.driver_busy, 0.2);
}

// 576 workers with calls of 0.1 s ask for 5,760 calls a second and 2 messages each: more than 200 us a message allow.
TEST(SimulationTest, GivesNoMoreCallsThanTheDriversTimeAllows) {
  const auto report = report_of({.hosts = 8, .workers_per_host = 72, .calls = 10'000, .driver_us = 200});
  EXPECT_GT(report.driver_busy, 0.99);
  EXPECT_NEAR(report.calls_per_s, 1e6 / (200 * report.messages_per_call), 30);
  EXPECT_LT(report.busy, 0.45);
}

TEST(SimulationTest, ReportsTheSameForTheSameSeed) {
  const SimulationOptions options{.hosts = 4, .workers_per_host = 16, .calls = 3'000, .slow_share = 0.02, .input_bytes = 1'000'000,
                                  .failures_per_worker_hour = 60, .seed = 7};
  const auto first = report_of(options), second = report_of(options);
  EXPECT_EQ(first.makespan_s, second.makespan_s);
  EXPECT_EQ(first.bytes_moved, second.bytes_moved);
  EXPECT_EQ(first.attempts, second.attempts);
  SimulationOptions other = options;
  other.seed = 8;
  EXPECT_NE(report_of(other).makespan_s, first.makespan_s);
}

TEST(SimulationTest, EndsAllCallsThoughWorkersDie) {
  const auto report = report_of({.hosts = 4, .workers_per_host = 16, .calls = 20'000, .failures_per_worker_hour = 60, .restart_s = 1});
  EXPECT_GT(report.workers_lost, 10u);
  EXPECT_GT(report.attempts, report.calls);
  EXPECT_GT(report.busy_steady, 0.9);
}

TEST(SimulationTest, MovesLittleWhereDataDecideThePlace) {
  const SimulationOptions options{.hosts = 8, .workers_per_host = 8, .calls = 20'000, .input_bytes = 50'000'000, .inputs = 2'000};
  const auto report = report_of(options);
  // Ten calls read each input; placed by chance they would bring it to five hosts more, half a move a call.
  EXPECT_GT(report.bytes_moved, 0u);
  EXPECT_LT(report.bytes_moved, options.calls * options.input_bytes / 20);
  EXPECT_GT(report.busy_steady, 0.95);
}

TEST(SimulationTest, ASecondAttemptShortensTheTail) {
  SimulationOptions options{.hosts = 4, .workers_per_host = 16, .calls = 2'000, .slow_share = 0.005, .slow_factor = 200};
  const auto with = report_of(options);
  options.scheduling.straggler_min_us = 0;
  const auto without = report_of(options);
  EXPECT_GT(with.attempts, with.calls);
  EXPECT_EQ(without.attempts, without.calls);
  EXPECT_LT(with.makespan_s, without.makespan_s / 2);
}

TEST(SimulationTest, RefusesOptionsOutOfRange) {
  for (const SimulationOptions& options : {SimulationOptions{.hosts = 0}, SimulationOptions{.hosts = 1 << 20, .workers_per_host = 1 << 20},
                                           SimulationOptions{.call_s = 0}, SimulationOptions{.driver_us = -1}}) {
    const auto report = simulate(options);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, Code::kBadValue);
  }
}

}  // namespace
}  // namespace headrace::exec
