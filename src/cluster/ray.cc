// SPDX-License-Identifier: Apache-2.0
// --on ray://...: a fleet, and a gateway that keeps its workers placed. The gateway says what the cluster has, the fleet is made to
// that measure, the gateway is told where it listens. When the gateway dies, the workers go on and the next one takes them over.

#include "headrace/cluster/ray.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "cluster/wire.h"
#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::cluster {
namespace {

using config::Value;

constexpr std::chrono::seconds kReadyMax(90);
constexpr std::chrono::milliseconds kLook(250);
constexpr int kGatewaysMax = 5;                        // in a row
constexpr std::int64_t kSettledUs = 30'000'000;
constexpr int kWorkersWhenEmpty = 256;                 // at most, on a cluster that grows from nothing
constexpr std::chrono::minutes kPatienceWhenEmpty(10);

std::string own_program() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string("headrace");
}

// The address of this machine on the way to `target` ("HOST:PORT"). Nothing is sent.
Result<std::string> address_towards(const std::string& target) {
  const std::size_t colon = target.rfind(':');
  const Error unknown(Code::kUnreachable, cat("there is no way to ", target), "name an address of this machine with listen=HOST");
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  std::string host = target.substr(0, colon);
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (getaddrinfo(host.c_str(), target.substr(colon + 1).c_str(), &hints, &found) != 0) return unknown;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  const io::Descriptor probe(socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), found->ai_addr, found->ai_addrlen) != 0) return unknown;
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) return unknown;
  char text[NI_MAXHOST];
  if (getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) return unknown;
  return std::string(text);
}

std::string text_in(const Value& value, std::string_view key) {
  const Value* found = value.find(key);
  return found != nullptr && found->is_string() ? found->string() : std::string();
}

double number_in(const Value& value, std::string_view key) {
  const Value* found = value.find(key);
  return found != nullptr && found->is_number() ? found->real() : 0;
}

// What the nodes of "ready" have.
struct ClusterSize {
  int slots = 0;                                       // of the size that is asked for
  exec::Capacity largest;
};

ClusterSize size_of(const Value& nodes, const RayOptions& ray) {
  ClusterSize out;
  out.largest.cpu = ray.cpu;
  if (!nodes.is_list()) return out;
  for (const Value& node : nodes.list()) {
    const Value* resources = node.find("resources");
    if (resources == nullptr || (!ray.node.empty() && ray.node != text_in(node, "id") && ray.node != text_in(node, "ip"))) continue;
    const auto times = [&](std::string_view name, double asked) { return asked > 0 ? number_in(*resources, name) / asked + 1e-9 : 1e6; };
    double fits = std::min({times("CPU", ray.cpu), times("GPU", ray.gpu), times("memory", static_cast<double>(ray.memory_bytes))});
    for (const auto& [name, amount] : ray.custom) fits = std::min(fits, times(name, amount));
    out.slots += static_cast<int>(fits);
    out.largest.cpu = std::max(out.largest.cpu, number_in(*resources, "CPU"));
    out.largest.gpu = std::max(out.largest.gpu, number_in(*resources, "GPU"));
  }
  return out;
}

class RayCluster : public Cluster {
 public:
  RayCluster(RayOptions ray, const ClusterOptions& options) : ray_(std::move(ray)), options_(options) {}
  ~RayCluster() override;
  Status open();
  Fleet& fleet() override { return *fleet_; }

 private:
  Result<Value> start_gateway();
  Status start_fleet(const Value& ready);
  Status tell_wishes();
  Value wish() const;
  Value python_wish() const;
  void watch(const std::stop_token& stop);
  bool again(const std::stop_token& stop, const Error& cause);
  void on_line(const RayPart::Line& line);
  void fit_to_demand();

  RayOptions ray_;
  const ClusterOptions options_;
  const std::string token_ = random_text(32);
  const std::string run_ = random_text(6);
  std::string unix_address_, tls_address_, python_;
  std::atomic<int> fits_{-1};                          // as the gateway said last
  std::unique_ptr<Fleet> fleet_;
  std::mutex mutex_;                                   // guards gateway_ (the pointer) against the fleet's loop
  std::shared_ptr<RayPart> gateway_;
  // Of the thread that watches.
  std::int64_t gateway_since_us_ = 0;
  int gateways_lost_ = 0;
  int target_ = 0;
  std::int64_t looked_us_ = 0;
  std::map<std::string, std::int64_t> idle_since_us_;
  std::set<std::string> failed_;
  std::jthread thread_;
};

