// SPDX-License-Identifier: Apache-2.0
#include "headrace/cluster/cluster.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "headrace/base/log.h"
#include "headrace/base/text.h"
#include "headrace/cluster/processes.h"
#include "headrace/cluster/ray.h"

namespace headrace::cluster {
namespace {

constexpr std::chrono::seconds kStartMax(30);
constexpr int kWorkersMax = 4096;

Error bad_place(std::string_view on) {
  return Error(Code::kUsage, cat("--on ", on, " names no place to run"), "use processes:N, ray://ADDRESS, or workers:N@ADDRESS");
}

Result<int> count_of(std::string_view text, std::string_view on) {
  int count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (problem != std::errc() || end != text.data() + text.size()) return bad_place(on);
  if (count < 1 || count > kWorkersMax) return Error(Code::kUsage, cat("--on ", on, ": from 1 to ", kWorkersMax, " workers"));
  return count;
}

FleetOptions fleet_options(const ClusterOptions& options, int count) {
  FleetOptions out;
  out.object_bytes = options.object_bytes;
  out.workers_expected = count;
  out.largest_host.cpu = count;
  return out;
}

// Native workers, Python workers, or both, in one fleet.
class ProcessCluster : public Cluster {
 public:
  static Result<std::unique_ptr<Cluster>> open(int count, const ClusterOptions& options) {
    auto cluster = std::make_unique<ProcessCluster>();
    HEADRACE_ASSIGN(cluster->fleet_, Fleet::start(fleet_options(options, count + options.python)));
    if (count > 0) {
      HEADRACE_ASSIGN(
          cluster->native_,
          Processes::start(*cluster->fleet_, {.count = count, .program = options.program, .words = {}, .name = {}, .address = {}}));
    }
    if (options.python > 0) {
      HEADRACE_ASSIGN(std::string python, find_python("headrace.worker"));
      HEADRACE_ASSIGN(cluster->python_, Processes::start(*cluster->fleet_, {.count = options.python,
                                                                            .program = std::move(python),
                                                                            .words = {"-m", "headrace.worker"},
                                                                            .name = "python-",
                                                                            .address = {}}));
    }
    HEADRACE_TRY(cluster->fleet_->wait_for_workers(1, kStartMax));
    return std::unique_ptr<Cluster>(std::move(cluster));
  }
  Fleet& fleet() override { return *fleet_; }

 private:
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<Processes> native_, python_;   // end before the fleet
};

class OpenCluster : public Cluster {
 public:
  static Result<std::unique_ptr<Cluster>> open(int count, const io::Address& address, const ClusterOptions& options) {
    auto cluster = std::make_unique<OpenCluster>();
    FleetOptions set = fleet_options(options, count);
    set.listen = {address};
    HEADRACE_ASSIGN(cluster->fleet_, Fleet::start(std::move(set)));
    log(LogLevel::kWarning, cat("waiting for workers; start each with: HEADRACE_TOKEN=", cluster->fleet_->token(),
                                " headrace worker --connect ", cluster->fleet_->addresses().back().text()));
    constexpr std::chrono::minutes kPatience(10);
    HEADRACE_TRY(cluster->fleet_->wait_for_workers(1, kPatience));
    return std::unique_ptr<Cluster>(std::move(cluster));
  }
  Fleet& fleet() override { return *fleet_; }

 private:
  std::unique_ptr<Fleet> fleet_;
};

}  // namespace

Result<std::string> find_python(const std::string& module) {
  const char* set = std::getenv("HEADRACE_PYTHON");
  std::string python = set != nullptr && *set != '\0' ? set : "";
  if (python.empty()) {
    const char* path = std::getenv("PATH");
    for (const std::string& folder : split(path == nullptr ? "/usr/bin" : path, ':')) {
      if (python = folder + "/python3"; access(python.c_str(), X_OK) == 0) break;
      python.clear();
    }
  }
  if (python.empty() || access(python.c_str(), X_OK) != 0) {
    return Error(Code::kEnvironment, python.empty() ? "there is no python3 on the path" : cat(python, " cannot be run"),
                 "install Python 3.9 or newer, or set HEADRACE_PYTHON");
  }
  HEADRACE_ASSIGN(const int code, run_quietly(python, {"-c", cat("import ", module)}));
  if (code != 0) {
    return Error(Code::kEnvironment, cat(python, " cannot import ", module),
                 cat("run: ", python, " -m pip install ./python, or set HEADRACE_PYTHON to a Python that has it"));
  }
  return python;
}

Result<std::unique_ptr<Cluster>> Cluster::open(std::string_view on, const ClusterOptions& options) {
  const std::size_t colon = on.find(':');
  const std::string_view kind = on.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view() : on.substr(colon + 1);
  if (on == "here") return ProcessCluster::open(0, options);
  if (kind == "processes") {
    HEADRACE_ASSIGN(const int count, count_of(rest, on));
    return ProcessCluster::open(count, options);
  }
  if (kind == "ray" && rest.substr(0, 2) == "//") {
    HEADRACE_ASSIGN(const RayOptions ray, RayOptions::parse(rest.substr(2)));
    return open_ray(ray, options);
  }
  const std::size_t at = rest.find('@');
  if (kind == "workers" && at != std::string_view::npos) {
    HEADRACE_ASSIGN(const int count, count_of(rest.substr(0, at), on));
    const auto address = io::Address::parse(rest.substr(at + 1));
    if (!address.ok()) return Error(address.error()).within(cat("--on ", on));
    return OpenCluster::open(count, *address, options);
  }
  return bad_place(on);
}

}  // namespace headrace::cluster
