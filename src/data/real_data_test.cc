// SPDX-License-Identifier: Apache-2.0
// Real data sets, read whole, with counts known from elsewhere. They lie beside the checkout and are not part of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "data/test_files.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

#define HEADRACE_SHARED(variable, name)                          \
  const std::string variable = test::shared_file(name);          \
  HEADRACE_SKIP_WITHOUT(!variable.empty(), std::string("shared data ") + (name))

TEST(RealDataTest, DigitsHas1797RowsOf64PixelsAndTenClasses) {
  HEADRACE_SHARED(path, "ml_pipeline/sklearn/digits.csv.gz");
  const auto table = read_csv(path, {});
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->rows(), 1797);
  EXPECT_EQ((*table)->columns().size(), 65u);
  EXPECT_EQ((*table)->codes(64).value().classes.size(), 10u);
  const auto first = (*table)->reals(2).value();
  EXPECT_EQ(first[0], 5.0);
}

TEST(RealDataTest, IrisOfScikitLearnSkipsItsFirstLine) {
  HEADRACE_SHARED(path, "ml_pipeline/sklearn/iris.csv");
  CsvOptions options;
  options.skip_rows = 1;
  options.header = false;
  const auto table = read_csv(path, options);
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->rows(), 150);
  EXPECT_EQ((*table)->columns().size(), 5u);
  EXPECT_EQ((*table)->codes(4).value().classes.size(), 3u);
}

TEST(RealDataTest, AdultHasMissingValuesAndNames) {
  HEADRACE_SHARED(path, "ml_pipeline/adult/adult.csv.gz");
  const auto table = read_csv(path, {});
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->columns().size(), 15u);
  EXPECT_GT((*table)->rows(), 32'000);
  std::int64_t nulls = 0;
  for (const Column& column : (*table)->columns()) nulls += column.nulls;
  EXPECT_GT(nulls, 4'000);
  const int last = static_cast<int>((*table)->columns().size()) - 1;
  EXPECT_EQ((*table)->codes(last).value().classes.size(), 2u);
}

TEST(RealDataTest, AgaricusHas6513And1611MushroomsOf126Features) {
  HEADRACE_SHARED(train, "ml_pipeline/agaricus/agaricus.txt.train");
  HEADRACE_SHARED(test, "ml_pipeline/agaricus/agaricus.txt.test");
  const auto table = read_libsvm(train, 127, true);
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->rows(), 6513);
  EXPECT_EQ((*table)->features().size(), 127u);
  EXPECT_EQ(read_libsvm(test, 127, true).value()->rows(), 1611);
}

TEST(RealDataTest, MnistHasTenThousandTestImages) {
  HEADRACE_SHARED(images, "ml_pipeline/mnist/t10k-images-idx3-ubyte.gz");
  HEADRACE_SHARED(labels, "ml_pipeline/mnist/t10k-labels-idx1-ubyte.gz");
  EXPECT_THAT(read_idx(images)->shape(), ::testing::ElementsAre(10'000, 28, 28));
  const Tensor classes = read_idx(labels).value();
  ASSERT_EQ(classes.count(), 10'000);
  EXPECT_THAT((std::vector<int>{classes.span<std::uint8_t>()[0], classes.span<std::uint8_t>()[1]}), ::testing::ElementsAre(7, 2));
}

TEST(RealDataTest, GlueFilesReadWithQuotesAsOrdinaryCharacters) {
  HEADRACE_SHARED(path, "glue/MRPC/train.tsv");
  CsvOptions options;
  options.delimiter = '\t';
  options.quote = std::nullopt;
  options.header = true;
  const auto table = read_csv(path, options);
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->rows(), 3668);
  EXPECT_EQ((*table)->columns()[0].name, "Quality") << "the byte-order mark is no part of the name";
}

TEST(RealDataTest, ScikitLearnsOtherTablesAreRead) {
  HEADRACE_SHARED(wine, "ml_pipeline/sklearn/wine_data.csv");
  CsvOptions options;
  options.skip_rows = 1;
  options.header = false;
  EXPECT_EQ(read_csv(wine, options).value()->rows(), 178);
  HEADRACE_SHARED(diabetes, "ml_pipeline/sklearn/diabetes_data_raw.csv.gz");
  CsvOptions spaces;
  spaces.delimiter = ' ';
  const auto table = read_csv(diabetes, spaces);
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->rows(), 442);
  EXPECT_EQ((*table)->columns().size(), 10u);
}

}  // namespace
}  // namespace headrace::data
