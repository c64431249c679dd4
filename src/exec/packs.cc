// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/packs.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "headrace/base/text.h"

namespace headrace::exec {
namespace {

constexpr int kAbi = HEADRACE_PACK_ABI;

// The intrinsic operator that hands its input on.
class Identity : public Operator {
 public:
  Result<data::Object> transform(const Context&, const data::Model*, std::span<const data::Object> inputs) override {
    return inputs.size() == 1 ? inputs[0] : data::Object::tuple({inputs.begin(), inputs.end()});
  }
};

template <class Function>
Function* symbol(void* handle, const char* name) {
  return reinterpret_cast<Function*>(dlsym(handle, name));
}

Error not_a_pack(const std::string& library, std::string why) {
  return Error(Code::kEnvironment, cat("pack ", library, " cannot be used: ", why), "run ./headrace doctor, or build it again");
}

}  // namespace

Result<PackRows*> open_pack(const std::string& library, std::string* name) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return not_a_pack(library, dlerror());
  auto* abi = symbol<int()>(handle, "headrace_pack_abi");
  auto* rows = symbol<PackRows*()>(handle, "headrace_pack");
  auto* own_name = symbol<const char*()>(handle, "headrace_pack_name");
  if (abi == nullptr || rows == nullptr || own_name == nullptr) return not_a_pack(library, "it has no HEADRACE_PACK entry point");
  if (abi() != kAbi) return not_a_pack(library, cat("it speaks pack interface ", abi(), ", this program ", kAbi));
  if (name != nullptr) *name = own_name();
  return rows();
}

std::vector<std::string> pack_folders() {
  std::vector<std::string> folders;
  if (const char* extra = std::getenv("HEADRACE_PACKS"); extra != nullptr && *extra != '\0') folders = split(extra, ':');
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto beside = program.parent_path().parent_path() / "lib" / "packs";
    if (std::filesystem::is_directory(beside, error)) folders.push_back(beside.string());
  }
  return folders;
}

struct Packs::Impl {
  const graph::Catalogue& catalogue;
  std::mutex mutex;   // guards all below
  std::map<std::string, std::shared_future<Result<PackRows*>>, std::less<>> opened;
  std::map<std::string, std::unique_ptr<Operator>, std::less<>> operators;
  std::vector<std::jthread> loaders;

  explicit Impl(const graph::Catalogue& of) : catalogue(of) {}

  struct Opening {
    std::string library;
    std::promise<Result<PackRows*>> rows;
  };

  // Both are called with the mutex held. The future is shared, so all who need a pack wait for one opening of it.
  std::optional<Opening> announce(std::string_view pack) {
    if (opened.contains(pack)) return std::nullopt;
    Opening opening(catalogue.library(pack), {});
    opened.emplace(std::string(pack), opening.rows.get_future().share());
    return opening;
  }
  void open(std::vector<Opening> openings) {
    loaders.emplace_back([openings = std::move(openings)]() mutable {
      for (Opening& opening : openings) opening.rows.set_value(open_pack(opening.library));
    });
  }
};

Packs::Packs(const graph::Catalogue& catalogue) : impl_(std::make_unique<Impl>(catalogue)) {
  add("identity", std::make_unique<Identity>());
}
Packs::~Packs() = default;

void Packs::preload(const std::vector<std::string>& packs) {
  const std::lock_guard lock(impl_->mutex);
  std::vector<Impl::Opening> openings;
  for (const std::string& pack : packs) {
    if (impl_->catalogue.library(pack).empty()) continue;
    if (auto opening = impl_->announce(pack)) openings.push_back(std::move(*opening));
  }
  if (!openings.empty()) impl_->open(std::move(openings));
}

void Packs::add(std::string op, std::unique_ptr<Operator> instance) {
  const std::lock_guard lock(impl_->mutex);
  impl_->operators[std::move(op)] = std::move(instance);
}

Result<Operator*> Packs::find(std::string_view op) {
  std::unique_lock lock(impl_->mutex);
  if (const auto found = impl_->operators.find(op); found != impl_->operators.end()) return found->second.get();
  const graph::OperatorSpec* spec = impl_->catalogue.find(op);
  if (spec == nullptr || impl_->catalogue.library(spec->pack).empty()) {
    return Error(Code::kUnknownOperator, cat("no pack holds operator ", op), "headrace ops lists what is there");
  }
  if (auto opening = impl_->announce(spec->pack)) {
    std::vector<Impl::Opening> openings;
    openings.push_back(std::move(*opening));
    impl_->open(std::move(openings));
  }
  const auto future = impl_->opened.find(spec->pack)->second;
  lock.unlock();
  const Result<PackRows*>& rows = future.get();
  if (!rows.ok()) return rows.error();
  lock.lock();
  // All operators of the pack at once: the next look-up then finds its own in the map.
  for (const Registration& row : (*rows)->operators()) {
    if (!impl_->operators.contains(row.spec.name)) impl_->operators.emplace(row.spec.name, row.make());
  }
  if (const auto found = impl_->operators.find(op); found != impl_->operators.end()) return found->second.get();
  return Error(Code::kEnvironment, cat("pack ", spec->pack, " lists operator ", op, " but does not hold it"), "build it again");
}

}  // namespace headrace::exec
