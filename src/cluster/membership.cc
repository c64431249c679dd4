// SPDX-License-Identifier: Apache-2.0
// The half of the dispatcher that listens: who connects, what workers say, who died.

#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "cluster/dispatcher.h"
#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"
#include "headrace/exec/operator.h"

namespace headrace::cluster {
namespace {

constexpr std::chrono::seconds kHelloMax(5);
constexpr std::size_t kStrangersMax = 256;
constexpr double kAmountMax = 1e6;                                   // of a resource: more is no host
constexpr std::int64_t kWallMaxUs = 10'000'000'000'000'000;          // the year 2286: differences of times do not overflow

Status check_resources(const wire::Resources& brought) {
  const auto counts = [](double amount) { return amount >= 0 && amount <= kAmountMax; };   // not a NaN either
  bool well = counts(brought.cpu()) && counts(brought.gpu());
  for (const auto& [name, amount] : brought.custom()) well = well && counts(amount);
  if (well) return {};
  return Error(Code::kBadValue, "the worker brings an amount of something that is no number from 0 to a million");
}

Status check_hello(const wire::Hello& hello, const std::string& token) {
  const bool same = hello.token().size() == token.size() && CRYPTO_memcmp(hello.token().data(), token.data(), token.size()) == 0;
  if (!same) {
    return Error(Code::kRefused, "the token is not the one of this fleet", "start the worker with the token that the driver printed");
  }
  if (hello.protocol() != kProtocol) {
    return Error(Code::kVersion, cat("the worker speaks protocol ", hello.protocol(), ", the driver ", kProtocol),
                 "install the same version on both sides");
  }
  if (hello.version() != HEADRACE_VERSION) {
    return Error(Code::kVersion, cat("the worker is version ", hello.version(), ", the driver ", HEADRACE_VERSION),
                 "install the same version on both sides: equal results need equal programs");
  }
  if (hello.language() == "native" && hello.pack_abi() != HEADRACE_PACK_ABI) {
    return Error(Code::kVersion, cat("the worker's packs have ABI ", hello.pack_abi(), ", the driver's ", HEADRACE_PACK_ABI));
  }
  return check_resources(hello.resources());
}

WorkerInfo info_of(const wire::Hello& hello, exec::WorkerId id, const io::Channel& channel) {
  return {.id = id, .slot = hello.slot(), .host = hello.host_name(), .language = hello.language(), .pid = hello.pid(),
          .address = channel.peer_text(), .since_us = system_clock().wall_us(), .running = {}};
}

}  // namespace

std::uint32_t language_number(std::string_view language) { return language == "python" ? 1 : 0; }

std::string Dispatcher::Worker::title() const { return info.slot.empty() ? cat("worker ", info.id) : cat("worker ", info.slot); }

void Dispatcher::accept(std::shared_ptr<io::Channel> channel) {
  io::Channel* const key = channel.get();
  if (strangers_.size() >= kStrangersMax) return channel->close();
  if (const auto user = channel->peer_user(); user.has_value() && *user != geteuid()) {
    refuse(channel, Error(Code::kRefused, cat("user ", *user, " is not the driver's")));
    return;
  }
  strangers_[key] = loop_.after(kHelloMax, [this, key, channel] {
    strangers_.erase(key);
    refuse(channel, Error(Code::kTimeout, "nothing was said for 5 s"));
  });
  // Until it is welcomed, frames come here; afterwards to `on_frame` with its number.
  auto id = std::make_shared<exec::WorkerId>(0);
  const std::weak_ptr<io::Channel> weak = channel;
  channel->start(
      [this, weak, id, key](io::Frame& frame) -> Status {
        if (*id != 0) return on_frame(*id, frame);
        const auto channel_now = weak.lock();
        const auto stranger = strangers_.find(key);
        if (channel_now == nullptr || stranger == strangers_.end()) return Error(Code::kClosed, "not welcome");
        loop_.cancel(stranger->second);
        strangers_.erase(stranger);
        HEADRACE_TRY(on_hello(channel_now, frame));
        *id = next_worker_ - 1;
        return {};
      },
      [this, id, key](const Status& cause) {
        const auto stranger = strangers_.find(key);
        if (stranger != strangers_.end()) {
          loop_.cancel(stranger->second);
          strangers_.erase(stranger);
        }
        if (*id != 0) return lose(*id, cause);
        if (!cause.ok()) log(LogLevel::kWarning, cat("a connection was closed: ", cause.error().text()));
      });
}

Status Dispatcher::on_hello(const std::shared_ptr<io::Channel>& channel, io::Frame& frame) {
  if (frame.kind != wire::HELLO) {
    const Error error(Code::kProtocol, cat("the first frame is of kind ", frame.kind, ", not a hello"));
    refuse(channel, error);
    return error;
  }
  wire::Hello hello;
  HEADRACE_TRY(parse(frame, hello));
  if (const Status known = check_hello(hello, options_.token); !known.ok()) {
    log(LogLevel::kWarning, cat("refused ", channel->peer_text(), ": ", known.error().message));
    refuse(channel, known.error());
    return known;
  }
  welcome(channel, hello);
  return {};
}

void Dispatcher::refuse(const std::shared_ptr<io::Channel>& channel, const Error& error) {
  wire::Refused message;
  message.set_code(static_cast<std::uint32_t>(error.code));
  message.set_message(error.message);
  message.set_advice(error.advice);
  (void)send(*channel, wire::REFUSED, message, {}, true);
  channel->close(std::chrono::milliseconds(200));
}

void Dispatcher::welcome(std::shared_ptr<io::Channel> channel, const wire::Hello& hello) {
  const exec::WorkerId id = next_worker_++;
  auto worker = std::make_unique<Worker>();
  worker->info = info_of(hello, id, *channel);
  worker->shares = channel->is_unix();
  worker->heard_us = now();
  worker->data_addresses.assign(hello.data_addresses().begin(), hello.data_addresses().end());
  Host& host = hosts_[worker->shares ? "here" : hello.host()];
  if (host.id == 0) host.id = static_cast<exec::HostId>(hosts_.size());
  host.capacity.cpu += hello.resources().cpu() > 0 ? hello.resources().cpu() : 1;
  host.capacity.gpu += hello.resources().gpu();
  host.capacity.memory_bytes = std::max(host.capacity.memory_bytes, hello.resources().memory_bytes());
  for (const auto& [name, amount] : hello.resources().custom()) host.capacity.custom[name] += amount;
  worker->host = host.id;
  worker->asked = hello.resources();
  worker->host_name = worker->shares ? "here" : hello.host();
  wire::Welcome message;
  message.set_worker(id);
  message.set_heartbeat_ms(static_cast<std::uint32_t>(options_.heartbeat.count()));
  message.set_silence_ms(static_cast<std::uint32_t>(options_.silence.count()));
  message.set_inline_max(options_.inline_bytes);
  message.set_spill_folder(hub_->spill_folder());
  message.set_data_token(options_.token);
  worker->channel = std::move(channel);
  (void)send(*worker->channel, wire::WELCOME, message, {}, true);   // if it cannot be sent, the connection is closing
  scheduler_.add_host(host.id, host.capacity);
  scheduler_.add_worker(id, host.id, language_number(hello.language()), now());
  workers_.emplace(id, std::move(worker));
  if (on_change) on_change();
  act();
}

Status Dispatcher::on_frame(exec::WorkerId id, io::Frame& frame) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return Error(Code::kClosed, "the worker was given up");
  Worker& worker = *found->second;
  worker.heard_us = now();
  switch (frame.kind) {
    case wire::DONE: return on_done(worker, frame);
    case wire::STARTED: return on_started(worker, frame);
    case wire::HEARTBEAT: return on_heartbeat(worker, frame);
    case wire::CHUNK: return incoming_.on_chunk(frame.payload);
    case wire::RETURNED: {
      wire::Returned message;
      HEADRACE_TRY(parse(frame, message));
      worker.calls.erase(message.call());
      scheduler_.returned(message.call(), id, now());
      act();
      return {};
    }
    case wire::PROGRESS: {
      wire::Progress message;
      HEADRACE_TRY(parse(frame, message));
      const auto running = running_.find(message.call());
      if (!std::isfinite(message.share())) return Error(Code::kProtocol, cat(worker.title(), " gave a share that is no number"));
      if (running != running_.end() && running->second.job->call.progress) running->second.job->call.progress(message.share());
      return {};
    }
    case wire::LOG: {
      wire::Log message;
      HEADRACE_TRY(parse(frame, message));
      log(static_cast<LogLevel>(std::min<std::uint32_t>(message.level(), 3)), cat(worker.title(), ": ", message.text()));
      return {};
    }
    case wire::FETCH: {
      wire::Fetch message;
      HEADRACE_TRY(parse(frame, message));
      const auto object = objects_.find(message.object());
      const auto held = object == objects_.end() ? nullptr : object->second.lock();
      const FleetHeld::Ready ready = held == nullptr ? FleetHeld::Ready{} : held->ready();
      if (ready.bytes.owner == nullptr) {
        outgoing_.missing(*worker.channel, message.object());
      } else {
        outgoing_.send(worker.channel, message.object(), ready.bytes);
      }
      return {};
    }
    case wire::MISSING: {
      wire::Missing message;
      HEADRACE_TRY(parse(frame, message));
      incoming_.fail(message.object(), Error(Code::kObjectLost, cat("worker ", id, " does not have object ", message.object())));
      return {};
    }
    default: return Error(Code::kProtocol, cat(worker.title(), " sent a frame of kind ", frame.kind));
  }
}

