// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "data/test_files.h"
#include "headrace/base/text.h"
#include "prep/test_bench.h"

namespace headrace::prep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Bench;
using testing::facts;

TablePointer people() {
  return testing::table(
      "{columns: {name: [Ann, Bob, null, Dan], age: [31, null, 27, 45], height: [1.6, 1.8, .nan, 1.7], city: [Rome, Oslo, Rome, Bern], y: "
      "[1, 0, 1, 0]}, "
      "categories: [city], target: y}");
}

TablePointer run(std::string_view op, std::string_view yaml, const TablePointer& input) {
  auto out = Bench(op, yaml).run({input});
  EXPECT_TRUE(out.ok()) << out.error().text();
  return out.ok() ? *out : input;
}

TEST(SelectColumnsTest, TargetsStay) {
  EXPECT_THAT(facts(*run("select_columns", "{columns: [height, 0]}", people())),
              ElementsAre("height:feature:real", "name:feature:text", "y:target:int"));
  EXPECT_EQ(Bench("select_columns", "{columns: [size]}").run({people()}).error().code, Code::kMissingColumn);
  EXPECT_EQ(Bench("select_columns", "{columns: [age, 1]}").run({people()}).error().code, Code::kBadValue);
}

TEST(DropColumnsTest, TheRestStays) {
  EXPECT_THAT(facts(*run("drop_columns", "{columns: [name, city, -1]}", people())), ElementsAre("age:feature:int", "height:feature:real"));
}

TEST(DropMissingTest, NullsAndNaNCount) {
  EXPECT_THAT(testing::texts(*run("drop_missing", "{}", people()), "name"), ElementsAre("Ann", "Dan"));
  EXPECT_THAT(testing::texts(*run("drop_missing", "{columns: [age]}", people()), "name"), ElementsAre("Ann", "", "Dan"));
  EXPECT_EQ(run("drop_missing", "{columns: [name, height], how: all}", people())->rows(), 3);
  EXPECT_EQ(run("drop_missing", "{columns: [name, age], how: all}", people())->rows(), 4);
}

TEST(CastTest, TypesChange) {
  const auto table =
      testing::table("{columns: {t: ['1', ' 2 ', null], r: [1.0, 2.0, 3.0], i: [0, 1, 1], b: [true, false, true], k: [a, b, a]}}");
  const auto ints = run("cast", "{columns: [t, r], to: int}", table);
  EXPECT_THAT(facts(*ints), ElementsAre("t:feature:int", "r:feature:int", "i:feature:int", "b:feature:bool", "k:feature:text"));
  EXPECT_EQ(testing::reals(*ints, "t")[1], 2.0);
  EXPECT_EQ(ints->columns()[0].nulls, 1);
  EXPECT_EQ(run("cast", "{columns: [i], to: bool}", table)->columns()[2].type, data::ColumnType::kBool);
  EXPECT_THAT(testing::reals(*run("cast", "{columns: [b], to: real}", table), "b"), ElementsAre(1.0, 0.0, 1.0));
  EXPECT_THAT(testing::texts(*run("cast", "{columns: [r], to: text}", table), "r"), ElementsAre("1", "2", "3"));
  EXPECT_EQ(run("cast", "{columns: [k, i], to: category}", table)->columns()[2].type, data::ColumnType::kCategory);
}

TEST(CastTest, WhatDoesNotConvertIsNamedOrMissing) {
  const auto table = testing::table("{columns: {t: ['1', x, '2.5']}}");
  const auto failed = Bench("cast", "{columns: [t], to: real}").run({table});
  EXPECT_EQ(failed.error().code, Code::kBadData);
  EXPECT_THAT(failed.error().message, HasSubstr("row 2"));
  const auto lenient = run("cast", "{columns: [t], to: int, on_failure: missing}", table);
  EXPECT_EQ(lenient->columns()[0].nulls, 2);
}

TEST(CastTest, RolesStay) { EXPECT_EQ(facts(*run("cast", "{columns: [y], to: text}", people())).back(), "y:target:text"); }

