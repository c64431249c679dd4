// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/tensor.h"

#include <gtest/gtest.h>

namespace headrace::data {
namespace {

TEST(TensorTest, NamesAndSizesOfAllTypesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DType::kBool); ++i) {
    const auto type = static_cast<DType>(i);
    const auto back = dtype_from_name(dtype_name(type));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, type);
    EXPECT_GE(dtype_size(type), 1u);
  }
  EXPECT_EQ(dtype_from_name("f65").error().code, Code::kBadValue);
}

TEST(TensorTest, FreshMemoryIsZeroAndAligned) {
  const Tensor tensor(DType::kF32, {3, 5});
  EXPECT_EQ(tensor.count(), 15);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes()) % 64, 0u);
  for (const float value : tensor.span<float>()) EXPECT_EQ(value, 0.0f);
}

TEST(TensorTest, AnEmptyAxisHasNoElements) {
  EXPECT_EQ(Tensor(DType::kF64, {0, 7}).count(), 0);
  EXPECT_EQ(Tensor(DType::kF64, {}).count(), 1);
}

TEST(TensorTest, CopiesShareMemory) {
  const std::vector<std::int64_t> values = {1, 2, 3};
  const Tensor tensor = Tensor::of<std::int64_t>({3}, values);
  const Tensor copy = tensor;
  EXPECT_EQ(copy.bytes(), tensor.bytes());
  EXPECT_EQ(copy.span<std::int64_t>()[2], 3);
}

TEST(TensorDeathTest, ShapesThatOverflowAreABug) {
  EXPECT_DEATH(Tensor(DType::kF64, {std::int64_t{1} << 40, std::int64_t{1} << 40}), "too large");
  EXPECT_DEATH(Tensor(DType::kF64, {-1}), "negative");
}

TEST(TensorTest, ASetKeepsOrderAndReplacesByName) {
  TensorSet set;
  set.set("b", Tensor(DType::kU8, {1})).set("a", Tensor(DType::kU8, {2})).set("b", Tensor(DType::kU8, {3}));
  ASSERT_EQ(set.entries().size(), 2u);
  EXPECT_EQ(set.entries()[0].first, "b");
  EXPECT_EQ(set.find("b")->count(), 3);
  EXPECT_EQ(set.find("c"), nullptr);
}

}  // namespace
}  // namespace headrace::data