Result<Value> RayCluster::start_gateway() {
  HEADRACE_ASSIGN(std::shared_ptr<RayPart> part, RayPart::start({"gateway", "--address", ray_.address, "--run", run_},
                                                                {"HEADRACE_TOKEN=" + token_}, true));
  const std::int64_t until = system_clock().monotonic_us() + std::chrono::microseconds(kReadyMax).count();
  while (true) {
    const std::int64_t left_ms = (until - system_clock().monotonic_us()) / 1000;
    HEADRACE_ASSIGN(RayPart::Line line, part->read(std::chrono::milliseconds(std::max<std::int64_t>(left_ms, 0))));
    if (line.kind != "ready") continue;
    const std::lock_guard lock(mutex_);
    gateway_ = std::move(part);
    gateway_since_us_ = system_clock().monotonic_us();
    return std::move(line.value);
  }
}

Status RayCluster::start_fleet(const Value& ready) {
  const Value* nodes = ready.find("nodes");
  const ClusterSize size = size_of(nodes == nullptr ? Value() : *nodes, ray_);
  if (ray_.workers_max == 0) {
    ray_.workers_min = std::max(1, size.slots);
    ray_.workers_max = size.slots > 0 ? size.slots : kWorkersWhenEmpty;
    const bool grows = size.slots == 0 && ray_.custom.empty() && ray_.node.empty();
    if (grows) ray_.patience = std::max<std::chrono::seconds>(ray_.patience, kPatienceWhenEmpty);
  }
  target_ = ray_.workers_min;
  if (ray_.listen.empty()) {
    HEADRACE_ASSIGN(ray_.listen, address_towards(text_in(ready, "address")));
  }
  FleetOptions set;
  set.token = token_;
  set.object_bytes = options_.object_bytes;
  set.listen = {{.kind = io::Address::Kind::kTls, .host = ray_.listen, .port = 0, .certificate = {}}};
  set.workers_expected = ray_.workers_max + options_.python;
  set.largest_host = size.largest;
  HEADRACE_ASSIGN(fleet_, Fleet::start(std::move(set)));
  const std::vector<io::Address> addresses = fleet_->addresses();
  unix_address_ = ray_.shared ? addresses.front().text() : "";
  tls_address_ = addresses.back().text();
  fleet_->on_worker_gone([this](const WorkerInfo& worker, const Status&) {
    Value gone{config::Map{}};
    gone.set("slot", worker.slot);
    gone.set("pid", worker.pid);
    const std::lock_guard lock(mutex_);
    if (gateway_ != nullptr) (void)gateway_->write("gone", gone);   // a hint: the supervisor sees most ends by itself
  });
  return {};
}

Value RayCluster::wish() const {
  Value out{config::Map{}};
  out.set("group", "w");
  out.set("slots", target_);
  out.set("command", config::List{ray_.program, "worker"});
  out.set("cpu", ray_.cpu);
  out.set("memory_bytes", static_cast<std::int64_t>(ray_.memory_bytes));
  out.set("gpu", ray_.gpu);
  Value custom{config::Map{}};
  for (const auto& [name, amount] : ray_.custom) custom.set(name, amount);
  out.set("custom", std::move(custom));
  out.set("placement", ray_.placement);
  out.set("node", ray_.node);
  return out;
}

// Python workers share the cores that native ones were given: a pipeline keeps one or the other busy. Asked for as room of their own,
// they would wait for ever on a cluster whose cores are all taken.
Value RayCluster::python_wish() const {
  Value out{config::Map{}};
  out.set("group", "python");
  out.set("slots", options_.python);
  out.set("command", config::List{python_, "-m", "headrace.worker"});
  out.set("cpu", 0);
  out.set("data_flag", false);
  Value environment{config::Map{}};
  if (const char* path = std::getenv("PYTHONPATH"); path != nullptr) environment.set("PYTHONPATH", path);
  out.set("environment", std::move(environment));
  return out;
}

Status RayCluster::tell_wishes() {
  Value open{config::Map{}};
  open.set("unix", unix_address_);
  open.set("tls", tls_address_);
  HEADRACE_TRY(gateway_->write("open", open));
  if (options_.python > 0) HEADRACE_TRY(gateway_->write("want", python_wish()));
  return gateway_->write("want", wish());
}

Status RayCluster::open() {
  if (options_.python > 0) {
    HEADRACE_ASSIGN(python_, find_python("headrace.worker"));
  }
  HEADRACE_ASSIGN(const Value ready, start_gateway());
  HEADRACE_TRY(start_fleet(ready));
  HEADRACE_TRY(tell_wishes());
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  const Status there = fleet_->wait_for_workers(1, ray_.patience);
  if (!there.ok() && there.error().code == Code::kTimeout && fits_ == 0) {
    return Error(Code::kInfeasible, "no node of the Ray cluster has what one worker asks for, and none came",
                 "look at `headrace cluster status`; ask for less in --on ray://..., or give it more patience=SECONDS");
  }
  return there;
}

RayCluster::~RayCluster() {
  if (fleet_ != nullptr) fleet_->on_worker_gone({});
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  // Workers are told to end before their supervisors are.
  fleet_.reset();
  gateway_.reset();
}

