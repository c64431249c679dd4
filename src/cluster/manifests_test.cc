// SPDX-License-Identifier: Apache-2.0
#include "headrace/cluster/manifests.h"

#include <gtest/gtest.h>

#include "cluster/manifests_parts.h"
#include "headrace/io/file.h"

namespace headrace::cluster {
namespace {

using config::Value;

graph::Catalogue catalogue() {
  graph::Catalogue out;
  graph::OperatorSpec source{.name = "reader",
                             .family = graph::Family::kSource,
                             .doc = "Reads.",
                             .takes = {},
                             .inputs_min = 0,
                             .inputs_max = 0,
                             .options = {config::path("path", "the file").must()}};
  graph::OperatorSpec sink{
      .name = "writer", .family = graph::Family::kSink, .doc = "Writes.", .options = {config::path("path", "the file").must()}};
  graph::OperatorSpec work{.name = "work", .doc = "Works.", .options = {config::real("a", 1.0, "a number")}};
  EXPECT_TRUE(out.add(std::move(source)).ok());
  EXPECT_TRUE(out.add(std::move(sink)).ok());
  EXPECT_TRUE(out.add(std::move(work)).ok());
  return out;
}

class ManifestsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = io::TemporaryFolder::create();
    ASSERT_TRUE(made.ok());
    folder_.emplace(std::move(made).value());
    write("a.csv", "x\n1\n");
  }

  void write(const std::string& name, std::string_view bytes) {
    const std::string path = folder_->file(name);
    ASSERT_TRUE(io::make_folders(path.substr(0, path.rfind('/'))).ok());
    ASSERT_TRUE(io::write_file_atomic(path, bytes).ok());
  }

  graph::Graph graph_of(const std::string& nodes) {
    text_ = "pipeline: My Pipe\nnodes:\n" + nodes;
    auto document = config::parse_yaml(text_, "p.yaml");
    EXPECT_TRUE(document.ok()) << document.error().text();
    auto graph = graph::parse_graph(*document);
    EXPECT_TRUE(graph.ok()) << graph.error().text();
    graph->file = folder_->file("p.yaml");
    const std::vector<Error> errors = graph::validate(*graph, catalogue_);
    EXPECT_TRUE(errors.empty()) << errors.front().text();
    return std::move(graph).value();
  }

  Result<Deployment> deploy(const std::string& nodes, DeployOptions options = {}) {
    if (options.version.empty()) options.version = "1.2.3";
    const graph::Graph graph = graph_of(nodes);
    return deployment_of(graph, catalogue_, text_, options);
  }

  static const Manifest& of_kind(const Deployment& deployment, std::string_view kind) {
    for (const Manifest& manifest : deployment.manifests) {
      if (manifest.kind() == kind) return manifest;
    }
    throw std::out_of_range(std::string(kind));
  }

  std::optional<io::TemporaryFolder> folder_;
  graph::Catalogue catalogue_ = catalogue();
  std::string text_;
};

constexpr const char* kPlain = "  rows: { op: reader, path: a.csv }\n  w: { op: work, from: rows }\n";

TEST_F(ManifestsTest, NamesObjectsAfterThePipeline) {
  const auto deployment = deploy(kPlain);
  ASSERT_TRUE(deployment.ok()) << deployment.error().text();
  EXPECT_EQ(of_kind(*deployment, "Job").name(), "my-pipe");
  const std::string text = manifest_text(of_kind(*deployment, "Job"), "1.2.3");
  EXPECT_NE(text.find("headrace:1.2.3"), std::string::npos);
}

TEST_F(ManifestsTest, CarriesThePipelineUnchanged) {
  const auto deployment = deploy(kPlain);
  ASSERT_TRUE(deployment.ok());
  const Manifest& held = of_kind(*deployment, "ConfigMap");
  EXPECT_EQ(held.object.find("data")->find("pipeline.yaml")->string(), text_);
  // What is written reads back to what was meant.
  const auto back = config::parse_yaml(manifest_text(held, "1"), "x");
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(*back, held.object);
}

TEST_F(ManifestsTest, EveryFileReadsBack) {
  for (const Target target : {Target::kKubeRay, Target::kJob, Target::kKnative}) {
    DeployOptions options{.target = target};
    if (target == Target::kKnative) options.command = {"server", "off", "a: b", "# no", "x\ny", " "};
    const auto deployment = deploy(kPlain, options);
    ASSERT_TRUE(deployment.ok()) << deployment.error().text();
    for (const Manifest& manifest : deployment->manifests) {
      const auto back = config::parse_yaml(manifest_text(manifest, "1"), manifest.file);
      ASSERT_TRUE(back.ok()) << back.error().text();
      EXPECT_EQ(*back, manifest.object) << manifest.file;
    }
  }
}

