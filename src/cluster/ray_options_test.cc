// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "headrace/cluster/ray.h"

namespace headrace::cluster {
namespace {

TEST(RayOptionsTest, AddressAloneLeavesEverythingElseToTheCluster) {
  const auto options = RayOptions::parse("10.0.0.1:6379");
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->address, "10.0.0.1:6379");
  EXPECT_EQ(options->workers_max, 0);
  EXPECT_EQ(options->cpu, 1);
  EXPECT_TRUE(options->shared);
}

TEST(RayOptionsTest, EveryKeyIsRead) {
  const auto options = RayOptions::parse("auto?workers=2..8&cpu=0.5&memory=1.5GiB&gpu=1&resource=camera:2&resource=lens&node=10.0.0.2"
                                         "&listen=10.0.0.9&shared=no&program=/opt/headrace&idle=5&patience=600");
  ASSERT_TRUE(options.ok()) << options.error().text();
  EXPECT_EQ(options->workers_min, 2);
  EXPECT_EQ(options->workers_max, 8);
  EXPECT_EQ(options->cpu, 0.5);
  EXPECT_EQ(options->memory_bytes, (std::uint64_t{3} << 30) / 2);
  EXPECT_EQ(options->gpu, 1);
  EXPECT_EQ(options->custom, (std::map<std::string, double>{{"camera", 2}, {"lens", 1}}));
  EXPECT_EQ(options->node, "10.0.0.2");
  EXPECT_EQ(options->listen, "10.0.0.9");
  EXPECT_FALSE(options->shared);
  EXPECT_EQ(options->program, "/opt/headrace");
  EXPECT_EQ(options->idle, std::chrono::seconds(5));
  EXPECT_EQ(options->patience, std::chrono::seconds(600));
}

TEST(RayOptionsTest, SizesHaveDecimalAndBinaryUnits) {
  EXPECT_EQ(RayOptions::parse("auto?memory=1000")->memory_bytes, 1000U);
  EXPECT_EQ(RayOptions::parse("auto?memory=2kB")->memory_bytes, 2000U);
  EXPECT_EQ(RayOptions::parse("auto?memory=2KiB")->memory_bytes, 2048U);
  EXPECT_EQ(RayOptions::parse("auto?memory=3G")->memory_bytes, 3'000'000'000U);
}

TEST(RayOptionsTest, WrongTextIsRefusedWithItsKey) {
  for (const char* text : {"", "?workers=2", "auto?workers=0", "auto?workers=3..2", "auto?workers=2..", "auto?workers=5000",
                           "auto?workers=2x", "auto?cpu=0", "auto?cpu=-1", "auto?cpu=nan", "auto?cpu=many", "auto?gpu=", "auto?memory=2QB",
                           "auto?memory=-1GB", "auto?memory=1e30",
                           "auto?resource=CPU:1", "auto?resource=:1", "auto?resource=camera:0", "auto?placement=anywhere",
                           "auto?shared=maybe",
                           "auto?worker=2", "auto?workers", "auto?&", "auto?idle=0", "auto?placement=spread&workers=1..2",
                           "auto?placement=pack&node=10.0.0.2"}) {
    const auto options = RayOptions::parse(text);
    ASSERT_FALSE(options.ok()) << text;
    EXPECT_EQ(options.error().code, Code::kUsage) << text;
    EXPECT_NE(options.error().advice, "") << text;
  }
}

}  // namespace
}  // namespace headrace::cluster
