// SPDX-License-Identifier: Apache-2.0
#include "cli/live.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>

#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::cli {
namespace {

using config::Value;

std::string live_folder(const std::string& store_folder) { return store_folder + "/live"; }

Value node_value(const NodeProgress& node) {
  Value out;
  out.set("name", node.name);
  out.set("total", node.total);
  out.set("ended", node.ended);
  out.set("running", node.running);
  out.set("failed", node.failed);
  out.set("rate", node.rate);
  return out;
}

Value worker_value(const cluster::WorkerInfo& worker) {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  Value out;
  out.set("name", worker.slot.empty() ? std::to_string(worker.id) : worker.slot);
  out.set("host", worker.host);
  out.set("language", worker.language);
  out.set("pid", worker.pid);
  out.set("calls_done", number(worker.calls_done));
  out.set("calls_held", worker.calls_held);
  out.set("running", worker.running);
  out.set("rss_bytes", number(worker.rss_bytes));
  out.set("object_bytes", number(worker.object_bytes));
  out.set("spilled_bytes", number(worker.spilled_bytes));
  out.set("cpu_seconds", worker.cpu_seconds);
  return out;
}

bool is_alive(std::int64_t pid) { return pid > 0 && (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM); }

}  // namespace

Value live_value(const std::string& pipeline, const ProgressSnapshot& progress, const cluster::FleetReport* fleet) {
  Value out;
  out.set("pid", static_cast<std::int64_t>(getpid()));
  out.set("pipeline", pipeline);
  out.set("started_us", system_clock().wall_us() - static_cast<std::int64_t>(progress.seconds * 1e6));
  out.set("seconds", progress.seconds);
  out.set("total", progress.total);
  out.set("ended", progress.ended);
  out.set("failed", progress.failed);
  out.set("remembered", progress.remembered);
  out.set("rate", progress.rate);
  out.set("left_s", progress.left_s);
  config::List nodes;
  for (const NodeProgress& node : progress.nodes) nodes.push_back(node_value(node));
  out.set("nodes", std::move(nodes));
  if (fleet == nullptr) return out;
  config::List workers;
  for (const cluster::WorkerInfo& worker : fleet->workers) workers.push_back(worker_value(worker));
  out.set("workers", std::move(workers));
  out.set("waiting", static_cast<std::int64_t>(fleet->load.waiting));
  out.set("queued", static_cast<std::int64_t>(fleet->load.queued));
  out.set("workers_lost", static_cast<std::int64_t>(fleet->workers_lost));
  out.set("calls_again", static_cast<std::int64_t>(fleet->calls_again));
  out.set("object_bytes", static_cast<std::int64_t>(fleet->object_bytes));
  out.set("spilled_bytes", static_cast<std::int64_t>(fleet->spilled_bytes));
  return out;
}

LiveFile::LiveFile(const std::string& store_folder, std::string pipeline, const Progress& progress, const cluster::Fleet* fleet)
    : path_(cat(live_folder(store_folder), '/', getpid(), ".json")), pipeline_(std::move(pipeline)), progress_(progress), fleet_(fleet) {
  thread_ = std::jthread([this, folder = live_folder(store_folder)](const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kPeriod(500);
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock(mutex);
    // Short runs leave no trace: nobody could look that fast.
    while (!woken.wait_for(lock, stop, kPeriod, [&] { return stop.stop_requested(); })) {
      if (!io::make_folders(folder).ok()) return;
      write();
    }
  });
}

LiveFile::~LiveFile() {
  thread_.request_stop();
  thread_.join();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

// Renamed into place, so that a reader sees a whole document; not synced, since it is worth nothing after a crash.
void LiveFile::write() const {
  std::optional<cluster::FleetReport> report;
  if (fleet_ != nullptr) report = fleet_->report();
  const std::string text = config::to_json(live_value(pipeline_, progress_.snapshot(), report.has_value() ? &*report : nullptr)) + "\n";
  const std::string aside = path_ + ".aside";
  std::FILE* file = std::fopen(aside.c_str(), "we");
  if (file == nullptr) return;
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) == 0 && whole) std::rename(aside.c_str(), path_.c_str());
}

std::vector<Value> live_runs(const std::string& store_folder) {
  std::vector<Value> runs;
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(live_folder(store_folder), error)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    if (!is_alive(std::atoll(path.stem().c_str()))) {
      std::filesystem::remove(path, error);
      continue;
    }
    auto text = io::read_file(path.string(), 16 << 20);
    if (!text.ok()) continue;   // it ended just now
    auto value = config::parse_json(*text, path.string());
    if (value.ok() && value->is_map()) runs.push_back(std::move(value).value());
  }
  std::stable_sort(runs.begin(), runs.end(), [](const Value& left, const Value& right) {
    const auto start = [](const Value& run) {
      return run.find("started_us") == nullptr ? std::int64_t{0} : run.find("started_us")->integer();
    };
    return start(left) < start(right);
  });
  return runs;
}

}  // namespace headrace::cli
