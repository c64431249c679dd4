// SPDX-License-Identifier: Apache-2.0
#include "headrace/cluster/fleet.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <future>
#include <thread>

#include "cluster/dispatcher.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::cluster {

struct Fleet::Impl {
  FleetOptions options;
  std::unique_ptr<io::Loop> loop;
  std::shared_ptr<Hub> hub;
  std::unique_ptr<Dispatcher> dispatcher;             // loop only, once the thread runs
  std::vector<std::unique_ptr<io::Listener>> listeners;
  std::vector<io::Address> addresses;
  std::thread thread;
  mutable std::mutex mutex;                           // guards what follows
  std::condition_variable changed;
  int connected = 0;
  std::optional<Error> failure;

  Status listen(const io::Address& address, const std::shared_ptr<const io::TlsIdentity>& identity) {
    HEADRACE_ASSIGN(auto listener, io::Listener::open(*loop, address, identity, {}, [this](std::shared_ptr<io::Channel> channel) {
      dispatcher->accept(std::move(channel));
    }));
    addresses.push_back(listener->address());
    listeners.push_back(std::move(listener));
    return {};
  }

  // Runs in the loop and waits for it.
  template <class Function>
  void inside(const Function& function) const {
    std::promise<void> done;
    loop->post([&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }
};

namespace {

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

std::uint64_t quarter_of_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE)) / 4;
}

std::string default_spill_folder() {
  const char* set = std::getenv("TMPDIR");
  return set != nullptr && *set != '\0' ? set : "/tmp";
}

}  // namespace

Fleet::Fleet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Fleet>> Fleet::start(FleetOptions options) {
  if (options.token.empty()) options.token = random_text(32);
  if (options.object_bytes == 0) options.object_bytes = quarter_of_memory();
  if (options.spill_folder.empty()) options.spill_folder = default_spill_folder();
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  const FleetOptions& set = impl->options;
  HEADRACE_ASSIGN(impl->loop, io::Loop::create());
  impl->hub = std::make_shared<Hub>(*impl->loop, set.inline_bytes, set.object_bytes, set.spill_folder);
  impl->dispatcher = std::make_unique<Dispatcher>(*impl->loop, impl->hub, set);
  Dispatcher* const dispatcher = impl->dispatcher.get();
  Impl* const inside = impl.get();
  impl->hub->on_inbox([dispatcher](Hub::Inbox inbox) { dispatcher->take(std::move(inbox)); });
  impl->hub->on_fetch([dispatcher](ObjectNumber number, auto done) { dispatcher->fetch(number, std::move(done)); });
  dispatcher->on_change = [inside, dispatcher] {
    const std::lock_guard lock(inside->mutex);
    inside->connected = dispatcher->workers();
    inside->changed.notify_all();
  };
  HEADRACE_ASSIGN(const auto identity, io::TlsIdentity::create());
  HEADRACE_TRY(impl->listen({.kind = io::Address::Kind::kUnix, .host = cat("@headrace-", getpid(), "-", random_text(8)), .certificate = {}},
                            identity));
  for (const io::Address& address : set.listen) {
    if (address.kind == io::Address::Kind::kTcp && !is_loopback(address.host)) {
      return Error(Code::kUnsupported, cat("workers on ", address.text(), " would be reached without encryption"),
                   "use tls: instead of tcp:");
    }
    HEADRACE_TRY(impl->listen(address, identity));
  }
  impl->thread = std::thread([loop = impl->loop.get()] { loop->run(); });
  return std::unique_ptr<Fleet>(new Fleet(std::move(impl)));
}

Fleet::~Fleet() {
  impl_->hub->close();
  auto closed = std::make_shared<std::promise<void>>();
  impl_->loop->post([this, closed] {
    impl_->dispatcher->on_change = {};
    impl_->dispatcher->fail(Error(Code::kClosed, "the fleet was shut down"));
    impl_->dispatcher->shut_down([closed] { closed->set_value(); });
  });
  closed->get_future().wait_for(std::chrono::seconds(1));
  impl_->loop->stop();
  impl_->thread.join();
  impl_->listeners.clear();
  impl_->dispatcher.reset();
}

std::vector<io::Address> Fleet::addresses() const { return impl_->addresses; }
const std::string& Fleet::token() const { return impl_->options.token; }

