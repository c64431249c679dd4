// SPDX-License-Identifier: Apache-2.0
#include "data/arrow_bridge.h"

#include <limits>
#include <mutex>

#include <arrow/compute/initialize.h>

#include "headrace/base/text.h"

namespace headrace::data::detail {
namespace {

constexpr std::int64_t kNoBudget = std::numeric_limits<std::int64_t>::max();
thread_local std::int64_t budget_left = kNoBudget;

class BoundedPool : public arrow::MemoryPool {
 public:
  arrow::Status Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) override {
    ARROW_RETURN_NOT_OK(spend(size));
    arrow::Status status = under_->Allocate(size, alignment, out);
    if (!status.ok()) give_back(size);
    return status;
  }
  arrow::Status Reallocate(std::int64_t old_size, std::int64_t new_size, std::int64_t alignment, std::uint8_t** pointer) override {
    if (new_size > old_size) ARROW_RETURN_NOT_OK(spend(new_size - old_size));
    arrow::Status status = under_->Reallocate(old_size, new_size, alignment, pointer);
    if (status.ok() && new_size < old_size) give_back(old_size - new_size);
    if (!status.ok() && new_size > old_size) give_back(new_size - old_size);
    return status;
  }
  void Free(std::uint8_t* buffer, std::int64_t size, std::int64_t alignment) override {
    under_->Free(buffer, size, alignment);
    give_back(size);
  }
  void ReleaseUnused() override { under_->ReleaseUnused(); }
  std::int64_t bytes_allocated() const override { return under_->bytes_allocated(); }
  std::int64_t max_memory() const override { return under_->max_memory(); }
  std::int64_t total_bytes_allocated() const override { return under_->total_bytes_allocated(); }
  std::int64_t num_allocations() const override { return under_->num_allocations(); }
  std::string backend_name() const override { return under_->backend_name(); }

 private:
  static arrow::Status spend(std::int64_t size) {
    if (budget_left == kNoBudget) return arrow::Status::OK();
    if (size > budget_left) return arrow::Status::OutOfMemory("the file asks for ", size, " bytes more than a reader may take");
    budget_left -= size;
    return arrow::Status::OK();
  }
  static void give_back(std::int64_t size) {
    if (budget_left != kNoBudget) budget_left += size;
  }

  arrow::MemoryPool* under_ = arrow::default_memory_pool();
};

}  // namespace

Error arrow_error(const arrow::Status& status, Code code, std::string_view what) {
  const std::string text = status.message();
  if (status.IsOutOfMemory()) return Error(Code::kTooLarge, cat(what, ": ", text), "split the data into smaller files");
  return Error(code, cat(what, ": ", text));
}

void initialize_compute() {
  static std::once_flag once;
  std::call_once(once, [] {
    const arrow::Status status = arrow::compute::Initialize();
    HEADRACE_CHECK(status.ok(), status.ToString());
  });
}

arrow::MemoryPool* bounded_pool() {
  static BoundedPool* pool = new BoundedPool();   // never destroyed: tables of static lifetime may still free into it
  return pool;
}

ReadBudget::ReadBudget(std::int64_t bytes) : before_(budget_left) { budget_left = bytes; }
ReadBudget::~ReadBudget() { budget_left = before_; }

}  // namespace headrace::data::detail