Status Dispatcher::on_started(Worker& worker, io::Frame& frame) {
  wire::Started message;
  HEADRACE_TRY(parse(frame, message));
  scheduler_.started(message.call(), worker.info.id, now());
  const auto running = running_.find(message.call());
  if (running != running_.end() && worker.calls.contains(message.call())) begin(running->second, worker.info.id);
  act();
  return {};
}

Status Dispatcher::on_heartbeat(Worker& worker, io::Frame& frame) {
  wire::Heartbeat message;
  HEADRACE_TRY(parse(frame, message));
  worker.info.rss_bytes = message.rss_bytes();
  worker.info.object_bytes = message.object_bytes();
  worker.info.spilled_bytes = message.spilled_bytes();
  worker.info.cpu_seconds = message.cpu_seconds();
  return tell_pressure(worker);
}

Result<std::vector<exec::Handle>> Dispatcher::outputs_of(Worker& worker, const Job& job, const wire::Done& done, io::Frame& frame) {
  std::vector<exec::Handle> handles(static_cast<std::size_t>(Hub::kOutputsMax));
  for (const wire::Output& output : done.outputs()) {
    const std::uint64_t slot = output.object() - job.first_output;
    const bool asked = slot < handles.size() && handles[slot] == nullptr;
    if (!asked || output.kind() == 0 || output.kind() > static_cast<std::uint32_t>(data::Kind::kTuple)) {
      return Error(Code::kProtocol, cat(worker.title(), " gave a result that was not asked for"));
    }
    const auto kind = static_cast<data::Kind>(output.kind());
    std::shared_ptr<FleetHeld> held;
    if (output.descriptor() > 0) {
      const auto index = static_cast<std::size_t>(output.descriptor() - 1);
      if (index >= frame.descriptors.size()) return Error(Code::kProtocol, "a result names a descriptor that did not come");
      HEADRACE_ASSIGN(const auto blob, Blob::adopt(std::move(frame.descriptors[index]), output.size()));
      hub_->adopted(*blob);
      held = std::make_shared<FleetHeld>(hub_, output.object(), kind, exec::Encoded{blob->bytes(), blob}, blob, false);
    } else if (output.size() <= options_.inline_bytes) {
      auto bytes = std::make_shared<const std::string>(output.inline_());
      held = std::make_shared<FleetHeld>(hub_, output.object(), kind, exec::Encoded{*bytes, bytes}, nullptr, true);
    } else {
      held = std::make_shared<FleetHeld>(hub_, output.object(), kind, output.size());
    }
    objects_[output.object()] = held;
    scheduler_.object_at(output.object(), worker.info.id);
    handles[slot] = std::move(held);
  }
  return handles;
}

