// SPDX-License-Identifier: Apache-2.0
// Writers that are killed with SIGKILL at random points: what they had been told is safe must be there, and nothing half done.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "headrace/base/digest.h"
#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "headrace/io/journal.h"

namespace headrace::io {
namespace {

// Runs `work` in a child that reports progress numbers, kills it a random time after a random number of reports (also before the
// first), and returns the last number it reported (or -1).
std::int64_t run_and_kill(Random& random, const std::function<void(const std::function<void(std::int64_t)>&)>& work) {
  int pipe[2];
  if (::pipe(pipe) != 0) return -2;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    work([&](std::int64_t number) {
      if (::write(pipe[1], &number, sizeof number) != sizeof number) ::_exit(1);
    });
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::int64_t last = -1, number = 0;
  for (std::uint64_t reports = random.below(4); reports > 0 && ::read(pipe[0], &number, sizeof number) == sizeof number; --reports)
    last = number;
  ::usleep(static_cast<useconds_t>(random.below(4'000)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (::read(pipe[0], &number, sizeof number) == sizeof number) last = number;
  ::close(pipe[0]);
  return last;
}

// A file content that proves it is whole: a number, filler whose size depends on it, and their digest.
std::string whole_content(std::int64_t number) {
  std::string body =
      cat(number, "\n", std::string(static_cast<std::size_t>(number * 7919 % 200'000), static_cast<char>('a' + number % 26)));
  return cat(sha256(body).hex(), "\n", body);
}

TEST(CrashTest, AFileWrittenAsideIsAlwaysWhole) {
  Random random(3);
  const TemporaryFolder folder = TemporaryFolder::create("headrace_crash_test").value();
  const std::string path = folder.file("out");
  std::int64_t number = 0, kills_inside = 0;
  ASSERT_TRUE(write_file_atomic(path, whole_content(0)).ok());
  for (int round = 0; round < 150; ++round) {
    const std::int64_t told = run_and_kill(random, [&](const auto& report) {
      for (std::int64_t next = number + 1;; ++next) {
        if (!write_file_atomic(path, whole_content(next)).ok()) ::_exit(1);
        report(next);
      }
    });
    const std::string found = read_file(path).value();
    const std::int64_t written = std::stoll(found.substr(65));
    ASSERT_EQ(found, whole_content(written)) << "round " << round;
    ASSERT_GE(written, std::max(told, number)) << "round " << round;
    ASSERT_LE(written, std::max(told, number) + 1);
    number = written;
    kills_inside += remove_asides(folder.path()).value();
    ASSERT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  }
  EXPECT_GT(kills_inside, 0) << "no kill hit a write: the test proved nothing";
}

std::string record_text(std::int64_t number) { return cat(number, ":", std::string(static_cast<std::size_t>(number * 31 % 300), 'r')); }

TEST(CrashTest, AKilledJournalHoldsAllThatWasDurableAndContinues) {
  Random random(4);
  const TemporaryFolder folder = TemporaryFolder::create("headrace_crash_test").value();
  const std::string path = folder.file("journal");
  std::int64_t number = 0;
  for (int round = 0; round < 150; ++round) {
    const std::int64_t told = run_and_kill(random, [&](const auto& report) {
      Result<std::unique_ptr<JournalWriter>> writer = JournalWriter::open(path);
      if (!writer.ok()) ::_exit(1);
      for (std::int64_t next = number;; ++next) {
        if (!(*writer)->append(record_text(next)).ok()) ::_exit(1);
        if (next % 5 == 0) {
          if (!(*writer)->flush().ok()) ::_exit(1);
          report(next + 1);
        }
      }
    });
    std::int64_t found = 0;
    const Result<std::unique_ptr<JournalWriter>> writer = JournalWriter::open(path, {}, [&](std::string_view payload) {
      EXPECT_EQ(payload, record_text(found)) << "round " << round;
      ++found;
      return Status();
    });
    ASSERT_TRUE(writer.ok()) << writer.error().text();
    ASSERT_GE(found, std::max(told, number)) << "round " << round;
    number = found;
  }
  EXPECT_GT(number, 500);   // about 1.5 reports a round were waited for, each 5 records on
}

}  // namespace
}  // namespace headrace::io
