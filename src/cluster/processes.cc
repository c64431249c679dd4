// SPDX-License-Identifier: Apache-2.0
#include "headrace/cluster/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"
#include "headrace/io/descriptor.h"

extern char** environ;

namespace headrace::cluster {
namespace {

constexpr std::int64_t kSettledUs = 10'000'000;
constexpr int kLineMax = 4096;

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

std::string own_program() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string("headrace");
}

struct Slot {
  std::string name;
  pid_t pid = 0;
  io::Descriptor process;            // pidfd
  io::Descriptor output;             // of its pipe
  std::string line;                  // not ended yet
  std::int64_t started_us = 0;
  std::int64_t start_at_us = 0;      // when it does not run
  int quick_deaths = 0;
  bool given_up = false;
};

// What a child starts with: the driver's environment and the token, which is not for command lines.
std::vector<std::string> environment_with(const std::string& token) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "HEADRACE_TOKEN=", 15) != 0) entries.emplace_back(*entry);
  }
  entries.push_back("HEADRACE_TOKEN=" + token);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
  }
  ~SpawnAttributes() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  void output_to(int descriptor) {
    posix_spawn_file_actions_adddup2(&actions_, descriptor, 1);
    posix_spawn_file_actions_adddup2(&actions_, descriptor, 2);
  }
  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

struct Processes::Impl {
  Fleet& fleet;
  ProcessesOptions options;
  std::string address;
  std::vector<Slot> slots;           // of the thread
  io::Descriptor wake;
  int listener = 0;
  mutable std::mutex mutex;          // guards what follows
  std::vector<int> pids;
  std::vector<std::string> to_kill;  // slots whose worker was given up
  bool stopping = false;
  std::jthread thread;               // last: it uses all of this

  explicit Impl(Fleet& owner, ProcessesOptions given) : fleet(owner), options(std::move(given)) {}

  void ring() const {
    const std::uint64_t one = 1;
    if (write(wake.get(), &one, sizeof one) < 0) return;   // full means that it is awake
  }

