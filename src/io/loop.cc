// SPDX-License-Identifier: Apache-2.0
#include "headrace/io/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "io/descriptor.h"

namespace headrace::io {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEventsMax = 256;
constexpr int kLastRounds = 100;   // of posted functions, once the loop was told to stop

struct Watch {
  std::uint32_t generation = 0;    // tells an event of a descriptor that was closed from one of its successor of the same number
  std::uint32_t events = 0;        // 0: not in the epoll set
  Loop::OnReady on_ready;
};

struct Due {
  Clock::time_point at;
  Loop::TimerId id;
  // Heaps of the standard library have the greatest on top; here that is the earliest.
  bool operator<(const Due& other) const { return at != other.at ? at > other.at : id > other.id; }
};

std::uint32_t events_of(bool read, bool write) { return (read ? EPOLLIN : 0u) | (write ? EPOLLOUT : 0u); }

// Waits until `deadline`; nothing: for ever. Returns the number of events.
int wait_for_events(int epoll, epoll_event* events, std::optional<Clock::time_point> deadline) {
  using std::chrono::nanoseconds;
  static std::atomic<bool> fine_grained{true};   // epoll_pwait2 came with Linux 5.11
  const nanoseconds left = deadline ? std::max<nanoseconds>(nanoseconds(0), *deadline - Clock::now()) : nanoseconds(-1);
  if (fine_grained.load(std::memory_order_relaxed)) {
    timespec time{};
    time.tv_sec = left.count() / 1'000'000'000;
    time.tv_nsec = left.count() % 1'000'000'000;
    const int count = ::epoll_pwait2(epoll, events, kEventsMax, left.count() < 0 ? nullptr : &time, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    fine_grained.store(false, std::memory_order_relaxed);
  }
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return ::epoll_wait(epoll, events, kEventsMax, left.count() < 0 ? -1 : static_cast<int>(std::min<std::int64_t>(ms, 1'000'000)));
}

}  // namespace

struct Loop::Impl {
  Descriptor epoll;
  Descriptor wake;                                     // eventfd
  std::atomic<std::thread::id> thread{};               // the one in `run`
  std::atomic<bool> running{false};

  std::mutex mutex;                                    // guards the next three
  std::vector<std::function<void()>> posted;
  bool stopping = false;
  bool sleeping = false;                               // the loop waits, or is about to, and nobody has woken it

  std::vector<std::shared_ptr<Watch>> watches;         // by descriptor
  std::uint32_t generation = 0;
  std::vector<Due> heap;                               // cancelled timers stay until they are due, or until they are the most
  std::unordered_map<TimerId, std::function<void()>> timers;
  TimerId last_timer = 0;
  std::vector<std::function<void()>> hooks;
  std::vector<std::function<void()>> deferred;

