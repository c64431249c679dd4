// SPDX-License-Identifier: Apache-2.0
#include "io/frames.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "headrace/base/random.h"

namespace headrace::io::detail {
namespace {

std::string frame_bytes(std::uint16_t kind, std::string_view payload, std::size_t descriptors = 0) {
  const auto header = make_header(kind, descriptors, payload);
  return std::string(header.data(), header.size()) + std::string(payload);
}

using Frames = std::vector<std::pair<std::uint16_t, std::string>>;

// Feeds `bytes` in steps that `step` chooses; the frames that came, or the error.
Result<Frames> read_all(FrameReader& reader, std::string_view bytes, Random& random, std::size_t step_max) {
  Frames out;
  while (!bytes.empty()) {
    const std::span<char> room = reader.room();
    const std::size_t step = std::min({room.size(), bytes.size(), 1 + static_cast<std::size_t>(random.below(step_max))});
    std::memcpy(room.data(), bytes.data(), step);
    bytes.remove_prefix(step);
    reader.filled(step);
    while (true) {
      HEADRACE_ASSIGN(const std::optional<Frame> frame, reader.next());
      if (!frame) break;
      out.emplace_back(frame->kind, frame->payload);
    }
  }
  return out;
}

TEST(FramesTest, FramesOfAllSizesSurviveAnyCutting) {
  const std::uint64_t seed = 20261124;
  RecordProperty("seed", std::to_string(seed));
  Random random(seed);
  Frames sent;
  std::string bytes;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kReadBufferBytes / 2 - kFrameHeaderBytes, kReadBufferBytes / 2,
                                 kReadBufferBytes - kFrameHeaderBytes, kReadBufferBytes, kReadBufferBytes * 3 + 7, std::size_t{5}}) {
    sent.emplace_back(static_cast<std::uint16_t>(size), std::string(size, static_cast<char>('a' + size % 26)));
    bytes += frame_bytes(sent.back().first, sent.back().second);
  }
  for (const std::size_t step_max : {std::size_t{1}, std::size_t{13}, std::size_t{4096}, std::size_t{1} << 20}) {
    FrameReader reader(kFrameMax);
    const auto came = read_all(reader, bytes, random, step_max);
    ASSERT_TRUE(came.ok()) << came.error().text();
    EXPECT_TRUE(*came == sent) << "seed " << seed << ", steps up to " << step_max;
    EXPECT_TRUE(reader.at_end().ok());
  }
}

TEST(FramesTest, EveryChangedBitIsNoticed) {
  Random random(7);
  const std::string good = frame_bytes(3, "payload");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    FrameReader reader(1024);
    const auto came = read_all(reader, bad, random, 1024);
    // A longer length waits for bytes that do not come, and the end of the stream tells.
    EXPECT_TRUE(!came.ok() || (came->empty() && !reader.at_end().ok())) << "bit " << bit;
  }
}

TEST(FramesTest, ALengthAboveTheLimitIsRefusedFromTheHeaderAlone) {
  Random random(7);
  FrameReader reader(1000);
  std::string header = frame_bytes(1, std::string(1001, 'x')).substr(0, kFrameHeaderBytes);
  EXPECT_EQ(read_all(reader, header, random, 100).error().code, Code::kTooLarge);
  FrameReader other(kFrameMax);
  std::memcpy(header.data(), "\xff\xff\xff\x7f", 4);
  EXPECT_EQ(read_all(other, header, random, 100).error().code, Code::kTooLarge);
}

TEST(FramesTest, TheEndInsideAFrameSaysWhere) {
  Random random(7);
  const std::string whole = frame_bytes(9, "0123456789");
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    FrameReader reader(1000);
    ASSERT_TRUE(read_all(reader, whole.substr(0, cut), random, 100).ok());
    ASSERT_FALSE(reader.at_end().ok());
    EXPECT_EQ(reader.at_end().error().code, Code::kClosed);
  }
  FrameReader reader(kFrameMax);
  ASSERT_TRUE(read_all(reader, frame_bytes(9, std::string(1 << 20, 'x')).substr(0, 1 << 19), random, 1 << 20).ok());
  EXPECT_NE(reader.at_end().error().message.find("of 1048576 bytes"), std::string::npos);
}

