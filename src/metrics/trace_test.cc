// SPDX-License-Identifier: Apache-2.0
#include "headrace/metrics/trace.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::metrics {
namespace {

config::Value parsed(const std::string& text) {
  Result<config::Value> value = config::parse_json(text, "trace.json");
  EXPECT_TRUE(value.ok()) << value.error().text() << "\n" << text;
  return value.ok() ? std::move(value).value() : config::Value(config::List{});
}

TEST(TraceTest, EventsCarryTheFieldsThatViewersNeed) {
  std::string text;
  TraceWriter writer([&](std::string_view bytes) {
    text += bytes;
    return Status();
  });
  writer.name_process("headrace run");
  writer.name_track(3, "worker 3");
  config::Value args;
  args.set("fold", 2);
  writer.add_complete("fit \"pca\"", "task", 3, 1'000, 250, args);
  writer.add_instant("killed", "fault", 3, 1'100);
  config::Value waiting;
  waiting.set("tasks", 7);
  writer.add_counter("queue", 1'200, waiting);
  ASSERT_TRUE(writer.close().ok());
  EXPECT_TRUE(writer.close().ok());

  const config::List events = parsed(text).list();
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(config::to_json(events[1]), R"({"ph": "M", "pid": 1, "tid": 3, "name": "thread_name", "args": {"name": "worker 3"}})");
  EXPECT_EQ(config::to_json(events[3]),
            R"({"ph": "X", "pid": 1, "tid": 3, "name": "fit \"pca\"", "cat": "task", "ts": 1000, "dur": 250, "args": {"fold": 2}})");
  EXPECT_EQ(events[4].find("s")->string(), "t");
  EXPECT_EQ(events[4].find("args"), nullptr);
  EXPECT_EQ(events[5].find("ph")->string(), "C");
  EXPECT_EQ(events[5].find("args")->find("tasks")->integer(), 7);
}

TEST(TraceTest, AnEmptyTraceIsAnEmptyArray) {
  std::string text;
  TraceWriter writer([&](std::string_view bytes) {
    text += bytes;
    return Status();
  });
  ASSERT_TRUE(writer.close().ok());
  EXPECT_TRUE(parsed(text).list().empty());
}

TEST(TraceTest, LargeTracesStreamFromManyThreadsIntoAFile) {
  const io::TemporaryFolder folder = io::TemporaryFolder::create("headrace_trace_test").value();
  const std::string path = folder.file("trace.json");
  constexpr int kThreads = 4, kEach = 5'000;
  {
    const auto writer = TraceWriter::create(path).value();
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < kEach; ++i) writer->add_complete("task", "task", t, i * 10, 9);
        });
      }
    }
    EXPECT_FALSE(io::exists(path));   // aside until it is whole
    ASSERT_TRUE(writer->close().ok());
  }
  std::vector<int> next(kThreads, 0);
  const config::Value events = parsed(io::read_file(path).value());
  for (const config::Value& event : events.list()) {
    ASSERT_EQ(event.find("ts")->integer(), 10 * next[static_cast<std::size_t>(event.find("tid")->integer())]++);
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kEach));
}

TEST(TraceTest, AnUnclosedFileDoesNotAppearAndErrorsAreKept) {
  const io::TemporaryFolder folder = io::TemporaryFolder::create("headrace_trace_test").value();
  { TraceWriter::create(folder.file("trace.json")).value()->name_process("x"); }
  EXPECT_FALSE(io::exists(folder.file("trace.json")));
  EXPECT_EQ(TraceWriter::create(folder.file("none/trace.json")).error().code, Code::kNotFound);

  int calls = 0;
  TraceWriter writer([&](std::string_view) {
    ++calls;
    return Status(Error(Code::kIo, "full"));
  });
  for (int i = 0; i < 10'000; ++i) writer.add_instant("x", "y", 0, i);
  EXPECT_EQ(writer.close().error().code, Code::kIo);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace headrace::metrics
