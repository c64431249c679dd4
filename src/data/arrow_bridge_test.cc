// SPDX-License-Identifier: Apache-2.0
#include "data/arrow_bridge.h"

#include <gtest/gtest.h>

#include <thread>

#include "data/table_checks.h"

namespace headrace::data::detail {
namespace {

TEST(ArrowBridgeTest, AReaderCannotGoPastItsBudget) {
  arrow::MemoryPool* pool = bounded_pool();
  const ReadBudget budget(1 << 20);
  std::uint8_t* first = nullptr;
  std::uint8_t* second = nullptr;
  ASSERT_TRUE(pool->Allocate(600'000, 64, &first).ok());
  EXPECT_TRUE(pool->Allocate(600'000, 64, &second).IsOutOfMemory());
  EXPECT_TRUE(pool->Reallocate(600'000, 2'000'000, 64, &first).IsOutOfMemory());
  pool->Free(first, 600'000, 64);
  ASSERT_TRUE(pool->Allocate(600'000, 64, &second).ok()) << "what was freed can be used again";
  ASSERT_TRUE(pool->Reallocate(600'000, 1'000'000, 64, &second).ok());
  pool->Free(second, 1'000'000, 64);
}

TEST(ArrowBridgeTest, BudgetsNestAndBelongToTheirThread) {
  arrow::MemoryPool* pool = bounded_pool();
  const auto fits = [&](std::int64_t bytes) {
    std::uint8_t* memory = nullptr;
    const bool ok = pool->Allocate(bytes, 64, &memory).ok();
    if (ok) pool->Free(memory, bytes, 64);
    return ok;
  };
  EXPECT_TRUE(fits(1 << 22)) << "without a budget the pool only passes through";
  const ReadBudget outer(1 << 20);
  {
    const ReadBudget inner(1 << 10);
    EXPECT_FALSE(fits(1 << 19));
    bool elsewhere = false;
    std::thread([&] { elsewhere = fits(1 << 22); }).join();
    EXPECT_TRUE(elsewhere);
  }
  EXPECT_TRUE(fits(1 << 19));
  EXPECT_FALSE(fits(1 << 21));
}

TEST(ArrowBridgeTest, RunningOutOfMemoryIsTooLarge) {
  EXPECT_EQ(arrow_error(arrow::Status::OutOfMemory("x"), Code::kBadData, "reading").code, Code::kTooLarge);
  EXPECT_EQ(arrow_error(arrow::Status::Invalid("x"), Code::kBadData, "reading").code, Code::kBadData);
}

TEST(ArrowBridgeTest, LargerFilesMayTakeMoreUpToABound) {
  EXPECT_EQ(read_budget(0), read_budget(1000));
  EXPECT_GT(read_budget(std::int64_t{1} << 26), read_budget(0));
  EXPECT_EQ(read_budget(std::int64_t{1} << 40), kFileBytesMax);
}

}  // namespace
}  // namespace headrace::data::detail