// The worker was promised an object and could not get it.
exec::Handle Dispatcher::missed(ObjectNumber number) {
  const auto found = objects_.find(number);
  if (found == objects_.end()) return nullptr;
  scheduler_.object_gone(number);
  auto held = found->second.lock();
  if (held != nullptr && !held->is_here()) held->lost_at_workers();
  return held;
}

// Of a second attempt that came too late: nobody waits for them, but they may be the same objects that somebody holds.
void Dispatcher::forget_outputs(Worker& worker, const wire::Done& done) {
  for (const wire::Output& output : done.outputs()) {
    if (objects_.contains(output.object())) {
      scheduler_.object_at(output.object(), worker.info.id);
    } else {
      worker.forget.push_back(output.object());
    }
  }
}

Status Dispatcher::on_done(Worker& worker, io::Frame& frame) {
  wire::Done& done = done_;
  HEADRACE_TRY(parse(frame, done));
  if (std::min(done.start_us(), done.end_us()) < 0 || std::max(done.start_us(), done.end_us()) > kWallMaxUs) {
    return Error(Code::kProtocol, cat(worker.title(), " gave times that cannot be"));
  }
  const auto place = worker.calls.find(done.call());
  const bool given = place != worker.calls.end();   // nobody ends a call of another
  const int rank = given ? place->second : 0;
  if (given) worker.calls.erase(place);
  ++worker.info.calls_done;
  const bool well = !done.has_error();
  const exec::Handle lost = well || !given ? nullptr : missed(done.lost_object());
  Status status;
  const auto found = given ? running_.find(done.call()) : running_.end();
  if (found == running_.end()) forget_outputs(worker, done);
  // The results of a gang are those of its first rank.
  if (found != running_.end() && well && rank == 0 && found->second.outputs.empty()) {
    begin(found->second, worker.info.id);
    auto outputs = outputs_of(worker, *found->second.job, done, frame);
    // A worker that breaks the protocol is cut off, and its call runs elsewhere.
    if (!outputs.ok()) return outputs.error();
    found->second.outputs = std::move(outputs).value();
  }
  const bool decides = scheduler_.ended(done.call(), worker.info.id, well, now(), done.end_us() - done.start_us());
  if (found != running_.end() && decides) {
    exec::CallOutcome outcome{.outputs = std::vector<exec::Handle>{}, .worker = static_cast<int>(worker.info.id),
                              .start_us = done.start_us(), .end_us = done.end_us(), .lost = lost};
    if (well) {
      outcome.outputs = std::move(found->second.outputs);
    } else {
      outcome.outputs = from_wire(done.error());
    }
    finish(done.call(), std::move(outcome));
  }
  act();
  return {};
}

