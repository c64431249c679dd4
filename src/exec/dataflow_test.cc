// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/dataflow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "headrace/base/random.h"

namespace headrace::exec {
namespace {

using TaskIds = std::vector<Dataflow::TaskId>;

TEST(DataflowTest, RunsEveryTaskAfterThoseItWaitsFor) {
  constexpr int kTasks = 5'000;
  for (const std::uint64_t seed : {1, 2, 3}) {
    for (const bool account : {false, true}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " account " << account);
      Random random(seed);
      std::vector<std::atomic<int>> ended(kTasks);
      std::atomic<int> too_early{0};
      Dataflow flow({.workers = 4, .account = account});
      for (int i = 0; i < kTasks; ++i) {
        TaskIds after;
        const auto count = i == 0 ? 0 : random.below(std::min<std::uint64_t>(6, static_cast<std::uint64_t>(i)));
        for (std::uint64_t k = 0; k < count; ++k)
          after.push_back(static_cast<Dataflow::TaskId>(random.below(static_cast<std::uint64_t>(i))));
        const auto id = flow.submit([&, i, after] {
          for (const auto before : after) too_early += ended[before].load() == 0;
          ended[static_cast<std::size_t>(i)] += 1;
        }, after);
        ASSERT_EQ(id, static_cast<Dataflow::TaskId>(i));
      }
      flow.wait();
      EXPECT_EQ(too_early, 0);
      for (const auto& times : ended) EXPECT_EQ(times, 1);
    }
  }
}

TEST(DataflowTest, ATaskMayBeNamedTwiceAmongThoseBefore) {
  Dataflow flow({.workers = 2});
  std::atomic<int> ran{0};
  const auto first = flow.submit([&] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); ++ran; });
  const Dataflow::TaskId after[] = {first, first, first};
  flow.submit([&] { ran += 10; }, after);
  flow.wait();
  EXPECT_EQ(ran, 11);
}

TEST(DataflowTest, BodiesMaySubmitMore) {
  Dataflow flow({.workers = 3});
  std::atomic<int> ran{0};
  std::function<void(int)> grow = [&](int depth) {
    ++ran;
    if (depth > 0) {
      flow.submit([&, depth] { grow(depth - 1); });
      flow.submit([&, depth] { grow(depth - 1); });
    }
  };
  flow.submit([&] { grow(10); });
  flow.wait();
  EXPECT_EQ(ran, (1 << 11) - 1);
}

TEST(DataflowTest, DemandsNeverExceedTheCapacity) {
  std::atomic<int> memory_used{0}, memory_most{0}, cpu_used{0}, cpu_most{0};
  Dataflow flow({.workers = 4, .account = true, .cpu = 4, .memory_bytes = 100});
  Random random(4);
  const auto raise = [](std::atomic<int>& most, int value) {
    int seen = most.load();
    while (value > seen && !most.compare_exchange_weak(seen, value)) {
    }
  };
  for (int i = 0; i < 400; ++i) {
    const int memory = static_cast<int>(random.below(61));
    const int cpu = 1 + static_cast<int>(random.below(4));
    flow.submit([&, memory, cpu] {
      raise(memory_most, memory_used += memory);
      raise(cpu_most, cpu_used += cpu);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      memory_used -= memory;
      cpu_used -= cpu;
    }, {}, {.cpu = static_cast<double>(cpu), .memory_bytes = static_cast<std::uint64_t>(memory)});
  }
  flow.wait();
  EXPECT_LE(memory_most, 100);
  EXPECT_LE(cpu_most, 4);
  EXPECT_GE(cpu_most, 2);   // it did run things side by side
}

TEST(DataflowTest, UrgentTasksGoFirst) {
  Dataflow flow({.workers = 1, .account = true});
  std::mutex mutex;
  std::vector<int> order;
  std::atomic<bool> go{false};
  flow.submit([&] { go.wait(false); });
  for (const int priority : {0, 5, -1, 5, 2}) {
    flow.submit([&, priority] {
      const std::lock_guard lock(mutex);
      order.push_back(priority);
    }, {}, {.priority = priority});
  }
  go = true;
  go.notify_all();
  flow.wait();
  EXPECT_EQ(order, (std::vector<int>{5, 5, 2, 0, -1}));
}

TEST(DataflowTest, ALargeTaskIsNotStarved) {
  Dataflow flow({.workers = 2, .account = true, .cpu = 2});
  std::atomic<int> small_after{0};
  std::atomic<bool> large_done{false};
  constexpr int kSmall = 2'000;
  flow.submit([] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
  flow.submit([&] { large_done = true; }, {}, {.cpu = 2});
  for (int i = 0; i < kSmall; ++i) {
    flow.submit([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      small_after += large_done.load();
    });
  }
  flow.wait();
  EXPECT_GT(small_after, kSmall / 2);   // the large task ran before most of the small ones that came later
}

TEST(DataflowTest, WorkersAreNumbered) {
  EXPECT_EQ(Dataflow::current_worker(), -1);
  Dataflow flow({.workers = 2});
  std::atomic<int> outside{0};
  for (int i = 0; i < 1000; ++i) {
    flow.submit([&] { outside += Dataflow::current_worker() < 0 || Dataflow::current_worker() >= 2; });
  }
  flow.wait();
  EXPECT_EQ(outside, 0);
}

TEST(DataflowTest, AHeldTaskEndsWhenItsLastBodyReturns) {
  for (const bool account : {false, true}) {
    Dataflow flow({.workers = 2, .account = account});
    std::vector<std::thread> elsewhere;
    std::mutex mutex;   // guards elsewhere
    std::atomic<int> steps{0}, early{0}, after{0};
    constexpr int kTasks = 200;
    for (int i = 0; i < kTasks; ++i) {
      const auto held = flow.submit([&, i] {
        const Dataflow::TaskId id = flow.hold();
        const auto go_on = [&, id] {
          flow.resume(id, [&] {
            ++steps;
            const Dataflow::TaskId again = flow.hold();   // twice, and resumed before this body returns
            flow.resume(again, [&] { ++steps; });
          });
        };
        if (i % 2 == 0) return go_on();
        const std::lock_guard lock(mutex);
        elsewhere.emplace_back([go_on] {
          std::this_thread::sleep_for(std::chrono::microseconds(200));
          go_on();
        });
      });
      const Dataflow::TaskId before[] = {held};
      flow.submit([&, i] {
        if (steps.load() < 2) ++early;
        ++after;
      }, before);
    }
    flow.wait();
    EXPECT_EQ(steps, 2 * kTasks);
    EXPECT_EQ(after, kTasks);
    EXPECT_EQ(early, 0);
    for (std::thread& thread : elsewhere) thread.join();
  }
}

TEST(DataflowTest, AHeldTaskOccupiesNoWorker) {
  Dataflow flow({.workers = 1});
  Dataflow::TaskId held = 0;
  std::atomic<bool> is_held{false};
  std::string order;
  flow.submit([&] {
    held = flow.hold();
    is_held = true;
  });
  while (!is_held) std::this_thread::yield();   // the engine starts ready tasks in any order
  flow.submit([&] {
    order += 'a';
    flow.resume(held, [&] { order += 'b'; });
  });
  flow.wait();
  EXPECT_EQ(order, "ab");
}

}  // namespace
}  // namespace headrace::exec