void RayCluster::watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto line = gateway_->read(kLook);
    if (line.ok()) {
      on_line(*line);
    } else if (line.error().code != Code::kTimeout || gateway_->ended()) {
      if (!again(stop, line.error())) return;
    }
    if (ray_.workers_max > ray_.workers_min) fit_to_demand();
  }
}

// A gateway is lost: the next one takes its supervisors over. False when there will be none.
bool RayCluster::again(const std::stop_token& stop, const Error& cause) {
  if (system_clock().monotonic_us() - gateway_since_us_ > kSettledUs) gateways_lost_ = 0;
  Error last = cause;
  while (!stop.stop_requested() && ++gateways_lost_ <= kGatewaysMax) {
    log(LogLevel::kWarning, cat("the gateway to Ray is lost (", last.message, "); starting it again, workers go on"));
    const std::int64_t until = system_clock().monotonic_us() + (std::int64_t{250'000} << gateways_lost_);
    while (gateways_lost_ > 1 && !stop.stop_requested() && system_clock().monotonic_us() < until) std::this_thread::sleep_for(kLook);
    const auto ready = start_gateway();
    if (ready.ok() && tell_wishes().ok()) return true;
    if (!ready.ok()) last = ready.error();
  }
  if (!stop.stop_requested()) fleet_->fail(last);
  return false;
}

void RayCluster::on_line(const RayPart::Line& line) {
  const std::string slot = text_in(line.value, "slot"), cause = text_in(line.value, "cause");
  if (line.kind == "output") {
    log(LogLevel::kWarning, cat("worker ", slot, ": ", text_in(line.value, "text")));
  } else if (line.kind == "placed") {
    log(LogLevel::kInfo, cat("worker ", slot, " placed on ", text_in(line.value, "ip")));
  } else if (line.kind == "lost") {
    log(LogLevel::kWarning, cat("worker ", slot, " ended: ", cause, "; it is started again"));
  } else if (line.kind == "pending") {
    const Value* slots = line.value.find("slots");
    fits_ = static_cast<int>(number_in(line.value, "fits"));
    const std::size_t count = slots != nullptr && slots->is_list() ? slots->list().size() : 0;
    log(LogLevel::kWarning, cat("Ray has no room yet for ", count, " of ", target_, " workers; its nodes hold ",
                                fits_.load(), " when nothing else runs"));
  } else if (line.kind == "failed") {
    log(LogLevel::kError, cat("worker ", slot, " is given up: ", cause));
    failed_.insert(slot);
    if (static_cast<int>(failed_.size()) >= target_) {
      fleet_->fail(Error(Code::kWorkerLost, cat("all workers on Ray are given up; the last: ", cause), "look at what the workers said"));
    }
  }
}

// As many slots as calls run and wait, within bounds. Asking for more is what makes Ray's autoscaler add nodes.
void RayCluster::fit_to_demand() {
  const std::int64_t now = system_clock().monotonic_us();
  if (now - looked_us_ < 1'000'000) return;
  looked_us_ = now;
  const FleetReport report = fleet_->report();
  const auto calls = static_cast<int>(std::min<std::size_t>(report.load.waiting + report.load.queued + report.load.running, 1'000'000));
  if (const int wanted = std::min(calls, ray_.workers_max); wanted > target_) {
    target_ = wanted;
    (void)gateway_->write("want", wish());   // if it is gone, `watch` sees that and tells the next one
    return;
  }
  config::List released;
  std::map<std::string, std::int64_t> idle;
  for (const WorkerInfo& worker : report.workers) {
    // What it holds would have to be made again.
    if (worker.calls_held > 0 || worker.object_bytes > 0 || worker.spilled_bytes > 0) continue;
    const auto before = idle_since_us_.find(worker.slot);
    idle[worker.slot] = before == idle_since_us_.end() ? now : before->second;
    const bool long_enough = now - idle[worker.slot] > std::chrono::microseconds(ray_.idle).count();
    if (long_enough && target_ > ray_.workers_min && calls < target_) {
      released.push_back(worker.slot);
      --target_;
    }
  }
  idle_since_us_ = std::move(idle);
  if (released.empty()) return;
  log(LogLevel::kInfo, cat("giving ", released.size(), " idle workers back to Ray"));
  Value names{config::Map{}};
  names.set("slots", std::move(released));
  (void)gateway_->write("release", names);
}

}  // namespace

Result<std::unique_ptr<Cluster>> open_ray(const RayOptions& ray, const ClusterOptions& options) {
  RayOptions set = ray;
  if (set.program.empty()) set.program = options.program.empty() ? own_program() : options.program;
  auto cluster = std::make_unique<RayCluster>(std::move(set), options);
  HEADRACE_TRY(cluster->open());
  return std::unique_ptr<Cluster>(std::move(cluster));
}

}  // namespace headrace::cluster