TEST(FilterRowsTest, NumbersTextsAndListsCompare) {
  const auto names = [](std::string_view yaml) { return testing::texts(*run("filter_rows", yaml, people()), "name"); };
  EXPECT_THAT(names("{column: age, compare: '>', value: 30}"), ElementsAre("Ann", "Dan"));
  EXPECT_THAT(names("{column: age, compare: '!=', value: 31}"), ElementsAre("", "Dan")) << "a missing value compares with nothing";
  EXPECT_THAT(names("{column: city, value: Rome}"), ElementsAre("Ann", ""));
  EXPECT_THAT(names("{column: city, compare: in, value: [Oslo, Bern]}"), ElementsAre("Bob", "Dan"));
  EXPECT_THAT(names("{column: name, compare: '>=', value: Bob}"), ElementsAre("Bob", "Dan"));
  EXPECT_THAT(names("{column: height, compare: '<=', value: 1.7}"), ElementsAre("Ann", "Dan"));
  EXPECT_THAT(names("{column: -1, compare: in, value: [0, 7]}"), ElementsAre("Bob", "Dan"));
  EXPECT_EQ(Bench("filter_rows", "{column: age, value: old}").run({people()}).error().code, Code::kBadValue);
  EXPECT_EQ(Bench("filter_rows", "{column: age, compare: in, value: 3}").run({people()}).error().code, Code::kBadValue);
  EXPECT_EQ(Bench("filter_rows", "{column: age, value: [3]}").run({people()}).error().code, Code::kBadValue);
  EXPECT_EQ(Bench("filter_rows", "{column: nose, value: 3}").run({people()}).error().code, Code::kMissingColumn);
}

TEST(SampleRowsTest, TheSeedDecidesWhichRows) {
  const auto table = data::Table::from_matrix(data::Tensor(data::DType::kF64, {1000, 1})).value();
  std::vector<double> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  const auto numbered = table->with_column("n", data::Role::kFeature, numbers).value();
  const auto rows = [&](std::string_view yaml, std::uint64_t seed) {
    Bench bench("sample_rows", yaml);
    bench.context().seed = seed;
    return testing::reals(*bench.run({numbered}).value(), "n");
  };
  const auto first = rows("{n: 100}", 1);
  EXPECT_EQ(first.size(), 100u);
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  EXPECT_EQ(std::adjacent_find(first.begin(), first.end()), first.end()) << "without replacement";
  EXPECT_EQ(rows("{n: 100}", 1), first);
  EXPECT_NE(rows("{n: 100}", 2), first);
  EXPECT_EQ(rows("{share: 0.25}", 1).size(), 250u);
  EXPECT_EQ(rows("{n: 5000}", 1).size(), 1000u);
  const auto shuffled = rows("{share: 1, shuffle: true}", 1);
  EXPECT_FALSE(std::is_sorted(shuffled.begin(), shuffled.end()));
  EXPECT_EQ(std::accumulate(shuffled.begin(), shuffled.end(), 0.0), 499500.0);
  EXPECT_EQ(Bench("sample_rows", "{n: 1, share: 0.5}").run({numbered}).error().code, Code::kBadValue);
  EXPECT_EQ(Bench("sample_rows", "{}").run({numbered}).error().code, Code::kBadValue);
}

