// SPDX-License-Identifier: Apache-2.0
// How it works. Each task counts the tasks it still waits for, plus one for its own submission. A task keeps a lock-free list of
// links to those that wait for it. Ending a task swaps that list for a mark ("closed"): a submitter that meets the mark knows that
// the task has ended and need not wait for it. The ending thread counts each link's task down and runs the first that becomes
// ready itself (a chain never goes through a queue); the others go on its own deque, from which idle workers steal.
//
// Links live in the waiting task: the first one inside it, so chains and trees allocate nothing per edge.

#include "headrace/exec/dataflow.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "headrace/base/check.h"

// oneTBB is not built for the thread sanitizer: these tell it that handing a task over orders what came before.
#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#define HEADRACE_HANDS_OVER(address) __tsan_release(address)
#define HEADRACE_TAKES_OVER(address) __tsan_acquire(address)
#else
#define HEADRACE_HANDS_OVER(address)
#define HEADRACE_TAKES_OVER(address)
#endif

namespace headrace::exec {
namespace {

struct Task;

struct Link {
  Task* waiter = nullptr;
  Link* next = nullptr;
};

struct Task {
  std::function<void()> body;
  std::atomic<Link*> waiters{nullptr};
  std::atomic<std::uint32_t> pending{0};
  std::uint32_t demand = 0;           // index of a non-default demand plus one
  // While held: the body that held and the resumption, whichever comes last goes on. 0 when it is not held.
  std::atomic<std::uint8_t> halves{0};
  std::uint32_t id = 0;
  Link first;
  std::unique_ptr<Link[]> more;
};

// Which worker this thread is while it runs a task, and which task; -1 and null otherwise.
thread_local int running_worker = -1;
thread_local Task* running_task = nullptr;

Link closed_mark;
Link* const kClosed = &closed_mark;

constexpr std::size_t kBlockSize = 1024;
constexpr std::size_t kBlocks = (std::size_t{1} << 32) / kBlockSize / 16;   // 268 M tasks in the life of one engine

}  // namespace

struct Dataflow::Impl {
  explicit Impl(const Options& options)
      : workers(options.workers > 0 ? options.workers : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))),
        account(options.account),
        cpu_free(options.cpu > 0 ? options.cpu : workers),
        memory_bound(options.memory_bytes),
        memory_free(options.memory_bytes),
        // The submitting thread is outside the arena, so the pool needs as many threads as there are workers.
        parallelism(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(workers) + 1),
        arena(workers, 0),
        blocks(std::make_unique<std::atomic<Task*>[]>(kBlocks)) {
    arena.initialize();
  }

  ~Impl() {
    arena.execute([this] { group.wait(); });
    HEADRACE_TAKES_OVER(&group);
    for (std::size_t i = 0; i < kBlocks; ++i) {
      Task* block = blocks[i].load(std::memory_order_relaxed);
      if (block == nullptr) break;
      delete[] block;
    }
  }

  Task& at(TaskId id) { return blocks[id / kBlockSize].load(std::memory_order_acquire)[id % kBlockSize]; }

  TaskId allocate() {
    const std::uint64_t id = count.fetch_add(1, std::memory_order_relaxed);
    HEADRACE_CHECK(id < kBlocks * kBlockSize, "too many tasks in one engine");
    std::atomic<Task*>& block = blocks[id / kBlockSize];
    if (block.load(std::memory_order_acquire) == nullptr) {
      const std::lock_guard lock(grow_mutex);
      if (block.load(std::memory_order_relaxed) == nullptr) block.store(new Task[kBlockSize], std::memory_order_release);
    }
    return static_cast<TaskId>(id);
  }

  // Puts a link on `before`'s list. False when `before` has ended already.
  static bool attach(Task& before, Link& link) {
    Link* head = before.waiters.load(std::memory_order_acquire);
    while (head != kClosed) {
      link.next = head;
      if (before.waiters.compare_exchange_weak(head, &link, std::memory_order_release, std::memory_order_acquire)) return true;
    }
    return false;
  }

  TaskId submit(std::function<void()> body, std::span<const TaskId> after, const Demand* demand) {
    const TaskId id = allocate();
    Task& task = at(id);
    task.body = std::move(body);
    task.id = id;
    if (account && demand != nullptr) {
      const std::lock_guard lock(gate_mutex);
      demands.push_back(*demand);
      task.demand = static_cast<std::uint32_t>(demands.size());
    }
    outstanding.fetch_add(1, std::memory_order_relaxed);
    task.pending.store(static_cast<std::uint32_t>(after.size()) + 1, std::memory_order_relaxed);
    if (after.size() > 1) task.more = std::make_unique<Link[]>(after.size() - 1);
    std::uint32_t ended = 1;   // the submission itself
    for (std::size_t i = 0; i < after.size(); ++i) {
      Link& link = i == 0 ? task.first : task.more[i - 1];
      link.waiter = &task;
      if (!attach(at(after[i]), link)) ++ended;
    }
    if (task.pending.fetch_sub(ended, std::memory_order_acq_rel) == ended) ready(&task, false);
    return id;
  }

  void ready(Task* task, bool inside) {
    if (account) {
      queue_at_gate(task);
    } else {
      dispatch(task, inside);
    }
  }

  void dispatch(Task* task, bool inside) {
    HEADRACE_HANDS_OVER(task);
    if (inside) {
      group.run([this, task] { run(task); });
    } else {
      enqueue(task);
    }
  }

  // Through a handle of the group, so that its wait() covers the very end of run() and the engine may then be freed.
  void enqueue(Task* task) {
    HEADRACE_HANDS_OVER(task);
    arena.enqueue(group.defer([this, task] { run(task); }));
  }

  // Runs a task, then whatever became ready because of it, as long as there is some.
  void run(Task* task) {
    HEADRACE_TAKES_OVER(task);
    running_worker = tbb::this_task_arena::current_thread_index();
    while (task != nullptr) {
      if (!run_bodies(task)) break;   // held: whoever resumes it goes on
      task->more.reset();
      Link* link = task->waiters.exchange(kClosed, std::memory_order_acq_rel);
      if (account) leave_gate(task);
      Task* next = nullptr;
      while (link != nullptr) {
        // The waiter may run, and free its links, as soon as its count is down: read the list first.
        Link* const following = link->next;
        Task* const waiter = link->waiter;
        if (waiter->pending.fetch_sub(1, std::memory_order_acq_rel) == 1) {
          if (next == nullptr && !account) {
            next = waiter;
          } else {
            ready(waiter, true);
          }
        }
        link = following;
      }
      task = next;
      if (outstanding.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(idle_mutex);
        idle.notify_all();
      }
    }
    running_worker = -1;
    HEADRACE_HANDS_OVER(&group);
  }

  // Runs the body of a task, and those that it was resumed with meanwhile. False when it is still held.
  static bool run_bodies(Task* task) {
    while (true) {
      const std::function<void()> body = std::move(task->body);
      running_task = task;
      body();
      running_task = nullptr;
      if (task->halves.load(std::memory_order_relaxed) == 0) {
        task->body = nullptr;
        return true;
      }
      if (task->halves.fetch_sub(1, std::memory_order_acq_rel) == 2) return false;
    }
  }

  void resume(Task& task, std::function<void()> body) {
    task.body = std::move(body);
    HEADRACE_HANDS_OVER(&task);
    if (task.halves.fetch_sub(1, std::memory_order_acq_rel) == 1) enqueue(&task);
  }

  const Demand& demand_of(const Task* task) const {
    static const Demand kDefault;
    return task->demand == 0 ? kDefault : demands[task->demand - 1];
  }

  // The gate: ready tasks wait here, most urgent first and oldest first within a priority, until what they need is free.
  void queue_at_gate(Task* task) {
    const std::lock_guard lock(gate_mutex);
    waiting[-demand_of(task).priority].emplace(gate_sequence++, task);
    pump();
  }

  void leave_gate(Task* task) {
    const std::lock_guard lock(gate_mutex);
    const Demand& demand = demand_of(task);
    cpu_free += demand.cpu;
    memory_free += demand.memory_bytes;
    pump();
  }

  bool fits(const Demand& demand) const {
    return demand.cpu <= cpu_free + 1e-9 && (memory_bound == 0 || demand.memory_bytes <= memory_free);
  }

  void pump() {
    // A small task may pass a large one that does not fit, but only so often: then the pool drains for the large one.
    constexpr int kPassesMax = 64;
    bool blocked = false;
    for (auto level = waiting.begin(); level != waiting.end() && !blocked;) {
      for (auto entry = level->second.begin(); entry != level->second.end();) {
        Task* const task = entry->second;
        const Demand& demand = demand_of(task);
        if (cpu_free < 1e-9) return;
        if (!fits(demand)) {
          if (passes >= kPassesMax) {
            blocked = true;
            break;
          }
          ++entry;
          continue;
        }
        passes = entry == level->second.begin() && level == waiting.begin() ? 0 : passes + 1;
        cpu_free -= demand.cpu;
        memory_free -= demand.memory_bytes;
        entry = level->second.erase(entry);
        enqueue(task);
      }
      level = level->second.empty() ? waiting.erase(level) : std::next(level);
    }
  }

  const int workers;
  const bool account;

  std::mutex gate_mutex;   // guards from here ...
  double cpu_free;
  const std::uint64_t memory_bound;
  std::uint64_t memory_free;
  std::deque<Demand> demands;
  std::map<int, std::map<std::uint64_t, Task*>> waiting;   // by negated priority, then by age
  std::uint64_t gate_sequence = 0;
  int passes = 0;          // ... to here

  tbb::global_control parallelism;
  tbb::task_arena arena;
  tbb::task_group group;
  std::unique_ptr<std::atomic<Task*>[]> blocks;
  std::mutex grow_mutex;   // guards the making of blocks
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::uint64_t> outstanding{0};
  std::mutex idle_mutex;
  std::condition_variable idle;
};

Dataflow::Dataflow(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
Dataflow::~Dataflow() { wait(); }

Dataflow::TaskId Dataflow::submit(std::function<void()> body, std::span<const TaskId> after) {
  return impl_->submit(std::move(body), after, nullptr);
}

Dataflow::TaskId Dataflow::submit(std::function<void()> body, std::span<const TaskId> after, const Demand& demand) {
  return impl_->submit(std::move(body), after, &demand);
}

Dataflow::TaskId Dataflow::hold() {
  HEADRACE_CHECK(running_task != nullptr && running_task->halves.load(std::memory_order_relaxed) == 0, "hold outside a running task");
  running_task->halves.store(2, std::memory_order_relaxed);
  return running_task->id;
}

void Dataflow::resume(TaskId held, std::function<void()> body) { impl_->resume(impl_->at(held), std::move(body)); }

void Dataflow::wait() {
  std::unique_lock lock(impl_->idle_mutex);
  impl_->idle.wait(lock, [this] { return impl_->outstanding.load(std::memory_order_acquire) == 0; });
}

int Dataflow::workers() const { return impl_->workers; }
int Dataflow::current_worker() { return running_worker; }

}  // namespace headrace::exec