void Dispatcher::lose(exec::WorkerId id, const Status& cause) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  const std::unique_ptr<Worker> worker = std::move(found->second);
  workers_.erase(found);
  outgoing_.drop(worker->channel.get());
  worker->channel->close();
  Host& host = hosts_[worker->host_name];
  host.capacity.cpu -= worker->asked.cpu() > 0 ? worker->asked.cpu() : 1;
  host.capacity.gpu -= worker->asked.gpu();
  for (const auto& [name, amount] : worker->asked.custom()) host.capacity.custom[name] -= amount;
  for (const auto& [call, rank] : worker->calls) {
    const auto running = running_.find(call);
    if (running == running_.end()) continue;
    ++totals_.calls_again;
    if (const auto limit = running->second.limits.find(id); limit != running->second.limits.end()) {
      loop_.cancel(limit->second);
      running->second.limits.erase(limit);
    }
  }
  for (const ObjectNumber number : scheduler_.remove_worker(id, now())) {
    incoming_.fail(number, Error(Code::kObjectLost, cat("object ", number, " is gone with ", worker->title())));
    const auto object = objects_.find(number);
    const auto held = object == objects_.end() ? nullptr : object->second.lock();
    if (held != nullptr && !held->is_here()) held->lost_at_workers();
  }
  scheduler_.add_host(host.id, host.capacity);
  if (!on_empty_) {
    ++totals_.workers_lost;
    if (!cause.ok()) log(LogLevel::kWarning, cat(worker->title(), " is gone: ", cause.error().message));
  }
  for (const auto& [number, function] : on_gone) function(worker->info, cause);
  if (on_change) on_change();
  act();
  if (on_empty_ && workers_.empty()) std::exchange(on_empty_, {})();
}

// A driver that was itself stopped for a while (or starved) has not listened: then nobody is judged by that time.
void Dispatcher::watch_silence() {
  loop_.after(options_.heartbeat, [this] {
    const std::int64_t at = now();
    const std::int64_t slept = at - looked_us_ - std::chrono::microseconds(options_.heartbeat).count();
    looked_us_ = at;
    std::vector<exec::WorkerId> silent;
    for (const auto& [id, worker] : workers_) {
      if (slept > std::chrono::microseconds(options_.silence).count() / 4) worker->heard_us += slept;
      if (at - worker->heard_us > std::chrono::microseconds(options_.silence).count()) silent.push_back(id);
    }
    for (const exec::WorkerId id : silent) {
      lose(id, Error(Code::kWorkerLost, cat("nothing was heard of it for ", options_.silence.count(), " ms")));
    }
    watch_silence();
  });
}

}  // namespace headrace::cluster