TEST(FramesTest, DescriptorsBelongToTheFramesThatNameThem) {
  FrameReader reader(1000);
  const int first = ::open("/dev/null", O_RDONLY | O_CLOEXEC), second = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  reader.take(Descriptor(first));
  const std::string bytes = frame_bytes(1, "with", 1) + frame_bytes(2, "without");
  std::memcpy(reader.room().data(), bytes.data(), bytes.size());
  reader.filled(bytes.size());
  auto frame = reader.next();
  ASSERT_TRUE(frame.ok() && frame->has_value());
  ASSERT_EQ((*frame)->descriptors.size(), 1u);
  EXPECT_EQ((*frame)->descriptors[0].get(), first);
  frame = reader.next();
  ASSERT_TRUE(frame.ok() && frame->has_value());
  EXPECT_TRUE((*frame)->descriptors.empty());
  EXPECT_EQ(::fcntl(first, F_GETFD), -1) << "a descriptor that nobody took is closed";
  reader.take(Descriptor(second));
  EXPECT_EQ(reader.next().error().code, Code::kProtocol) << "and one that no frame names is refused";
}

TEST(FramesTest, MissingDescriptorsAndUnknownFlagsAreRefused) {
  Random random(7);
  FrameReader missing(1000);
  EXPECT_EQ(read_all(missing, frame_bytes(1, "x", 1), random, 100).error().code, Code::kProtocol);
  FrameReader many(1000);
  EXPECT_EQ(read_all(many, frame_bytes(1, "x", 65), random, 100).error().code, Code::kProtocol);
  FrameReader flags(1000);
  EXPECT_EQ(read_all(flags, frame_bytes(1, "x", 0x100), random, 100).error().code, Code::kProtocol);
}

TEST(FramesTest, TheQueueGivesTheBytesBackWhateverIsConsumedAtATime) {
  const std::uint64_t seed = 41;
  Random random(seed);
  FrameQueue queue, second;
  std::string expected;
  const std::string large(100'000, 'L');
  for (int i = 0; i < 3000; ++i) {
    FrameQueue& to = i < 2000 ? queue : second;
    const std::string payload(random.below(i % 100 == 0 ? 40'000 : 60), static_cast<char>('a' + i % 26));
    to.append(static_cast<std::uint16_t>(i), payload, {});
    expected += frame_bytes(static_cast<std::uint16_t>(i), payload);
  }
  queue.append(std::move(second));
  queue.append_borrowed(7, large, {});
  expected += frame_bytes(7, large);
  EXPECT_EQ(queue.bytes(), expected.size());
  std::string got;
  bool kept = false;
  while (!queue.empty()) {
    const FrameQueue::Batch batch = queue.batch();
    std::string bytes;
    for (std::size_t i = 0; i < batch.count; ++i)
      bytes.append(static_cast<const char*>(batch.parts[i].iov_base), batch.parts[i].iov_len);
    bytes.resize(1 + random.below(bytes.size()));
    got += bytes;
    queue.consume(bytes.size());
    if (!kept && got.size() + 50'000 > expected.size()) {
      queue.keep_borrowed();
      kept = true;
    }
  }
  EXPECT_TRUE(got == expected) << "seed " << seed;
  EXPECT_EQ(queue.bytes(), 0u);
  EXPECT_TRUE(kept);
}

TEST(FramesTest, DescriptorsStartABatch) {
  FrameQueue queue;
  const auto descriptor = [] {
    std::vector<Descriptor> one;
    one.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return one;
  };
  queue.append(1, "plain", {});
  queue.append(2, "with", descriptor());
  queue.append(3, "plain", {});
  queue.append(4, "with", descriptor());
  const auto size_of = [](const FrameQueue::Batch& batch) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < batch.count; ++i) size += batch.parts[i].iov_len;
    return size;
  };
  EXPECT_EQ(size_of(queue.batch()), 17u);
  EXPECT_TRUE(queue.batch().descriptors.empty());
  queue.consume(17);
  EXPECT_EQ(size_of(queue.batch()), 16u + 17u);
  EXPECT_EQ(queue.batch().descriptors.size(), 1u);
  queue.consume(5);
  EXPECT_TRUE(queue.batch().descriptors.empty()) << "they went with the first byte";
  EXPECT_EQ(size_of(queue.batch()), 28u);
  queue.consume(28);
  EXPECT_EQ(queue.batch().descriptors.size(), 1u);
  queue.consume(16);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace headrace::io::detail
