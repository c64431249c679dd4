// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "headrace/base/result.h"

namespace headrace {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return Error(Code::kBadValue, "odd value", "give an even one", {"f.yaml", 3, 4});
  return value / 2;
}

Status quarter(int value, int& out) {
  HEADRACE_ASSIGN(const int once, half(value));
  HEADRACE_ASSIGN(out, half(once));
  return {};
}

TEST(ErrorTest, TextNamesPlaceCodeMessageAndAdvice) {
  EXPECT_EQ(half(3).error().text(), "f.yaml:3:4: error 1004 (BadValue): odd value; give an even one");
}

TEST(ErrorTest, MacrosPassTheFirstErrorOn) {
  int out = 0;
  EXPECT_TRUE(quarter(8, out).ok());
  EXPECT_EQ(out, 2);
  EXPECT_EQ(quarter(6, out).error().code, Code::kBadValue);
}

TEST(ErrorTest, CatalogueNumbersAreUniqueAndExitCodesKnown) {
  std::set<int> numbers;
#define HEADRACE_ERROR(name, number, exit, retry, text)          \
  EXPECT_TRUE(numbers.insert(number).second) << #name;           \
  EXPECT_TRUE((exit) >= 0 && (exit) <= 4) << #name;              \
  EXPECT_EQ(code_name(Code::k##name), #name);
#include "headrace/base/errors.def"
#undef HEADRACE_ERROR
}

TEST(ErrorTest, ContextGoesInFrontAndTheFirstPlaceStays) {
  Error error = Error(Code::kShape, "3 rows").within("node pca").at({"a", 1, 2}).at({"b", 9, 9});
  EXPECT_EQ(error.message, "node pca: 3 rows");
  EXPECT_EQ(error.where.text(), "a:1:2");
}

}  // namespace
}  // namespace headrace