  Status spawn(Slot& slot) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return Error(Code::kEnvironment, cat("making a pipe: ", std::strerror(errno)));
    io::Descriptor ours(ends[0]);
    const io::Descriptor theirs(ends[1]);
    fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    std::vector<std::string> words = {options.program};
    words.insert(words.end(), options.words.begin(), options.words.end());
    for (const std::string& word : {std::string("--connect"), address, std::string("--slot"), slot.name, std::string("--parent"),
                                    std::to_string(getpid())}) {
      words.push_back(word);
    }
    std::vector<std::string> environment = environment_with(fleet.token());
    SpawnAttributes attributes;
    attributes.output_to(theirs.get());
    pid_t pid = 0;
    const int failed = posix_spawn(&pid, options.program.c_str(), attributes.actions(), attributes.attributes(), pointers(words).data(),
                                   pointers(environment).data());
    if (failed != 0) return Error(Code::kEnvironment, cat("starting ", options.program, ": ", std::strerror(failed)));
    slot.pid = pid;
    slot.process = io::Descriptor(open_pidfd(pid));
    slot.output = std::move(ours);
    slot.line.clear();
    slot.started_us = system_clock().monotonic_us();
    publish();
    return {};
  }

  void publish() {
    const std::lock_guard lock(mutex);
    pids.clear();
    for (const Slot& slot : slots) pids.push_back(slot.pid);
  }

  void read_output(Slot& slot) {
    char buffer[4096];
    ssize_t length = 0;
    while ((length = read(slot.output.get(), buffer, sizeof buffer)) > 0) {
      for (const char character : std::string_view(buffer, static_cast<std::size_t>(length))) {
        if (character != '\n' && slot.line.size() < kLineMax) {
          slot.line += character;
          continue;
        }
        if (!slot.line.empty()) log(LogLevel::kWarning, cat("worker ", slot.name, ": ", slot.line));
        slot.line.clear();
      }
    }
    if (length == 0) slot.output.reset();
  }

  void ended(Slot& slot) {
    int state = 0;
    if (waitpid(slot.pid, &state, WNOHANG) != slot.pid) return;
    if (slot.output.open()) read_output(slot);
    const std::int64_t now = system_clock().monotonic_us();
    slot.quick_deaths = now - slot.started_us > kSettledUs ? 0 : slot.quick_deaths + 1;
    const std::int64_t pause_ms = std::min<std::int64_t>(5000, std::int64_t{100} << std::min(slot.quick_deaths, 6));
    slot.start_at_us = now + pause_ms * 1000;
    slot.pid = 0;
    slot.process.reset();
    slot.output.reset();
    publish();
    if (slot.quick_deaths <= options.restarts_max) return;
    slot.given_up = true;
    const std::string how = WIFSIGNALED(state) ? cat("signal ", WTERMSIG(state)) : cat("exit code ", WEXITSTATUS(state));
    log(LogLevel::kError, cat("worker ", slot.name, " dies as soon as it is started (", how, ") and is given up"));
    if (std::all_of(slots.begin(), slots.end(), [](const Slot& one) { return one.given_up; })) {
      fleet.fail(Error(Code::kWorkerLost, cat("all workers die as soon as they are started; the last had ", how),
                       "run `headrace doctor`, and look at what the workers said"));
    }
  }

  void kill_given_up() {
    std::vector<std::string> names;
    {
      const std::lock_guard lock(mutex);
      std::swap(names, to_kill);
    }
    for (const std::string& name : names) {
      for (Slot& slot : slots) {
        if (slot.name == name && slot.pid > 0) kill(-slot.pid, SIGKILL);
      }
    }
  }

  bool stop_asked() const {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  void watch() {
    while (!stop_asked()) {
      const std::int64_t now = system_clock().monotonic_us();
      std::int64_t next = now + 1'000'000;
      std::vector<pollfd> polled = {{wake.get(), POLLIN, 0}};
      for (Slot& slot : slots) {
        if (slot.pid == 0 && !slot.given_up) {
          if (slot.start_at_us <= now) {
            if (const Status started = spawn(slot); !started.ok()) {
              slot.start_at_us = now + 1'000'000;
              log(LogLevel::kError, started.error().text());
            }
          } else {
            next = std::min(next, slot.start_at_us);
          }
        }
        if (slot.process.open()) polled.push_back({slot.process.get(), POLLIN, 0});
        if (slot.output.open()) polled.push_back({slot.output.get(), POLLIN, 0});
      }
      poll(polled.data(), polled.size(), static_cast<int>((next - now) / 1000) + 1);
      std::uint64_t count = 0;
      if (read(wake.get(), &count, sizeof count) > 0) kill_given_up();
      for (Slot& slot : slots) {
        if (slot.output.open()) read_output(slot);
        if (slot.pid > 0) ended(slot);
      }
    }
    end_all();
  }

  // They were told by the fleet; who does not go within a second is killed.
  void end_all() {
    const std::int64_t until = system_clock().monotonic_us() + 1'000'000;
    for (Slot& slot : slots) {
      int state = 0;
      if (slot.pid == 0) continue;
      kill(slot.pid, SIGTERM);
      while (waitpid(slot.pid, &state, WNOHANG) == 0) {
        if (system_clock().monotonic_us() > until) {
          kill(-slot.pid, SIGKILL);
          waitpid(slot.pid, &state, 0);
          break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      kill(-slot.pid, SIGKILL);   // what it may have started itself
      slot.pid = 0;
    }
    publish();
  }
};

Processes::Processes(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Processes>> Processes::start(Fleet& fleet, ProcessesOptions options) {
  if (options.program.empty()) options.program = own_program();
  if (options.words.empty()) options.words = {"worker"};
  if (access(options.program.c_str(), X_OK) != 0) {
    return Error(Code::kEnvironment, cat("the worker program ", options.program, " cannot be run: ", std::strerror(errno)));
  }
  auto impl = std::make_unique<Impl>(fleet, std::move(options));
  impl->address = (impl->options.address == io::Address{} ? fleet.addresses().front() : impl->options.address).text();
  impl->wake = io::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  impl->slots.resize(static_cast<std::size_t>(impl->options.count));
  for (std::size_t i = 0; i < impl->slots.size(); ++i) impl->slots[i].name = cat(impl->options.name, i + 1);
  Impl* const inside = impl.get();
  impl->listener = fleet.on_worker_gone([inside](const WorkerInfo& worker, const Status&) {
    {
      const std::lock_guard lock(inside->mutex);
      inside->to_kill.push_back(worker.slot);
    }
    inside->ring();
  });
  impl->thread = std::jthread([inside] { inside->watch(); });
  return std::unique_ptr<Processes>(new Processes(std::move(impl)));
}

Processes::~Processes() {
  impl_->fleet.forget_listener(impl_->listener);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->ring();
  impl_->thread.join();
}

Result<int> run_quietly(const std::string& program, std::vector<std::string> words) {
  words.insert(words.begin(), program);
  SpawnAttributes attributes;
  const io::Descriptor nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  attributes.output_to(nowhere.get());
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, program.c_str(), attributes.actions(), attributes.attributes(), pointers(words).data(), environ);
  if (failed != 0) return Error(Code::kEnvironment, cat("starting ", program, ": ", std::strerror(failed)));
  int state = 0;
  while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
}

std::vector<int> Processes::pids() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->pids;
}

}  // namespace headrace::cluster