TEST(NudgeImagesTest, EachImageIsMovedUpLeftRightAndDown) {
  const auto table = testing::table("{columns: {a: [1], b: [2], c: [3], d: [4], e: [5], f: [6], y: [k]}, target: y}");
  const auto out = run("nudge_images", "{height: 2, width: 3}", table);
  ASSERT_EQ(out->rows(), 5);
  const data::Tensor pixels = out->matrix(out->features()).value();
  const auto all = pixels.span<double>();
  const auto image = [&](std::size_t row) {
    return std::vector<double>(all.begin() + static_cast<std::ptrdiff_t>(row * 6), all.begin() + static_cast<std::ptrdiff_t>(row * 6 + 6));
  };
  EXPECT_THAT(image(0), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(image(1), ElementsAre(4, 5, 6, 0, 0, 0));
  EXPECT_THAT(image(2), ElementsAre(2, 3, 0, 5, 6, 0));
  EXPECT_THAT(image(3), ElementsAre(0, 1, 2, 0, 4, 5));
  EXPECT_THAT(image(4), ElementsAre(0, 0, 0, 1, 2, 3));
  EXPECT_THAT(testing::texts(*out, "y"), ElementsAre("k", "k", "k", "k", "k"));
  EXPECT_EQ(Bench("nudge_images", "{height: 3, width: 3}").run({table}).error().code, Code::kShape);
}

TEST(NudgeImagesTest, TheSameRowsComeOutAsFromScikitLearnsExample) {
  const std::string path = data::test::shared_file("ml_pipeline/sklearn/digits.csv.gz");
  HEADRACE_SKIP_WITHOUT(!path.empty(), "shared data digits");
  const data::test::Folder folder;
  HEADRACE_SKIP_WITHOUT(data::test::run_python(folder, R"py(
import numpy as np
from scipy.ndimage import convolve
from sklearn.datasets import load_digits
X, Y = load_digits(return_X_y=True)
vectors = [[[0, 1, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
           [[0, 0, 0], [0, 0, 1], [0, 0, 0]], [[0, 0, 0], [0, 0, 0], [0, 1, 0]]]
shift = lambda x, w: convolve(x.reshape((8, 8)), mode="constant", weights=w).ravel()
np.save("x.npy", np.concatenate([X] + [np.apply_along_axis(shift, 1, X, v) for v in vectors]))
np.save("y.npy", np.concatenate([Y for _ in range(5)]).astype("i8"))
)py"),
                        "python with scikit-learn");
  const auto digits = Bench("csv", cat("{path: '", path, "', target: 64}")).read().value();
  const auto ours = run("nudge_images", "{}", digits);
  const auto theirs = data::read_npy(folder.path("x.npy")).value();
  const data::Tensor pixels = ours->matrix(ours->features()).value();
  ASSERT_EQ(pixels.shape(), theirs.shape());
  EXPECT_EQ(std::memcmp(pixels.bytes(), theirs.bytes(), theirs.size_bytes()), 0);
  const auto labels = data::read_npy(folder.path("y.npy")).value();
  const auto target = testing::reals(*ours, "x64");
  for (std::size_t i = 0; i < target.size(); ++i) ASSERT_EQ(target[i], static_cast<double>(labels.span<std::int64_t>()[i]));
}

TEST(ConcatColumnsTest, TablesStandSideBySide) {
  const auto left = testing::table("{columns: {a: [1, 2], y: [0, 1]}, target: y}");
  const auto both = Bench("concat_columns").run({left, left, testing::table("{columns: {c: [5, 6]}}")});
  ASSERT_TRUE(both.ok()) << both.error().text();
  EXPECT_THAT(facts(**both), ElementsAre("a:feature:int", "y:target:int", "a_1:feature:int", "c:feature:int"));
  EXPECT_EQ(Bench("concat_columns").run({left, testing::table("{columns: {c: [5]}}")}).error().code, Code::kShape);
}

TEST(SinksTest, WhatIsWrittenReadsBack) {
  const data::test::Folder folder;
  const std::string at = folder.path("");
  const auto table = testing::table("{columns: {a: [1, 2], y: [p, q]}, target: y}");
  EXPECT_EQ(Bench("write_csv", "{path: out/t.tsv, delimiter: tab}", at).run({table}).value(), table) << "the table is handed on";
  EXPECT_EQ(folder.read("out/t.tsv"), "\"a\"\t\"y\"\n1\t\"p\"\n2\t\"q\"\n");
  ASSERT_TRUE(Bench("write_parquet", "{path: t.parquet, compression: snappy}", at).run({table}).ok());
  EXPECT_TRUE(Bench("parquet", "{path: t.parquet}", at).read().value()->equals(*table));
  ASSERT_TRUE(Bench("write_arrow", "{path: t.arrow}", at).run({table}).ok());
  EXPECT_TRUE(Bench("arrow", "{path: t.arrow}", at).read().value()->equals(*table));
  folder.write("file", "not a folder");
  EXPECT_EQ(Bench("write_arrow", "{path: file/t.arrow}", at).run({table}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace headrace::prep
