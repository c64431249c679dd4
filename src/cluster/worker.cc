// SPDX-License-Identifier: Apache-2.0
// The loop of a worker: it takes calls, sees to it that their objects are here, and hands them to Labour.

#include "headrace/cluster/worker.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>

#include "cluster/labour.h"
#include "cluster/transfer.h"
#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::cluster {
namespace {

using exec::CallId;
using exec::ObjectNumber;

constexpr std::chrono::seconds kConnectMax(10);
constexpr std::chrono::seconds kStopMax(2);          // an operator that does not look at its stop token for so long takes the worker along
constexpr std::chrono::seconds kDriverSilenceMax(60);
constexpr std::int64_t kTellStartedUs = 150'000;     // shorter calls are reported by their end only: a message less for the driver
constexpr std::chrono::milliseconds kLookPeriod(3);  // how often that is looked at

class Worker {
 public:
  Worker(const WorkerOptions& options, exec::Packs& packs, std::unique_ptr<io::Loop> loop)
      : options_(options), packs_(packs), loop_(std::move(loop)), outgoing_(*loop_) {}

  Status run();

 private:
  struct Waiting {
    Task task;
    std::size_t missing = 0;
  };
  struct Peer {
    std::shared_ptr<io::Channel> channel;
    std::vector<ObjectNumber> wanted;                // asked for before it was open, or not answered yet
  };

  void connected(Result<std::shared_ptr<io::Channel>> channel);
  void say_hello();
  Status on_frame(io::Frame& frame);
  Status on_welcome(io::Frame& frame);
  Status on_refused(io::Frame& frame);
  Status on_recipe(io::Frame& frame);
  Status on_objects(io::Frame& frame);
  Status on_call(io::Frame& frame);
  Status on_cancel(io::Frame& frame);
  Result<bool> take_input(const wire::Input& input, io::Frame& frame);
  void wait_for(CallId call, const wire::Input& input);
  void arrived(ObjectNumber number, Result<exec::Encoded> encoded);
  void fetch_from(const std::string& address, ObjectNumber number);
  void serve_peer(std::shared_ptr<io::Channel> channel);
  void answer_fetch(const std::shared_ptr<io::Channel>& channel, ObjectNumber number);
  void fail_call(CallId call, const Error& error, ObjectNumber lost);
  void heartbeat();
  void labour(Task task);
  void tell_started();
  void end(Status status);

