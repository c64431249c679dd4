// SPDX-License-Identifier: Apache-2.0
// parity_test FOLDER [--write]: one test a row of FOLDER/cases.json. Writes FOLDER/parity.md with the measured differences;
// --write renews docs/reference/parity.md, which holds no measured value.

#include <cstdio>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"
#include "headrace/exec/packs.h"
#include "parity_case.h"
#include "parity_page.h"
#include "parity_run.h"

namespace headrace::parity {
namespace {

constexpr const char* kPage = HEADRACE_SOURCE_DIR "/docs/reference/parity.md";

// Everything the cases share, made once by main.
struct Session {
  Table table;
  exec::PackRows* pack = nullptr;
  std::vector<double> differences;
};
Session& session() {
  static Session one;
  return one;
}

class CaseTest : public ::testing::Test {
 public:
  explicit CaseTest(std::size_t index) : index_(index) {}

  void TestBody() override {
    const Case& one = session().table.cases[index_];
    SCOPED_TRACE(cat(one.op, " ", config::to_json(one.params), " on ", join(one.on, ", "), " against ", one.peer));
    const auto difference = measure(*session().pack, session().table.folder, one);
    ASSERT_TRUE(difference.ok()) << difference.error().text();
    session().differences[index_] = *difference;
    EXPECT_LE(*difference, one.tolerance) << one.compare << " differs";
  }

 private:
  std::size_t index_;
};

// A new estimator without a case would be one nobody compared.
TEST(ParityTest, EveryOperatorIsCompared) {
  std::set<std::string> compared;
  for (const Case& one : session().table.cases) compared.insert(one.op);
  for (const exec::Registration& registration : session().pack->operators()) {
    EXPECT_TRUE(compared.contains(registration.spec.name)) << "no case in tests/parity/cases for " << registration.spec.name;
  }
}

TEST(ParityTest, EveryMetricIsCompared) {
  std::set<std::string> compared;
  for (const Case& one : session().table.cases) compared.insert(one.compare);
  for (const exec::MetricRegistration& metric : session().pack->metrics()) {
    EXPECT_TRUE(compared.contains(cat("score:", metric.spec.name))) << "no case in tests/parity/cases for " << metric.spec.name;
  }
}

TEST(ParityTest, ThePageIsTheOneTheCasesGive) {
  std::ifstream file(kPage);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == page(session().table, {}))
      << kPage << " is out of date: run parity_test " << session().table.folder << " --write";
}

int run(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (argc < 2) {
    std::fprintf(stderr, "usage: parity_test FOLDER [--write]\n");
    return 2;
  }
  auto table = read_table(argv[1]);
  if (!table.ok()) {
    std::fprintf(stderr, "%s\n", table.error().text().c_str());
    return 2;
  }
  auto pack = exec::open_pack(HEADRACE_PACK_LIBRARY);
  if (!pack.ok()) {
    std::fprintf(stderr, "%s\n", pack.error().text().c_str());
    return 2;
  }
  session() = {std::move(*table), *pack, {}};
  session().differences.assign(session().table.cases.size(), 0);
  if (argc > 2 && std::string_view(argv[2]) == "--write") {
    std::ofstream(kPage) << page(session().table, {});
  }
  for (std::size_t i = 0; i < session().table.cases.size(); ++i) {
    const Case& one = session().table.cases[i];
    std::string name = cat(one.op, "_", one.compare, "_", i);
    for (char& character : name) character = character == ':' ? '_' : character;
    ::testing::RegisterTest("Parity", name.c_str(), nullptr, nullptr, __FILE__, __LINE__, [i]() -> CaseTest* { return new CaseTest(i); });
  }
  const int outcome = RUN_ALL_TESTS();
  std::ofstream(cat(session().table.folder, "/parity.md")) << page(session().table, session().differences);
  return outcome;
}

}  // namespace
}  // namespace headrace::parity

int main(int argc, char** argv) { return headrace::parity::run(argc, argv); }