TEST_F(ManifestsTest, SumsAnnotations) {
  const auto demand = detail::demand_of(
      graph_of("  rows: { op: reader, path: a.csv }\n"
               "  big: { op: work, from: rows, a: { grid: [1, 2, 3] }, resources: { cpu: 2, memory: 100 }, gang: 4 }\n"
               "  two: { op: work, from: rows, resources: { cpu: 3, gpu: 0.5 }, replicas: 2 }\n"));
  ASSERT_TRUE(demand.ok());
  EXPECT_EQ(demand->nodes, 6);
  EXPECT_EQ(demand->largest.cpu, 3);
  EXPECT_EQ(demand->together.cpu, 8);
  EXPECT_EQ(demand->sum.cpu, 1 + 3 * 8 + 2 * 3);
  EXPECT_EQ(demand->sum.memory_bytes, 1200U);
  EXPECT_EQ(demand->largest.gpu, 0.5);
  EXPECT_EQ(demand->gang, 4);
  EXPECT_EQ(demand->gang_node, "big");
  EXPECT_EQ(demand->cpu_node, "two");
}

TEST_F(ManifestsTest, HostileAnnotationsDoNotWrap) {
  const auto demand = detail::demand_of(
      graph_of("  rows: { op: reader, path: a.csv }\n"
               "  w: { op: work, from: rows, resources: { memory: 9000000000000000000 }, gang: 100000, replicas: 3 }\n"));
  ASSERT_TRUE(demand.ok());
  EXPECT_EQ(demand->sum.memory_bytes, std::uint64_t{1} << 60);
  EXPECT_EQ(demand->together.memory_bytes, std::uint64_t{1} << 60);
}

TEST_F(ManifestsTest, RefusesFileNamesThatYamlCannotHold) {
  write("d/\xff.csv", "x\n");
  const auto deployment = deploy("  rows: { op: reader, path: d/*.csv }\n");
  ASSERT_FALSE(deployment.ok());
  EXPECT_EQ(deployment.error().code, Code::kBadValue);
}

TEST_F(ManifestsTest, KeepsPlacesBelowTheDeepestCommonFolder) {
  write("d/x/1.csv", "a\n");
  write("d/y/2.csv", "a\n");
  write("d/y/3.csv", "a\n");
  const graph::Graph graph = graph_of("  one: { op: reader, path: d/x/1.csv }\n  two: { op: reader, path: ./d/q/../y/*.csv }\n");
  const auto files = detail::data_files_of(graph, catalogue_, "/data", true);
  ASSERT_TRUE(files.ok()) << files.error().text();
  ASSERT_EQ(files->files.size(), 3U);
  EXPECT_EQ(files->files[0].place, "x/1.csv");
  EXPECT_EQ(files->files[2].place, "y/3.csv");
  EXPECT_EQ(files->sets, (std::vector<std::string>{"one.path=\"/data/x/1.csv\"", "two.path=\"/data/y/*.csv\""}));
}

TEST_F(ManifestsTest, GridsOfPathsMoveToo) {
  write("b.csv", "x\n1\n");
  const graph::Graph graph = graph_of("  one: { op: reader, params: { path: { grid: [a.csv, b.csv] } } }\n");
  const auto files = detail::data_files_of(graph, catalogue_, "/data", true);
  ASSERT_TRUE(files.ok()) << files.error().text();
  EXPECT_EQ(files->sets, (std::vector<std::string>{R"(one.params.path={"grid": ["/data/a.csv", "/data/b.csv"]})"}));
  EXPECT_EQ(files->files.size(), 2U);
}

