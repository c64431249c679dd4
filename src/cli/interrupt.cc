// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <utility>

#include "headrace/base/check.h"

namespace headrace::cli {
namespace {

constexpr int kExitInterrupted = 4;

}  // namespace

Interrupt::Interrupt(std::function<void(Cause)> on_first, double timeout_s) : on_first_(std::move(on_first)) {
  sigemptyset(&mask_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    // What the caller chose to ignore (nohup, a job in the background of a script) stays ignored.
    if (action.sa_handler != SIG_IGN) sigaddset(&mask_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &mask_, &before_);
  signals_ = signalfd(-1, &mask_, SFD_CLOEXEC);
  finished_ = eventfd(0, EFD_CLOEXEC);
  HEADRACE_CHECK(signals_ >= 0 && finished_ >= 0, "no descriptor for signals");
  watcher_ = std::thread([this, timeout_s] { watch(timeout_s); });
}

Interrupt::~Interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(finished_, &one, sizeof one);
  watcher_.join();
  ::close(signals_);
  ::close(finished_);
  // One that came too late to stop anything must not kill a program that has done its work.
  const timespec none{};
  while (sigtimedwait(&mask_, nullptr, &none) > 0) continue;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupt::ask(Cause cause) {
  cause_ = cause;
  if (on_first_) on_first_(cause);
  source_.request_stop();
}

void Interrupt::watch(double timeout_s) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
  bool timed = timeout_s > 0;
  pollfd descriptors[2] = {{signals_, POLLIN, 0}, {finished_, POLLIN, 0}};
  while (true) {
    int wait_ms = -1;
    if (timed) {
      const auto left = std::chrono::duration<double, std::milli>(deadline - Clock::now()).count();
      wait_ms = static_cast<int>(std::min(std::max(std::ceil(left), 0.0), 60'000.0));
    }
    const int ready = ::poll(descriptors, 2, wait_ms);
    if (ready < 0 && errno != EINTR) return;
    if (descriptors[1].revents != 0) return;
    if (timed && Clock::now() >= deadline) {
      timed = false;
      if (cause_ == Cause::kNone) ask(Cause::kTimeout);
    }
    if (ready <= 0 || descriptors[0].revents == 0) continue;
    signalfd_siginfo info;
    if (::read(signals_, &info, sizeof info) != sizeof info) continue;
    if (cause_ == Cause::kSignal) ::_exit(kExitInterrupted);
    if (cause_ == Cause::kTimeout) {
      cause_ = Cause::kSignal;   // it is stopping already; the next signal ends the process
    } else {
      ask(Cause::kSignal);
    }
  }
}

}  // namespace headrace::cli
