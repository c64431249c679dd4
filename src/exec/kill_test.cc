// SPDX-License-Identifier: Apache-2.0
// Kills a run at random points, then runs it again: the same scores, and no task done twice. tools/drill/kill does the same to the
// digits example with the real program.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::exec {
namespace {

// Starts the toy run with its output in `out`; kills it after `kill_after_us`, or lets it end when that is negative.
int toy_run(const std::string& store, const std::string& out, int kill_after_us) {
  const std::string program = std::string(HEADRACE_BUILD_DIR) + "/bin/headrace_toy_run";
  const pid_t child = fork();
  if (child == 0) {
    const int file = open(out.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(file, 1);
    execl(program.c_str(), program.c_str(), store.c_str(), "300", nullptr);
    _exit(127);
  }
  if (kill_after_us >= 0) {
    usleep(static_cast<useconds_t>(kill_after_us));
    kill(child, SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Printed {
  std::string scores;
  std::map<std::string, int> done;   // "event 7 done": times
};

Printed read_printed(const std::string& path) {
  Printed printed;
  const auto text = io::read_file(path);
  EXPECT_TRUE(text.ok());
  for (const std::string& line : split(*text, '\n')) {
    if (line.starts_with("event ")) {
      if (line.ends_with(" done")) ++printed.done[line];
    } else {
      printed.scores += line + '\n';
    }
  }
  return printed;
}

TEST(KillTest, AKilledRunEndsAsIfNothingHadHappened) {
  auto folder = io::TemporaryFolder::create("headrace-kill-test");
  ASSERT_TRUE(folder.ok());
  const std::string out = folder->file("out");
  ASSERT_EQ(toy_run(folder->file("whole"), out, -1), 0);
  const Printed whole = read_printed(out);
  ASSERT_EQ(whole.done.size(), 1u + 1 + 10 + 40 + 60 + 60);
  constexpr std::uint64_t kSeed = 20261124;
  Random random(kSeed);
  int killed = 0;
  for (int trial = 0; trial < 40; ++trial) {
    SCOPED_TRACE(cat("seed ", kSeed, " trial ", trial));
    const std::string store = folder->file(cat("store", trial));
    for (int times = 1 + static_cast<int>(random.below(3)); times > 0; --times) {
      killed += toy_run(store, out, static_cast<int>(random.below(60'000))) == -SIGKILL;
    }
    ASSERT_EQ(toy_run(store, out, -1), 0);
    const Printed again = read_printed(out);
    ASSERT_EQ(again.scores, whole.scores);
    for (const auto& [event, times] : again.done) ASSERT_EQ(times, 1) << event;
  }
  EXPECT_GT(killed, 40);   // the test did kill runs, not only wait for them
}

}  // namespace
}  // namespace headrace::exec