  void wake_up();
  void require_owner() const {
    HEADRACE_CHECK(!running.load(std::memory_order_relaxed) || thread.load() == std::this_thread::get_id(),
                   "a loop was used from another thread than its own");
  }
  std::shared_ptr<Watch> find(int descriptor) const {
    const auto index = static_cast<std::size_t>(descriptor);
    return descriptor >= 0 && index < watches.size() ? watches[index] : nullptr;
  }
  Status control(int descriptor, Watch& watch, std::uint32_t events);
  std::optional<Clock::time_point> next_deadline();
  void run_posted(std::vector<std::function<void()>>& functions);
  void run_ready(const epoll_event* events, int count);
  void run_timers();
  void end_batch();
};

void Loop::Impl::wake_up() {
  const std::uint64_t one = 1;
  while (::write(wake.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

Status Loop::Impl::control(int descriptor, Watch& watch, std::uint32_t events) {
  if (events == watch.events) return {};
  const int operation = events == 0 ? EPOLL_CTL_DEL : watch.events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(watch.generation) << 32 | static_cast<std::uint32_t>(descriptor);
  if (::epoll_ctl(epoll.get(), operation, descriptor, &event) != 0) return detail::system_error(errno, "watching", "a descriptor");
  watch.events = events;
  return {};
}

std::optional<Clock::time_point> Loop::Impl::next_deadline() {
  while (!heap.empty() && !timers.contains(heap.front().id)) {
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
  }
  if (heap.empty()) return std::nullopt;
  return heap.front().at;
}

void Loop::Impl::run_posted(std::vector<std::function<void()>>& functions) {
  for (std::function<void()>& function : functions) {
    function();
    function = nullptr;   // what it owns goes in order too
  }
  functions.clear();
}

void Loop::Impl::run_ready(const epoll_event* events, int count) {
  for (int i = 0; i < count; ++i) {
    const int descriptor = static_cast<int>(static_cast<std::uint32_t>(events[i].data.u64));
    const auto born = static_cast<std::uint32_t>(events[i].data.u64 >> 32);
    if (descriptor == wake.get()) {
      std::uint64_t drained = 0;
      (void)!::read(wake.get(), &drained, sizeof drained);
      continue;
    }
    const std::shared_ptr<Watch> watch = find(descriptor);   // kept while its function runs: it may be unwatched from within
    if (!watch || watch->generation != born) continue;
    const std::uint32_t ready = events[i].events;
    const bool broken = (ready & (EPOLLERR | EPOLLHUP)) != 0;
    if ((ready & watch->events) == 0 && !(broken && watch->events != 0)) continue;   // changed earlier in this batch
    watch->on_ready({.readable = (ready & EPOLLIN) != 0, .writable = (ready & EPOLLOUT) != 0, .broken = broken});
  }
}

void Loop::Impl::run_timers() {
  if (heap.empty()) return;
  const auto now = Clock::now();
  const TimerId newest = last_timer;   // a timer that callbacks make waits for the next batch, so that they cannot keep us here
  std::vector<Due> later;
  while (!heap.empty() && heap.front().at <= now) {
    std::pop_heap(heap.begin(), heap.end());
    const Due due = heap.back();
    heap.pop_back();
    if (due.id > newest) {
      later.push_back(due);
      continue;
    }
    const auto found = timers.find(due.id);
    if (found == timers.end()) continue;
    const std::function<void()> function = std::move(found->second);
    timers.erase(found);
    function();
  }
  for (const Due& due : later) {
    heap.push_back(due);
    std::push_heap(heap.begin(), heap.end());
  }
}

void Loop::Impl::end_batch() {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    const std::function<void()> hook = hooks[i];   // a copy: a hook may add hooks
    hook();
  }
  for (std::size_t i = 0; i < deferred.size(); ++i) std::exchange(deferred[i], nullptr)();
  deferred.clear();
}

Result<std::unique_ptr<Loop>> Loop::create() {
  auto impl = std::make_unique<Impl>();
  impl->epoll = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!impl->epoll.open()) return detail::system_error(errno, "making", "an epoll set");
  impl->wake = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!impl->wake.open()) return detail::system_error(errno, "making", "an eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint32_t>(impl->wake.get());
  if (::epoll_ctl(impl->epoll.get(), EPOLL_CTL_ADD, impl->wake.get(), &event) != 0)
    return detail::system_error(errno, "watching", "an eventfd");
  return std::unique_ptr<Loop>(new Loop(std::move(impl)));
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Loop::~Loop() {
  // Callbacks may own what calls the loop when it goes (a listener that unwatches): they are taken out first.
  HEADRACE_CHECK(!impl_->running.load(), "a loop was destroyed while it runs");
  while (true) {
    std::vector<std::shared_ptr<Watch>> watches = std::exchange(impl_->watches, {});
    auto timers = std::exchange(impl_->timers, {});
    auto hooks = std::exchange(impl_->hooks, {});
    auto deferred = std::exchange(impl_->deferred, {});
    std::vector<std::function<void()>> posted;
    {
      const std::lock_guard lock(impl_->mutex);
      posted.swap(impl_->posted);
    }
    if (watches.empty() && timers.empty() && hooks.empty() && deferred.empty() && posted.empty()) return;
  }
}

void Loop::run() {
  Impl& loop = *impl_;
  HEADRACE_CHECK(!loop.running.exchange(true), "a loop runs already");
  loop.thread.store(std::this_thread::get_id());
  std::vector<std::function<void()>> batch;
  std::vector<epoll_event> events(kEventsMax);
  int rounds_left = kLastRounds;
  while (true) {
    // What was posted while the last batch ran makes this wait end at once; a post after this point writes the eventfd.
    std::optional<Clock::time_point> deadline = loop.next_deadline();
    bool stopping = false;
    {
      const std::lock_guard lock(loop.mutex);
      stopping = loop.stopping;
      if (stopping && (loop.posted.empty() || rounds_left-- == 0)) break;
      loop.sleeping = loop.posted.empty();
      if (!loop.sleeping) deadline = Clock::time_point{};   // long ago: looks without waiting
    }
    const int count = stopping ? 0 : wait_for_events(loop.epoll.get(), events.data(), deadline);
    HEADRACE_CHECK(count >= 0 || errno == EINTR, "epoll_wait failed");
    {
      const std::lock_guard lock(loop.mutex);
      loop.sleeping = false;
      batch.swap(loop.posted);
    }
    loop.run_posted(batch);
    loop.run_ready(events.data(), count);
    if (!stopping) loop.run_timers();
    loop.end_batch();
  }
  {
    const std::lock_guard lock(loop.mutex);
    loop.stopping = false;
  }
  loop.thread.store(std::thread::id());
  loop.running.store(false);
}

void Loop::stop() {
  bool wake = false;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    wake = std::exchange(impl_->sleeping, false);
  }
  if (wake) impl_->wake_up();
}

void Loop::post(std::function<void()> function) {
  bool wake = false;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->posted.push_back(std::move(function));
    wake = std::exchange(impl_->sleeping, false);
  }
  if (wake) impl_->wake_up();
}

bool Loop::inside() const { return impl_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

Loop::TimerId Loop::after(std::chrono::microseconds delay, std::function<void()> function) {
  impl_->require_owner();
  const TimerId id = ++impl_->last_timer;
  impl_->timers.emplace(id, std::move(function));
  impl_->heap.push_back({Clock::now() + delay, id});
  std::push_heap(impl_->heap.begin(), impl_->heap.end());
  return id;
}

void Loop::cancel(TimerId timer) {
  impl_->require_owner();
  Impl& loop = *impl_;
  if (loop.timers.erase(timer) == 0 || loop.heap.size() < 64 || loop.heap.size() / 2 < loop.timers.size()) return;
  std::erase_if(loop.heap, [&](const Due& due) { return !loop.timers.contains(due.id); });
  std::make_heap(loop.heap.begin(), loop.heap.end());
}

Status Loop::watch(int descriptor, bool read, bool write, OnReady on_ready) {
  impl_->require_owner();
  HEADRACE_CHECK(descriptor >= 0, "a closed descriptor is watched");
  HEADRACE_CHECK(!impl_->find(descriptor), "a descriptor is watched twice");
  auto watch = std::make_shared<Watch>();
  watch->generation = ++impl_->generation;
  watch->on_ready = std::move(on_ready);
  HEADRACE_TRY(impl_->control(descriptor, *watch, events_of(read, write)));
  const auto index = static_cast<std::size_t>(descriptor);
  if (impl_->watches.size() <= index) impl_->watches.resize(index + 1);
  impl_->watches[index] = std::move(watch);
  return {};
}

Status Loop::change(int descriptor, bool read, bool write) {
  impl_->require_owner();
  const std::shared_ptr<Watch> watch = impl_->find(descriptor);
  HEADRACE_CHECK(watch, "a descriptor that is not watched is changed");
  return impl_->control(descriptor, *watch, events_of(read, write));
}

void Loop::unwatch(int descriptor) {
  impl_->require_owner();
  const std::shared_ptr<Watch> watch = impl_->find(descriptor);
  if (!watch) return;
  (void)impl_->control(descriptor, *watch, 0);   // fails for one that was closed, which epoll forgot by itself
  impl_->watches[static_cast<std::size_t>(descriptor)] = nullptr;
  watch->generation = 0;                         // events of this batch that are still to come are not its any more
}

void Loop::at_end_of_batch(std::function<void()> function) {
  impl_->require_owner();
  impl_->hooks.push_back(std::move(function));
}

void Loop::defer(std::function<void()> function) {
  impl_->require_owner();
  impl_->deferred.push_back(std::move(function));
}

}  // namespace headrace::io
