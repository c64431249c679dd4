// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "data/test_files.h"
#include "headrace/base/text.h"
#include "prep/test_bench.h"

namespace headrace::prep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Bench;
using testing::facts;

TEST(SourcesTest, EveryRowHasATableOfOptionsThatHolds) {
  EXPECT_EQ(headrace_pack_rows().operators().size(), 24u);
  for (const exec::Registration& registration : headrace_pack_rows().operators()) {
    const Status status = config::check_options(registration.spec.options);
    EXPECT_TRUE(status.ok()) << registration.spec.name << ": " << status.error().text();
    EXPECT_FALSE(registration.spec.doc.empty()) << registration.spec.name;
  }
}

TEST(SourcesTest, CsvGivesColumnsTheirRoles) {
  const data::test::Folder folder;
  folder.write("t.csv", "id,a,b,w,y\n1,2.5,x,1,yes\n2,3.5,?,2,no\n");
  const auto table = Bench("csv", "{path: t.csv, target: y, group: 0, weight: w, categories: [b]}", folder.path("")).read();
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_THAT(facts(**table), ElementsAre("id:group:int", "a:feature:real", "b:feature:category", "w:weight:int", "y:target:text"));
  const auto few = Bench("csv", "{path: t.csv, target: -1, features: [a]}", folder.path("")).read().value();
  EXPECT_THAT(facts(*few), ElementsAre("id:ignore:int", "a:feature:real", "b:ignore:text", "w:ignore:int", "y:target:text"));
}

TEST(SourcesTest, CsvDialectsAreSpelledInWords) {
  const data::test::Folder folder;
  folder.write("t.tsv", "notes\na\tb\n1,5\t\"x\n");
  const auto table =
      Bench("csv", "{path: t.tsv, delimiter: tab, quote: null, skip_rows: 1, header: true, decimal: ','}", folder.path("")).read();
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ(testing::reals(**table, "a")[0], 1.5);
  EXPECT_EQ(testing::texts(**table, "b")[0], "\"x");
  EXPECT_EQ(Bench("csv", "{path: t.tsv, delimiter: tabs}", folder.path("")).read().error().code, Code::kBadValue);
  const auto wide = Bench("csv",
                          "{path: t.tsv, delimiter: tab, quote: null, skip_rows: 1, header: false, names: [p, q], nulls: [\"1,5\"], "
                          "rows_max: 1, trim: false}",
                          folder.path(""))
                        .read();
  ASSERT_TRUE(wide.ok()) << wide.error().text();
  EXPECT_THAT(facts(**wide), ElementsAre("p:feature:text", "q:feature:text"));
}

TEST(SourcesTest, ALabelColumnThatIsNotThereIsNamedWithItsPlace) {
  const data::test::Folder folder;
  folder.write("t.csv", "age,income\n1,2\n");
  const auto table = Bench("csv", "path: t.csv\ntarget: incom\n", folder.path("")).read();
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().code, Code::kMissingColumn);
  EXPECT_EQ(table.error().where.line, 2);
  EXPECT_THAT(table.error().advice, HasSubstr("income"));
  EXPECT_EQ(Bench("csv", "{path: t.csv, target: 7}", folder.path("")).read().error().code, Code::kMissingColumn);
  EXPECT_EQ(Bench("csv", "{path: t.csv, target: age, group: age}", folder.path("")).read().error().code, Code::kBadValue);
  EXPECT_EQ(Bench("csv", "{path: none.csv}", folder.path("")).read().error().code, Code::kNotFound);
  EXPECT_EQ(Bench("csv", "{}").read().error().code, Code::kMissingKey);
}

TEST(SourcesTest, TablesAreWrittenOutInTheFile) {
  const auto table = testing::table(
      "{columns: {a: [1, 2.5, null], b: [x, null, y], c: [true, false, null], d: [1, 2, 3], e: [u, u, v], f: [null, null, null]}, "
      "categories: [e], target: d}");
  EXPECT_THAT(facts(*table),
              ElementsAre("a:feature:real", "b:feature:text", "c:feature:bool", "d:target:int", "e:feature:category", "f:feature:real"));
  EXPECT_EQ(table->columns()[0].nulls, 1);
  for (const char* bad :
       {"{columns: {a: [1, x]}}", "{columns: {a: 1}}", "{columns: {}}", "{columns: {a: [[1]]}}", "{columns: {a: [1]}, categories: [a]}"}) {
    EXPECT_EQ(Bench("table", bad).read().error().code, Code::kBadValue) << bad;
  }
  EXPECT_EQ(Bench("table", "{columns: {a: [1], b: [1, 2]}}").read().error().code, Code::kShape);
  EXPECT_EQ(Bench("table", "{columns: {a: [x]}, categories: [b]}").read().error().code, Code::kMissingColumn);
}