  const WorkerOptions& options_;
  exec::Packs& packs_;
  std::unique_ptr<io::Loop> loop_;
  std::shared_ptr<io::Channel> channel_;
  wire::Welcome welcome_;
  ObjectTable objects_;
  Outgoing outgoing_;
  Incoming incoming_;
  std::unique_ptr<Labour> labour_;
  std::unique_ptr<io::Listener> data_;               // where peers fetch
  std::map<std::string, Peer> peers_;                // by address
  std::map<std::uint64_t, std::shared_ptr<const exec::Recipe>> recipes_;
  std::map<CallId, Waiting> waiting_;                // for objects
  std::multimap<ObjectNumber, CallId> waits_for_;
  std::int64_t heard_us_ = 0;
  bool tells_ = false;                               // a timer for `tell_started` runs
  Status ended_;
};

Status Worker::run() {
  io::Channel::connect(*loop_, options_.driver, {}, kConnectMax, [this](auto channel) { connected(std::move(channel)); });
  loop_->run();
  // Whatever still runs is of no use to anybody.
  if (labour_ != nullptr && !ended_.ok()) _exit(code_exit(ended_.error().code));
  return ended_;
}

void Worker::end(Status status) {
  ended_ = std::move(status);
  loop_->stop();
}

void Worker::connected(Result<std::shared_ptr<io::Channel>> channel) {
  if (!channel.ok()) return end(std::move(channel).error());
  channel_ = std::move(channel).value();
  channel_->start([this](io::Frame& frame) { return on_frame(frame); },
                  [this](const Status& cause) {
                    if (!ended_.ok()) return;
                    end(cause.ok() ? Error(Code::kClosed, "the driver is gone") : cause.error());
                  });
  if (!channel_->is_unix() || !options_.data_host.empty()) {
    const auto identity = io::TlsIdentity::create();
    if (!identity.ok()) return end(identity.error());
    const std::string host = options_.data_host.empty() ? "0.0.0.0" : options_.data_host;
    auto data = io::Listener::open(*loop_, {.kind = io::Address::Kind::kTls, .host = host, .port = 0, .certificate = {}}, *identity, {},
                                   [this](std::shared_ptr<io::Channel> peer) { serve_peer(std::move(peer)); });
    if (!data.ok()) return end(std::move(data).error());
    data_ = std::move(data).value();
  }
  say_hello();
}

void Worker::say_hello() {
  wire::Hello hello;
  hello.set_protocol(kProtocol);
  hello.set_version(HEADRACE_VERSION);
  hello.set_pack_abi(HEADRACE_PACK_ABI);
  hello.set_token(options_.token);
  hello.set_host(host_identity());
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  hello.set_host_name(name);
  hello.set_pid(getpid());
  hello.mutable_resources()->set_cpu(options_.cpu);
  hello.mutable_resources()->set_memory_bytes(options_.memory_bytes);
  hello.mutable_resources()->set_gpu(options_.gpu);
  hello.set_language("native");
  hello.set_slot(options_.slot);
  if (data_ != nullptr) hello.add_data_addresses(data_->address().text());
  const Status sent = send(*channel_, wire::HELLO, hello, {}, true);
  if (!sent.ok()) end(sent);
}

Status Worker::on_frame(io::Frame& frame) {
  heard_us_ = system_clock().monotonic_us();
  if (labour_ == nullptr) {
    if (frame.kind == wire::WELCOME) return on_welcome(frame);
    if (frame.kind == wire::REFUSED) return on_refused(frame);
    return Error(Code::kProtocol, cat("the driver sent a frame of kind ", frame.kind, " before its welcome"));
  }
  switch (frame.kind) {
    case wire::RECIPE: return on_recipe(frame);
    case wire::OBJECTS: return on_objects(frame);
    case wire::CALL: return on_call(frame);
    case wire::CANCEL: return on_cancel(frame);
    case wire::CHUNK: return incoming_.on_chunk(frame.payload);
    case wire::FORGET: {
      wire::Forget message;
      HEADRACE_TRY(parse(frame, message));
      for (const ObjectNumber number : message.objects()) objects_.forget(number);
      return {};
    }
    case wire::FETCH: {
      wire::Fetch message;
      HEADRACE_TRY(parse(frame, message));
      answer_fetch(channel_, message.object());
      return {};
    }
    case wire::MISSING: {
      wire::Missing message;
      HEADRACE_TRY(parse(frame, message));
      incoming_.fail(message.object(), Error(Code::kObjectLost, cat("nobody has object ", message.object())));
      return {};
    }
    case wire::HEARTBEAT: {
      wire::Heartbeat message;
      HEADRACE_TRY(parse(frame, message));
      labour_->set_pressure(message.pressure());
      return {};
    }
    case wire::SHUTDOWN: {
      end({});
      return {};
    }
    default: return Error(Code::kProtocol, cat("the driver sent a frame of kind ", frame.kind));
  }
}

Status Worker::on_welcome(io::Frame& frame) {
  HEADRACE_TRY(parse(frame, welcome_));
  labour_ = std::make_unique<Labour>(packs_, objects_, channel_,
                                     LabourOptions{welcome_.inline_max(), welcome_.spill_folder(), channel_->is_unix()});
  heartbeat();
  return {};
}

Status Worker::on_refused(io::Frame& frame) {
  wire::Refused message;
  HEADRACE_TRY(parse(frame, message));
  end(error_of(message.code(), message.message(), message.advice()));
  return {};
}

Status Worker::on_recipe(io::Frame& frame) {
  wire::Recipe message;
  HEADRACE_TRY(parse(frame, message));
  HEADRACE_ASSIGN(recipes_[message.number()], from_wire(message));
  return {};
}

// True when the object is here now.
Result<bool> Worker::take_input(const wire::Input& input, io::Frame& frame) {
  if (objects_.has(input.object())) return true;
  if (input.descriptor() > 0) {
    const auto index = static_cast<std::size_t>(input.descriptor() - 1);
    if (index >= frame.descriptors.size()) return Error(Code::kProtocol, "an object names a descriptor that did not come");
    HEADRACE_ASSIGN(const auto blob, Blob::adopt(std::move(frame.descriptors[index]), input.size()));
    objects_.put(input.object(), exec::Encoded{blob->bytes(), blob}, blob);
    return true;
  }
  if (!input.inline_().empty()) {
    auto bytes = std::make_shared<const std::string>(input.inline_());
    objects_.put(input.object(), exec::Encoded{*bytes, bytes});
    return true;
  }
  return false;
}

Status Worker::on_objects(io::Frame& frame) {
  wire::Objects message;
  HEADRACE_TRY(parse(frame, message));
  for (const wire::Input& input : message.objects()) {
    HEADRACE_ASSIGN(const bool here, take_input(input, frame));
    if (!here) return Error(Code::kProtocol, "an object came without its bytes");
  }
  return {};
}

Status Worker::on_call(io::Frame& frame) {
  wire::Call call;
  HEADRACE_TRY(parse(frame, call));
  const auto recipe = recipes_.find(call.recipe());
  if (recipe == recipes_.end()) return Error(Code::kProtocol, cat("call ", call.number(), " names no recipe"));
  Waiting waiting;
  waiting.task.call = call.number();
  HEADRACE_ASSIGN(waiting.task.work, work_of(call, recipe->second));
  waiting.task.outputs.assign(call.outputs().begin(), call.outputs().end());
  waiting.task.timed = call.timed();
  std::vector<const wire::Input*> missing;
  const auto take = [&](const wire::Input& input) -> Status {
    HEADRACE_ASSIGN(const bool here, take_input(input, frame));
    if (!here) missing.push_back(&input);
    return {};
  };
  for (const wire::Input& input : call.inputs()) {
    waiting.task.inputs.push_back(input.object());
    HEADRACE_TRY(take(input));
  }
  if (call.has_model()) {
    waiting.task.model = call.model().object();
    HEADRACE_TRY(take(call.model()));
  }
  if (missing.empty()) {
    labour(std::move(waiting.task));
    return {};
  }
  waiting.missing = missing.size();
  waiting_.emplace(call.number(), std::move(waiting));
  for (const wire::Input* input : missing) wait_for(call.number(), *input);
  return {};
}

// Asks whoever has it: the first of its peers that can be reached, else the driver.
void Worker::wait_for(CallId call, const wire::Input& input) {
  const ObjectNumber number = input.object();
  waits_for_.emplace(number, call);
  if (!incoming_.want(number, [this, number](auto encoded) { arrived(number, std::move(encoded)); })) return;
  if (input.peers_size() > 0) return fetch_from(input.peers(0), number);
  wire::Fetch message;
  message.set_object(number);
  (void)send(*channel_, wire::FETCH, message);   // without the driver this process ends
}

void Worker::arrived(ObjectNumber number, Result<exec::Encoded> encoded) {
  const auto [first, last] = waits_for_.equal_range(number);
  std::vector<CallId> calls;
  for (auto entry = first; entry != last; ++entry) calls.push_back(entry->second);
  waits_for_.erase(first, last);
  for (auto& [address, peer] : peers_) std::erase(peer.wanted, number);
  if (encoded.ok()) objects_.put(number, std::move(encoded).value());
  for (const CallId call : calls) {
    const auto found = waiting_.find(call);
    if (found == waiting_.end()) continue;
    if (!objects_.has(number)) {
      fail_call(call, encoded.error(), number);
      waiting_.erase(found);
    } else if (--found->second.missing == 0) {
      labour(std::move(found->second.task));
      waiting_.erase(found);
    }
  }
}

void Worker::fetch_from(const std::string& address, ObjectNumber number) {
  const auto ask = [this](Peer& peer, ObjectNumber wanted) {
    wire::Fetch message;
    message.set_object(wanted);
    message.set_token(welcome_.data_token());
    (void)send(*peer.channel, wire::FETCH, message, {}, true);   // if it cannot be sent, on_closed says so
  };
  const auto give_up = [this](const std::string& at, const Error& error) {
    const auto found = peers_.find(at);
    if (found == peers_.end()) return;
    const std::vector<ObjectNumber> wanted = std::move(found->second.wanted);
    peers_.erase(found);
    for (const ObjectNumber one : wanted) incoming_.fail(one, Error(Code::kObjectLost, cat("from ", at, ": ", error.message)));
  };
  const auto [found, fresh] = peers_.try_emplace(address);
  Peer& peer = found->second;
  peer.wanted.push_back(number);
  if (peer.channel != nullptr) return ask(peer, number);
  if (!fresh) return;
  const auto parsed = io::Address::parse(address);
  if (!parsed.ok()) return give_up(address, parsed.error());
  io::Channel::connect(*loop_, *parsed, {}, kConnectMax, [this, address, ask, give_up](Result<std::shared_ptr<io::Channel>> channel) {
    if (!channel.ok()) return give_up(address, channel.error());
    Peer& open = peers_[address];
    open.channel = std::move(channel).value();
    open.channel->start(
        [this, address](io::Frame& frame) -> Status {
          if (frame.kind == wire::CHUNK) return incoming_.on_chunk(frame.payload);
          if (frame.kind != wire::MISSING) return Error(Code::kProtocol, cat("a peer sent a frame of kind ", frame.kind));
          wire::Missing message;
          HEADRACE_TRY(parse(frame, message));
          incoming_.fail(message.object(), Error(Code::kObjectLost, cat(address, " does not have object ", message.object())));
          return {};
        },
        [address, give_up](const Status& cause) {
          give_up(address, cause.ok() ? Error(Code::kClosed, "the peer is gone") : cause.error());
        });
    for (const ObjectNumber wanted : open.wanted) ask(open, wanted);
  });
}

void Worker::serve_peer(std::shared_ptr<io::Channel> channel) {
  const std::weak_ptr<io::Channel> weak = channel;
  channel->start(
      [this, weak](io::Frame& frame) -> Status {
        if (frame.kind != wire::FETCH) return Error(Code::kProtocol, cat("a peer sent a frame of kind ", frame.kind));
        wire::Fetch message;
        HEADRACE_TRY(parse(frame, message));
        const bool known = message.token() == welcome_.data_token() && !welcome_.data_token().empty();
        if (!known) return Error(Code::kRefused, "a peer without the token");
        if (const auto open = weak.lock()) answer_fetch(open, message.object());
        return {};
      },
      [this, key = channel.get(), channel](const Status&) { outgoing_.drop(key); });
}

void Worker::answer_fetch(const std::shared_ptr<io::Channel>& channel, ObjectNumber number) {
  const auto bytes = objects_.bytes(number);
  if (!bytes.has_value()) return outgoing_.missing(*channel, number);
  outgoing_.send(channel, number, *bytes);
}

void Worker::fail_call(CallId call, const Error& error, ObjectNumber lost) {
  wire::Done message;
  message.set_call(call);
  message.set_lost_object(lost);
  to_wire(error, *message.mutable_error());
  message.set_start_us(system_clock().wall_us());
  message.set_end_us(message.start_us());
  (void)send(*channel_, wire::DONE, message);
}

Status Worker::on_cancel(io::Frame& frame) {
  wire::Cancel message;
  HEADRACE_TRY(parse(frame, message));
  const CallId call = message.call();
  const bool waits = waiting_.erase(call) > 0;
  const Labour::Removal removal = waits ? Labour::Removal::kRemoved : labour_->remove(call);
  if (removal == Labour::Removal::kUnknown) return {};   // it has ended: its report is on the way
  if (removal == Labour::Removal::kRemoved) {
    if (!message.recall()) {
      fail_call(call, Error(Code::kCancelled, "it was stopped before it began"), 0);
      return {};
    }
    wire::Returned answer;
    answer.set_call(call);
    return send(*channel_, wire::RETURNED, answer);
  }
  if (message.recall()) {
    wire::Started answer;
    answer.set_call(call);
    return send(*channel_, wire::STARTED, answer);
  }
  labour_->stop_running(call);
  loop_->after(kStopMax, [this, call] {
    if (!labour_->runs(call)) return;
    end(Error(Code::kTimeout, cat("call ", call, " was asked to stop and did not")));
  });
  return {};
}

void Worker::heartbeat() {
  wire::Heartbeat message;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  unsigned long pages = 0, resident = 0;
  if (file != nullptr) {
    if (std::fscanf(file, "%lu %lu", &pages, &resident) == 2) message.set_rss_bytes(resident * static_cast<unsigned long>(getpagesize()));
    std::fclose(file);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  message.set_cpu_seconds(static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                          static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6);
  message.set_object_bytes(objects_.memory_bytes());
  message.set_spilled_bytes(objects_.spilled_bytes());
  (void)send(*channel_, wire::HEARTBEAT, message, {}, true);   // if it cannot be sent, on_closed says so
  // Only a driver on another host can vanish without an end of file.
  const std::int64_t silent_us = system_clock().monotonic_us() - heard_us_;
  if (!channel_->is_unix() && silent_us > std::chrono::microseconds(kDriverSilenceMax).count()) {
    return end(Error(Code::kClosed, "the driver has been silent for a minute"));
  }
  loop_->after(std::chrono::milliseconds(std::max<std::uint32_t>(10, welcome_.heartbeat_ms())), [this] { heartbeat(); });
}

void Worker::labour(Task task) {
  labour_->add(std::move(task));
  if (std::exchange(tells_, true)) return;
  loop_->after(kLookPeriod, [this] { tell_started(); });
}

void Worker::tell_started() {
  if (const auto call = labour_->running_since(kTellStartedUs)) {
    wire::Started message;
    message.set_call(*call);
    (void)send(*channel_, wire::STARTED, message, {}, true);
  }
  tells_ = labour_->busy();
  if (tells_) loop_->after(kLookPeriod, [this] { tell_started(); });
}

}  // namespace

Status run_worker(const WorkerOptions& options, exec::Packs& packs) {
  if (options.parent != 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != options.parent) return Error(Code::kClosed, "the process that started this worker is gone");
  }
  HEADRACE_ASSIGN(auto loop, io::Loop::create());
  return Worker(options, packs, std::move(loop)).run();
}

}  // namespace headrace::cluster