TEST_F(ManifestsTest, SinksGoWhereTheStoreIs) {
  const std::string nodes = std::string(kPlain) + "  out: { op: writer, from: w, path: deep/out.csv }\n";
  const auto refused = deploy(nodes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  const auto deployment = deploy(nodes, {.store_claim = "runs"});
  ASSERT_TRUE(deployment.ok()) << deployment.error().text();
  EXPECT_NE(config::to_json(of_kind(*deployment, "Job").object).find(R"(out.path=\"/var/lib/headrace/out.csv\")"), std::string::npos);
}

TEST_F(ManifestsTest, QuantitiesRoundUp) {
  EXPECT_EQ(detail::cpu_text(2), "2");
  EXPECT_EQ(detail::cpu_text(0.1), "100m");
  EXPECT_EQ(detail::cpu_text(1.0001), "1001m");
  EXPECT_EQ(detail::memory_text(std::uint64_t{3} << 30), "3Gi");
  EXPECT_EQ(detail::memory_text(1), "1Mi");
  EXPECT_EQ(detail::memory_text((std::uint64_t{1} << 30) + 1), "1025Mi");
}

TEST_F(ManifestsTest, QuotesForShellsAndForKubernetes) {
  EXPECT_EQ(detail::shell_words({"a", "b c", "it's", "", "$x"}), R"(a 'b c' 'it'\''s' '' '$x')");
  EXPECT_EQ(detail::pod_words({"$(HOME)", "a$"}), (config::List{"$$(HOME)", "a$$"}));
}

struct Refusal {
  const char* what;
  DeployOptions options;
  Code code;
};

TEST_F(ManifestsTest, RefusesWhatCannotRun) {
  const std::vector<Refusal> refusals = {
      {"no server", {.target = Target::kKnative}, Code::kUnsupported},
      {"a command for Ray", {.target = Target::kKubeRay, .command = {"x"}}, Code::kUsage},
      {"changes nobody reads", {.command = {"x"}, .overrides = {"seed=1"}}, Code::kUsage},
      {"two places for data", {.data_claim = "a", .data_path = "/b"}, Code::kUsage},
      {"a queue without a name", {.make_queue = true}, Code::kUsage},
      {"a quota without a namespace", {.quota = true}, Code::kUsage},
      {"a queue for a server", {.target = Target::kKnative, .queue = "q", .command = {"x"}}, Code::kUsage},
      {"health of a job", {.health = "/ok"}, Code::kUsage},
      {"capital letters", {.name = "Big"}, Code::kBadValue},
      {"a digit first", {.name = "1a"}, Code::kBadValue},
      {"a long name", {.name = std::string(41, 'a')}, Code::kBadValue},
      {"a secret with a slash", {.secrets = {"a/b"}}, Code::kBadValue},
      {"an empty secret", {.secrets = {""}}, Code::kBadValue},
      {"a namespace with dots", {.space = "a.b"}, Code::kBadValue},
      {"a blank in the image", {.image = "a b"}, Code::kBadValue},
      {"a line in the image", {.image = "a\nb"}, Code::kBadValue},
      {"data over the pipeline", {.data_path = "/etc/headrace/data"}, Code::kBadValue},
      {"data in a relative folder", {.data_path = "data"}, Code::kBadValue},
      {"too little memory", {.memory_bytes = 1000}, Code::kInfeasible},
  };
  for (const Refusal& refusal : refusals) {
    const auto deployment = deploy(kPlain, refusal.options);
    ASSERT_FALSE(deployment.ok()) << refusal.what;
    EXPECT_EQ(deployment.error().code, refusal.code) << refusal.what << ": " << deployment.error().text();
    EXPECT_FALSE(deployment.error().advice.empty()) << refusal.what;
  }
}

TEST_F(ManifestsTest, RefusesFewerWorkersThanAGangHas) {
  const auto deployment = deploy("  rows: { op: reader, path: a.csv }\n  w: { op: work, from: rows, gang: 5 }\n",
                                 {.target = Target::kKubeRay, .workers = 4});
  ASSERT_FALSE(deployment.ok());
  EXPECT_EQ(deployment.error().code, Code::kInfeasible);
}

TEST_F(ManifestsTest, WritesAllOrLeavesForeignFilesAlone) {
  const auto deployment = deploy(kPlain);
  ASSERT_TRUE(deployment.ok());
  const std::string out = folder_->file("out");
  const auto written = write_deployment(*deployment, out, false);
  ASSERT_TRUE(written.ok()) << written.error().text();
  EXPECT_EQ(written->size(), deployment->manifests.size() + 1);
  ASSERT_TRUE(write_deployment(*deployment, out, false).ok());
  write("out/50-job.yaml", "kind: Mine\n");
  const auto refused = write_deployment(*deployment, out, false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUsage);
  EXPECT_EQ(*io::read_file(out + "/50-job.yaml"), "kind: Mine\n");
  EXPECT_TRUE(write_deployment(*deployment, out, true).ok());
}

TEST_F(ManifestsTest, ContainerfileNamesItsVersions) {
  const std::string job = detail::containerfile_of(Target::kJob, "1.2.3");
  EXPECT_NE(job.find("headrace:1.2.3"), std::string::npos);
  EXPECT_EQ(job.find("{{"), std::string::npos);
  EXPECT_EQ(job.find("AS ray"), std::string::npos);
  const std::string ray = detail::containerfile_of(Target::kKubeRay, "1.2.3");
  EXPECT_NE(ray.find("ray[default]==" + std::string(kRayVersion)), std::string::npos);
}

}  // namespace
}  // namespace headrace::cluster