TEST(SourcesTest, ColumnarFilesKeepTheRolesTheyWereWrittenWith) {
  const data::test::Folder folder;
  const auto table = testing::table("{columns: {a: [1, 2], y: [p, q]}, target: y}");
  ASSERT_TRUE(data::write_parquet(*table, folder.path("t.parquet")).ok());
  ASSERT_TRUE(data::write_arrow(*table, folder.path("t.arrow")).ok());
  EXPECT_TRUE(Bench("parquet", "{path: t.parquet}", folder.path("")).read().value()->equals(*table));
  EXPECT_TRUE(Bench("arrow", "{path: t.arrow}", folder.path("")).read().value()->equals(*table));
  EXPECT_EQ(Bench("parquet", "{path: t.parquet, columns: [y]}", folder.path("")).read().value()->columns().size(), 1u);
}

TEST(SourcesTest, ArraysBecomeTables) {
  const data::test::Folder folder;
  HEADRACE_SKIP_WITHOUT(data::test::run_python(folder, R"py(
import numpy as np
x = np.arange(24).reshape(4, 2, 3)
np.save("x.npy", x.astype("f4"))
np.save("y.npy", np.array([0, 1, 0, 1]))
np.save("half.npy", np.array([[1.5, -2.0], [6e-8, np.inf]], dtype="f2"))
np.save("flags.npy", np.array([[True, False]])); np.save("scalar.npy", np.float64(1))
np.savez("both.npz", X=x.astype("f8"), y=np.array([0, 1, 0, 1]))
)py"),
                        "python with numpy");
  const std::string at = folder.path("");
  const auto table = Bench("npy", "{path: x.npy, target_path: y.npy}", at).read();
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->rows(), 4);
  EXPECT_EQ((*table)->features().size(), 6u);
  EXPECT_EQ(facts(**table).back(), "target:target:int");
  EXPECT_EQ(testing::reals(**table, "x5")[3], 23.0);
  const auto half = Bench("npy", "{path: half.npy, names: [a, b]}", at).read().value();
  EXPECT_THAT(testing::reals(*half, "a"), ElementsAre(1.5, 5.9604644775390625e-08));
  EXPECT_THAT(testing::reals(*half, "b"), ElementsAre(-2.0, HUGE_VAL));
  EXPECT_THAT(testing::reals(*Bench("npy", "{path: flags.npy}", at).read().value(), "x0"), ElementsAre(1.0));
  EXPECT_EQ(Bench("npy", "{path: scalar.npy}", at).read().error().code, Code::kShape);
  EXPECT_EQ(Bench("npy", "{path: half.npy, target_path: y.npy}", at).read().error().code, Code::kShape);
  const auto both = Bench("npz", "{path: both.npz, target_key: y}", at).read();
  ASSERT_TRUE(both.ok()) << both.error().text();
  EXPECT_EQ((*both)->columns().size(), 7u);
  EXPECT_EQ(Bench("npz", "{path: both.npz, key: x}", at).read().error().code, Code::kMissingColumn);
}

TEST(SourcesTest, ImagesAndLabelsComeFromTwoFiles) {
  const std::string images = data::test::shared_file("ml_pipeline/mnist/t10k-images-idx3-ubyte.gz");
  const std::string labels = data::test::shared_file("ml_pipeline/mnist/t10k-labels-idx1-ubyte.gz");
  HEADRACE_SKIP_WITHOUT(!images.empty() && !labels.empty(), "shared data mnist");
  const auto table = Bench("idx", cat("{path: '", images, "', target_path: '", labels, "'}")).read();
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ((*table)->rows(), 10'000);
  EXPECT_EQ((*table)->features().size(), 784u);
  EXPECT_EQ(testing::reals(**table, "target")[0], 7.0);
}

TEST(SourcesTest, LibsvmFilesNameTheirTarget) {
  const data::test::Folder folder;
  folder.write("t.svm", "1 0:2 2:4\n0 1:3\n");
  const auto table = Bench("libsvm", "{path: t.svm, zero_based: true}", folder.path("")).read().value();
  EXPECT_THAT(facts(*table), ElementsAre("x0:feature:real", "x1:feature:real", "x2:feature:real", "target:target:int"));
}

TEST(SourcesTest, ScikitLearnsIrisIsReadAsTheManualSays) {
  const std::string path = data::test::shared_file("ml_pipeline/sklearn/iris.csv");
  HEADRACE_SKIP_WITHOUT(!path.empty(), "shared data iris");
  const auto table = Bench("csv", cat("{path: '", path, "', skip_rows: 1, header: false, target: -1}")).read().value();
  EXPECT_EQ(table->rows(), 150);
  EXPECT_EQ(table->features().size(), 4u);
  EXPECT_EQ(table->codes(4).value().classes.size(), 3u);
}

}  // namespace
}  // namespace headrace::prep