Status Fleet::wait_for_workers(int count, std::chrono::milliseconds timeout) {
  std::unique_lock lock(impl_->mutex);
  const bool there = impl_->changed.wait_for(lock, timeout, [&] { return impl_->connected >= count || impl_->failure.has_value(); });
  if (impl_->failure.has_value()) return *impl_->failure;
  if (there) return {};
  return Error(Code::kTimeout, cat(impl_->connected, " of ", count, " workers came within ", timeout.count() / 1000, " s"),
               "look at what their starter says");
}

void Fleet::fail(Error error) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->failure = error;
    impl_->changed.notify_all();
  }
  impl_->loop->post([dispatcher = impl_->dispatcher.get(), error] { dispatcher->fail(error); });
}

FleetReport Fleet::report() const {
  FleetReport out;
  impl_->inside([&] {
    impl_->dispatcher->report(out);
    timespec spent{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    out.loop_cpu_seconds = static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
  });
  return out;
}

int Fleet::on_worker_gone(std::function<void(const WorkerInfo&, const Status&)> function) {
  int number = 0;
  impl_->inside([&] {
    auto& listeners = impl_->dispatcher->on_gone;
    number = listeners.empty() ? 1 : listeners.rbegin()->first + 1;
    listeners.emplace(number, std::move(function));
  });
  return number;
}

void Fleet::forget_listener(int number) {
  impl_->inside([&] { impl_->dispatcher->on_gone.erase(number); });
}

Status Fleet::check(const exec::Capacity& asked, int gang) {
  const exec::Capacity& most = impl_->options.largest_host;
  if (asked.cpu > most.cpu) {
    return Error(Code::kInfeasible, cat("asks for ", asked.cpu, " cores, and no host of this fleet gives more than ", most.cpu),
                 "lower resources.cpu, or use larger hosts");
  }
  if (gang > impl_->options.workers_expected) {
    return Error(Code::kInfeasible, cat("asks for a gang of ", gang, ", and there are ", impl_->options.workers_expected, " workers"),
                 "lower gang, or ask for more workers");
  }
  if (most.memory_bytes > 0 && asked.memory_bytes > most.memory_bytes) {
    return Error(Code::kInfeasible, cat("asks for ", bytes_text(asked.memory_bytes), " of ", bytes_text(most.memory_bytes)),
                 "lower resources.memory, or use larger hosts");
  }
  if (asked.gpu > most.gpu) {
    return Error(Code::kInfeasible, cat("asks for ", asked.gpu, " GPUs, and no host of this fleet has more than ", most.gpu),
                 "lower resources.gpu");
  }
  return {};
}

void Fleet::start(exec::Call call) {
  auto job = std::make_unique<Job>();
  job->id = impl_->hub->next_call();
  job->first_output = impl_->hub->numbers(Hub::kOutputsMax);
  const auto ready = [&](const exec::Handle& handle) -> Result<std::shared_ptr<FleetHeld>> {
    auto held = std::dynamic_pointer_cast<FleetHeld>(handle);
    if (held == nullptr) {
      HEADRACE_ASSIGN(data::Object object, handle->object());
      held = impl_->hub->hold(std::move(object));
    }
    if (!held->there()) return Error(Code::kObjectLost, cat("object ", held->number(), " is gone with the workers that held it"));
    HEADRACE_TRY(held->prepare());
    return held;
  };
  const auto prepare = [&]() -> Status {
    job->inputs.reserve(call.inputs.size());
    for (const exec::Handle& input : call.inputs) {
      HEADRACE_ASSIGN(auto held, ready(input));
      job->inputs.push_back(std::move(held));
    }
    if (call.model != nullptr) {
      HEADRACE_ASSIGN(job->model, ready(call.model));
    }
    return {};
  };
  const Status prepared = prepare();
  if (!prepared.ok()) return call.done({.outputs = prepared.error(), .lost = {}});
  call.inputs.clear();
  call.model.reset();
  job->call = std::move(call);
  impl_->hub->submit(std::move(job));
}

exec::Handle Fleet::put(data::Object object) { return impl_->hub->hold(std::move(object)); }

Result<exec::Handle> Fleet::put(exec::Encoded encoded, data::Kind kind) {
  return exec::Handle(impl_->hub->hold(std::move(encoded), kind));
}

int Fleet::workers() const {
  const std::lock_guard lock(impl_->mutex);
  return std::max(impl_->connected, impl_->options.workers_expected);
}

}  // namespace headrace::cluster
