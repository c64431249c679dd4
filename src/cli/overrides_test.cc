// SPDX-License-Identifier: Apache-2.0
#include "cli/overrides.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

config::Value sample() {
  return config::parse_yaml(
             "seed: 7\nnodes:\n  rows: { op: csv, path: a.csv }\n  pca: { op: pca, from: rows, components: 3 }\nevaluate: { folds: 5 }\n",
             "p.yaml")
      .value();
}

config::Value after(std::vector<std::string> overrides) {
  config::Value document = sample();
  const Status status = apply_overrides(document, overrides);
  EXPECT_TRUE(status.ok()) << status.error().text();
  return document;
}

Error error_of(std::string text) {
  config::Value document = sample();
  const std::vector<std::string> overrides = {std::move(text)};
  const Status status = apply_overrides(document, overrides);
  EXPECT_FALSE(status.ok());
  return status.ok() ? Error() : status.error();
}

TEST(OverridesTest, SetsParametersOfNodes) {
  EXPECT_EQ(after({"pca.components=5"}).find("nodes")->find("pca")->find("components")->integer(), 5);
  EXPECT_EQ(after({"nodes.pca.components=5"}).find("nodes")->find("pca")->find("components")->integer(), 5);
  EXPECT_EQ(after({"pca.whiten=true"}).find("nodes")->find("pca")->find("whiten")->boolean(), true);
  EXPECT_EQ(after({"rows.path=b.csv"}).find("nodes")->find("rows")->find("path")->string(), "b.csv");
}

TEST(OverridesTest, ValuesAreYaml) {
  const config::Value document = after({"pca.components={grid: [1, 2]}"});
  EXPECT_EQ(to_json(*document.find("nodes")->find("pca")->find("components")), R"({"grid": [1, 2]})");
  EXPECT_TRUE(after({"pca.components="}).find("nodes")->find("pca")->find("components")->is_null());
}

TEST(OverridesTest, SetsKeysOfTheFile) {
  EXPECT_EQ(after({"seed=9"}).find("seed")->integer(), 9);
  EXPECT_EQ(after({"evaluate.metric=f1_macro"}).find("evaluate")->find("metric")->string(), "f1_macro");
}

TEST(OverridesTest, TheLastOneWins) { EXPECT_EQ(after({"seed=1", "seed=2"}).find("seed")->integer(), 2); }

TEST(OverridesTest, ThePlaceOfAValueIsItsFlag) {
  const config::Value document = after({"pca.components={grid: [1, 2]}"});
  const config::Value& value = *document.find("nodes")->find("pca")->find("components");
  EXPECT_EQ(value.where().file, "--set pca.components={grid: [1, 2]}");
  EXPECT_EQ(value.find("grid")->list()[1].where().file, "--set pca.components={grid: [1, 2]}");
  EXPECT_EQ(document.where().file, "p.yaml");
}

TEST(OverridesTest, UnknownNamesAreErrorsWithTheNearest) {
  const Error error = error_of("pcaa.components=5");
  EXPECT_EQ(error.code, Code::kUnknownKey);
  EXPECT_EQ(error.advice, "did you mean 'pca'?");
  EXPECT_EQ(at_flag(error).where.text(), "--set pcaa.components=5");
}

TEST(OverridesTest, RefusesWhatIsNoAssignment) {
  EXPECT_EQ(error_of("pca").code, Code::kUsage);
  EXPECT_EQ(error_of("=5").code, Code::kUsage);
  EXPECT_EQ(error_of("pca..x=5").code, Code::kUsage);
  EXPECT_EQ(error_of("pca=5").code, Code::kUsage);
  EXPECT_EQ(error_of("seed.x=5").code, Code::kUsage);
  EXPECT_EQ(error_of("pca.components=[1, 2").code, Code::kSyntax);
}

}  // namespace
}  // namespace headrace::cli
