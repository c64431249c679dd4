// SPDX-License-Identifier: Apache-2.0
#include "headrace/io/loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "headrace/io/descriptor.h"

namespace headrace::io {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(LoopTest, TimersRunInTheOrderOfTheirDeadlines) {
  const auto loop = Loop::create().value();
  std::string order;
  loop->after(milliseconds(30), [&] { order += 'd'; loop->stop(); });
  loop->after(milliseconds(10), [&] { order += 'b'; });
  loop->after(milliseconds(0), [&] { order += 'a'; });
  const Loop::TimerId never = loop->after(milliseconds(15), [&] { order += 'x'; });
  loop->after(milliseconds(20), [&] { order += 'c'; });
  loop->cancel(never);
  loop->cancel(never);
  const auto start = std::chrono::steady_clock::now();
  loop->run();
  EXPECT_EQ(order, "abcd");
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(30));
}

TEST(LoopTest, TimersOfOneMomentKeepTheirOrderAndACallbackMayCancelTheNext) {
  const auto loop = Loop::create().value();
  std::string order;
  Loop::TimerId second = 0;
  loop->after(microseconds(-5), [&] { order += '1'; loop->cancel(second); });
  second = loop->after(microseconds(-4), [&] { order += '2'; });
  loop->after(microseconds(0), [&] { order += '3'; loop->after(microseconds(-100), [&] { order += '4'; loop->stop(); }); });
  loop->run();
  EXPECT_EQ(order, "134");
}

TEST(LoopTest, CancelledTimersDoNotPileUp) {
  const auto loop = Loop::create().value();
  int ran = 0;
  for (int i = 0; i < 20'000; ++i) loop->cancel(loop->after(std::chrono::hours(1), [&] { ++ran; }));
  for (int i = 0; i < 500; ++i) loop->after(microseconds(500 - i), [&] { ++ran; });
  loop->after(milliseconds(5), [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(ran, 500);
}

TEST(LoopTest, EveryFunctionPostedByManyThreadsRunsOnceAndInOrder) {
  constexpr int kThreads = 4, kEach = 20'000;
  const auto loop = Loop::create().value();
  std::vector<int> last(kThreads, -1);
  bool ordered = true;
  int left = kThreads * kEach;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        loop->post([&, t, i] {
          ordered = ordered && last[static_cast<std::size_t>(t)] == i - 1 && loop->inside();
          last[static_cast<std::size_t>(t)] = i;
          if (--left == 0) loop->stop();
        });
        if (i % 1000 == 0) std::this_thread::yield();   // lets the loop fall asleep now and then
      }
    });
  }
  loop->run();
  EXPECT_EQ(left, 0);
  EXPECT_TRUE(ordered);
  EXPECT_FALSE(loop->inside());
}

TEST(LoopTest, StopBeforeRunEndsItAndWhatWasPostedIsRun) {
  const auto loop = Loop::create().value();
  int ran = 0;
  loop->post([&] { ++ran; loop->post([&] { ++ran; }); });
  loop->stop();
  loop->run();
  EXPECT_EQ(ran, 2);
  loop->post([&] { ++ran; loop->stop(); });
  loop->run();   // runs again
  EXPECT_EQ(ran, 3);
}

TEST(LoopTest, AFunctionThatPostsItselfForEverDoesNotKeepTheLoopFromStopping) {
  const auto loop = Loop::create().value();
  int rounds = 0;
  std::function<void()> again = [&] { ++rounds; loop->post(again); };
  loop->post(again);
  loop->stop();
  loop->run();
  EXPECT_EQ(rounds, 100);
}

TEST(LoopTest, HooksRunAfterTheCallbacksOfABatchAndDeferredOnesAfterThem) {
  const auto loop = Loop::create().value();
  std::string order;
  loop->at_end_of_batch([&] { order += 'h'; });
  loop->post([&] {
    order += 'a';
    loop->defer([&] { order += 'd'; });
  });
  loop->post([&] { order += 'b'; loop->after(milliseconds(1), [&] { order += 't'; loop->stop(); }); });
  loop->run();
  EXPECT_EQ(order.substr(0, 4), "abhd");
  EXPECT_EQ(order.back(), 'h');
  EXPECT_NE(order.find("th"), std::string::npos);
}

TEST(LoopTest, ADescriptorThatWasUnwatchedGetsNoEventOfTheSameBatch) {
  const auto loop = Loop::create().value();
  Descriptor first(::eventfd(1, EFD_CLOEXEC)), second(::eventfd(1, EFD_CLOEXEC));
  int calls = 0;
  // Both are ready in one batch; whoever comes first takes both out.
  const auto take_out = [&](Loop::Ready) {
    ++calls;
    loop->unwatch(first.get());
    loop->unwatch(second.get());
  };
  ASSERT_TRUE(loop->watch(first.get(), true, false, take_out).ok());
  ASSERT_TRUE(loop->watch(second.get(), true, false, take_out).ok());
  loop->after(milliseconds(5), [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(calls, 1);
}

TEST(LoopTest, ReadinessFollowsWhatIsAskedFor) {
  const auto loop = Loop::create().value();
  Descriptor event(::eventfd(0, EFD_CLOEXEC));
  int readable = 0, writable = 0;
  ASSERT_TRUE(loop->watch(event.get(), false, true, [&](Loop::Ready ready) {
    readable += ready.readable;
    writable += ready.writable;
    if (ready.writable) {
      const std::uint64_t one = 1;
      ASSERT_EQ(::write(event.get(), &one, sizeof one), 8);
      ASSERT_TRUE(loop->change(event.get(), true, false).ok());
    } else {
      ASSERT_TRUE(loop->change(event.get(), false, false).ok());
      loop->after(milliseconds(5), [&] { loop->stop(); });
    }
  }).ok());
  loop->run();
  EXPECT_EQ(readable, 1);
  EXPECT_EQ(writable, 1);
}

TEST(LoopTest, WatchingWhatCannotBeWatchedIsAnError) {
  const auto loop = Loop::create().value();
  EXPECT_EQ(loop->watch(1'000'000, true, false, [](Loop::Ready) {}).error().code, Code::kIo);
}

}  // namespace
}  // namespace headrace::io
