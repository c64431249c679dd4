// SPDX-License-Identifier: Apache-2.0
#include "headrace/graph/catalogue.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "graph/toy.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

class CatalogueTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / cat("headrace_catalogue_test_", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
};

std::string everything() {
  std::vector<OperatorSpec> operators;
  for (const auto& [name, spec] : toy::catalogue().operators()) {
    if (name != "join" && name != "identity") operators.push_back(spec);
  }
  std::vector<MetricSpec> metrics;
  for (const auto& [name, spec] : toy::catalogue().metrics()) metrics.push_back(spec);
  return config::to_json(manifest_of("toys", operators, metrics));
}

TEST_F(CatalogueTest, AManifestReadsBackEqual) {
  write("toys.ops.json", everything());
  write("notes.txt", "not a manifest");
  const Result<Catalogue> read = Catalogue::load({folder_.string(), (folder_ / "absent").string()});
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->operators().size(), toy::catalogue().operators().size());
  for (const auto& [name, spec] : toy::catalogue().operators()) {
    const OperatorSpec* other = read->find(name);
    ASSERT_NE(other, nullptr) << name;
    EXPECT_EQ(other->pack, name == "join" || name == "identity" ? "" : "toys");
    EXPECT_EQ(config::to_json(manifest_of("x", {*other}, {})), config::to_json(manifest_of("x", {spec}, {})));
  }
  EXPECT_EQ(read->find_metric("r2")->family, Family::kRegressor);
  EXPECT_EQ(read->library("toys"), (folder_ / "toys.so").string());
  EXPECT_EQ(read->library("others"), "");
}

TEST_F(CatalogueTest, TwoOperatorsOfOneNameAreAnError) {
  write("a.ops.json", everything());
  write("b.ops.json", everything());
  EXPECT_EQ(Catalogue::load({folder_.string()}).error().code, Code::kNameClash);
}

TEST_F(CatalogueTest, APackOfAnEarlierFolderHidesOneOfItsName) {
  const std::filesystem::path first = folder_ / "first", second = folder_ / "second";
  for (const std::filesystem::path& folder : {first, second}) std::filesystem::create_directories(folder);
  write("first/toys.ops.json", config::to_json(manifest_of("toys", {*toy::catalogue().find("pca")}, {})));
  write("second/toys.ops.json", everything());
  const Result<Catalogue> read = Catalogue::load({first.string(), second.string()});
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->library("toys"), (first / "toys.so").string());
  EXPECT_NE(read->find("pca"), nullptr);
  EXPECT_EQ(read->find("logistic"), nullptr);
  // Packs of other names stay apart: what they share is still a clash.
  write("second/toys.ops.json", config::to_json(manifest_of("games", {*toy::catalogue().find("pca")}, {})));
  EXPECT_EQ(Catalogue::load({first.string(), second.string()}).error().code, Code::kNameClash);
}

TEST_F(CatalogueTest, DamagedManifestsAreRefused) {
  const std::string good = everything();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"\"family\": \"source\"", "\"family\": \"sauce\""},
                                                                                 {"\"takes\": []", "\"takes\": 3"},
                                                                                 {"\"takes\": []", "\"takes\": [\"cake\"]"},
                                                                                 {"\"version\": 1", "\"version\": 0"},
                                                                                 {"\"name\": \"pca\"", "\"game\": \"pca\""},
                                                                                 {"\"pack\": \"toys\"", "\"pack\": 3"}}) {
    std::string bad = good;
    ASSERT_NE(bad.find(from), std::string::npos) << from;
    bad.replace(bad.find(from), from.size(), to);
    write("toys.ops.json", bad);
    const Result<Catalogue> read = Catalogue::load({folder_.string()});
    ASSERT_FALSE(read.ok()) << to;
    EXPECT_EQ(read.error().code, Code::kBadData) << read.error().text();
  }
  write("toys.ops.json", good.substr(0, good.size() / 2));
  EXPECT_FALSE(Catalogue::load({folder_.string()}).ok());
  write("toys.ops.json", "[]");
  EXPECT_FALSE(Catalogue::load({folder_.string()}).ok());
}

}  // namespace
}  // namespace headrace::graph
