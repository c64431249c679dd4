// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "cli/pipeline.h"
#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "headrace/exec/packs.h"
#include "headrace/exec/run.h"
#include "headrace/io/file.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;

Check failed(std::string name, const Error& error) {
  return {std::move(name), false, cat("error ", static_cast<int>(error.code), " (", code_name(error.code), "): ", error.message),
          error.advice};
}

Check check_packs(Session& session) {
  const auto catalogue = session.catalogue();
  if (!catalogue.ok()) return failed("packs", catalogue.error());
  std::vector<std::string> names;
  for (const auto& [name, spec] : (*catalogue)->operators()) {
    if (spec.pack.empty() || std::find(names.begin(), names.end(), spec.pack) != names.end()) continue;
    std::string own_name;
    const auto rows = exec::open_pack((*catalogue)->library(spec.pack), &own_name);
    if (!rows.ok()) return failed("packs", rows.error());
    names.push_back(spec.pack);
  }
  if (names.empty()) return {"packs", false, "none", "build again: lib/packs beside the program is empty"};
  return {"packs", true,
          cat(join(names, ", "), " (", (*catalogue)->operators().size(), " operators, ", (*catalogue)->metrics().size(), " metrics)"), ""};
}

Check check_store(Session& session, const std::string& folder) {
  const auto store = session.store(folder);
  if (!store.ok()) return failed("store", store.error());
  const std::string probe = cat((*store)->folder(), "/.doctor-", ::getpid());
  if (const Status written = io::write_file_atomic(probe, "headrace doctor\n"); !written.ok()) return failed("store", written.error());
  std::error_code error;
  fs::remove(probe, error);
  const fs::space_info space = fs::space((*store)->folder(), error);
  return {"store", true, error ? (*store)->folder() : cat((*store)->folder(), ", ", bytes_text(space.available), " free"), ""};
}

Check check_memory() {
  const graph::Limits limits = limits_here(0, 0);
  constexpr std::uint64_t kLeast = 1'000'000'000;
  return {"memory", limits.memory_bytes >= kLeast, bytes_text(limits.memory_bytes),
          "have at least 1 GB: libtorch alone takes a third of it"};
}

// Where a library that is loaded now lies; "" when it is not loaded.
std::string loaded_library(std::string_view name) {
  struct Search {
    std::string_view name;
    std::string found;
  } search{name, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto* search = static_cast<Search*>(data);
        const std::string path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
        if (fs::path(path).filename().string().starts_with(search->name)) search->found = path;
        return search->found.empty() ? 0 : 1;
      },
      &search);
  return search.found;
}

// The version of the wheel that a library lies in, by the name of its metadata folder: "torch-2.13.0+cpu.dist-info".
std::string wheel_version(const std::string& library, const std::string& package) {
  std::error_code error;
  for (fs::path folder = fs::path(library).parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    if (folder.filename() != package) continue;
    for (const auto& entry : fs::directory_iterator(folder.parent_path(), error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(package + "-") && name.ends_with(".dist-info"))
        return name.substr(package.size() + 1, name.size() - package.size() - 11);
    }
  }
  return "unknown version";
}

Check check_engine(const std::string& name, const std::string& library_name, const std::string& package) {
  const std::string library = loaded_library(library_name);
  if (library.empty()) return {name, false, cat(library_name, " is not loaded"), "run ./headrace once more to install what is missing"};
  return {name, true, cat(wheel_version(library, package), " (", library, ")"), ""};
}

// 60 rows of two classes that a line separates, so the right answer is known: every fold scores 1.
std::string tiny_csv() {
  std::string out = "a,b,label\n";
  Random random(7);
  for (int row = 0; row < 60; ++row) {
    const double shift = row % 2 == 0 ? -3 : 3;
    const double a = shift + random.uniform(), b = -shift + random.uniform();
    out += cat(a, ",", b, ",", row % 2 == 0 ? "left" : "right", "\n");
  }
  return out;
}

constexpr std::string_view kTinyPipeline =
    "pipeline: doctor\n"
    "seed: 7\n"
    "nodes:\n"
    "  rows: { op: csv, path: rows.csv, target: label }\n"
    "  scaled: { op: standard_scaler, from: rows }\n"
    "  line: { op: logistic_regression, from: scaled, C: { grid: [0.1, 1.0] } }\n"
    "evaluate: { folds: 3, metric: accuracy }\n";

Result<std::string> run_tiny(Session& session) {
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(const io::TemporaryFolder folder, io::TemporaryFolder::create("headrace-doctor"));
  HEADRACE_TRY(io::write_file_atomic(folder.file("rows.csv"), tiny_csv()));
  HEADRACE_TRY(io::write_file_atomic(folder.file("pipeline.yaml"), kTinyPipeline));
  const LoadedPipeline loaded = load_pipeline(session, {.file = folder.file("pipeline.yaml"), .overrides = {}, .seed = {}, .limits = {}});
  if (!loaded.errors.empty()) return loaded.errors.front();
  exec::Packs packs(*catalogue);
  HEADRACE_ASSIGN(const exec::RunOutcome outcome, exec::run_graph(loaded.graph, *catalogue, packs, nullptr, {}));
  if (!outcome.report.errors.empty()) return outcome.report.errors.front().error;
  const bool scored = !outcome.report.results.empty() && !outcome.report.results.front().metrics.empty();
  if (!scored || outcome.report.results.front().metrics.front().mean != 1)
    return Error(Code::kBug, "the tiny pipeline did not score 1 on separable data");
  return cat(outcome.report.results.size(), " paths in ", seconds_text(outcome.report.seconds), ", accuracy 1");
}

Check check_tiny(Session& session) {
  const Result<std::string> found = run_tiny(session);
  return found.ok() ? Check{"pipeline", true, *found, ""} : failed("pipeline", found.error());
}

}  // namespace

std::vector<Check> check_installation(Session& session, const std::string& store_folder) {
  std::vector<Check> checks = {{"program", true, cat("headrace ", HEADRACE_VERSION), ""},
                               {"cores", true, std::to_string(std::max(1U, std::thread::hardware_concurrency())), ""},
                               check_memory(),
                               check_store(session, store_folder),
                               check_packs(session),
                               check_tiny(session)};
  checks.push_back(check_engine("arrow", "libarrow.so", "pyarrow"));
  checks.push_back(check_engine("torch", "libtorch_cpu.so", "torch"));
  return checks;
}

}  // namespace headrace::cli
