// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "headrace/io/journal.h"

namespace headrace::io {
namespace {

class SegmentTest : public ::testing::Test {
 protected:
  std::string path() const { return folder_.file("objects"); }
  TemporaryFolder folder_ = TemporaryFolder::create("headrace_segment_test").value();
};

TEST_F(SegmentTest, BlobsComeBackFromTheirPlaces) {
  auto segment = SegmentFile::open(path()).value();
  const SegmentFile::Place first = segment->append("hello").value();
  const SegmentFile::Place empty = segment->append("").value();
  const SegmentFile::Place large = segment->append(std::string(100'000, 'z')).value();
  ASSERT_TRUE(segment->sync().ok());
  EXPECT_EQ(segment->read_at(first).value(), "hello");
  EXPECT_EQ(segment->read_at(empty).value(), "");
  EXPECT_EQ(segment->read_at(large).value(), std::string(100'000, 'z'));
  EXPECT_EQ(SegmentFile::read(path(), first).value(), "hello");
  EXPECT_EQ(large.offset % SegmentFile::kAlignment, 0u);
  EXPECT_EQ(MappedFile::open(path(), large.offset, large.length).value().bytes(), std::string(100'000, 'z'));
}

TEST_F(SegmentTest, AppendsGoBehindWhatIsThere) {
  SegmentFile::Place first, second;
  {
    auto segment = SegmentFile::open(path()).value();
    first = segment->append("first").value();
  }
  ASSERT_EQ(::truncate(path().c_str(), 3), 0);   // a killed writer
  auto segment = SegmentFile::open(path()).value();
  second = segment->append("second").value();
  EXPECT_EQ(second.offset, SegmentFile::kAlignment);
  EXPECT_EQ(segment->read_at(second).value(), "second");
}

TEST_F(SegmentTest, PlacesOutsideTheFileAreRefused) {
  auto segment = SegmentFile::open(path()).value();
  ASSERT_TRUE(segment->append("0123456789").ok());
  for (const SegmentFile::Place place : {SegmentFile::Place{0, 11},
                                         {10, 1},
                                         {11, 0},
                                         {5, ~std::uint64_t{0}},
                                         {~std::uint64_t{0}, 1},
                                         {~std::uint64_t{0}, ~std::uint64_t{0}}}) {
    const Result<std::string> read = segment->read_at(place);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, Code::kTooLarge);
  }
  EXPECT_EQ(segment->read_at({10, 0}).value(), "");
  EXPECT_EQ(SegmentFile::read(folder_.file("none"), {0, 1}).error().code, Code::kNotFound);
}

TEST_F(SegmentTest, ThreadsAppendSideBySide) {
  auto segment = SegmentFile::open(path()).value();
  constexpr int kThreads = 4, kEach = 300;
  std::vector<std::vector<SegmentFile::Place>> places(kThreads);
  const auto blob = [](int t, int i) {
    return std::string(static_cast<std::size_t>(i * 7 + t), static_cast<char>('a' + (t * 5 + i) % 26));
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) places[static_cast<std::size_t>(t)].push_back(segment->append(blob(t, i)).value());
      });
    }
  }
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kEach; ++i)
      ASSERT_EQ(segment->read_at(places[static_cast<std::size_t>(t)][static_cast<std::size_t>(i)]).value(), blob(t, i));
  }
}

}  // namespace
}  // namespace headrace::io
