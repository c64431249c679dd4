// SPDX-License-Identifier: Apache-2.0
// Channels over socket pairs, and peers that misbehave, which are raw sockets here.
#include "headrace/io/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

#include "headrace/base/digest.h"
#include "headrace/base/random.h"
#include "io/channel_fixture.h"
#include "io/frames.h"

namespace headrace::io {
namespace {

using namespace testing;

std::string frame_bytes(std::uint16_t kind, std::string_view payload, std::size_t descriptors = 0) {
  const auto header = detail::make_header(kind, descriptors, payload);
  return std::string(header.data(), header.size()) + std::string(payload);
}

void write_raw(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(sent, 0) << std::strerror(errno);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Reads until the peer closes.
std::string read_raw(int socket) {
  std::string out;
  std::array<char, 65536> part;
  ssize_t got = 0;
  while ((got = ::recv(socket, part.data(), part.size(), 0)) > 0) out.append(part.data(), static_cast<std::size_t>(got));
  return out;
}

Descriptor memory_file(std::string_view content) {
  Descriptor file(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return file;
}

std::string content_of(const Descriptor& file) {
  std::string out(4096, '\0');
  const ssize_t got = ::pread(file.get(), out.data(), out.size(), 0);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

class ChannelTest : public ::testing::Test {
 protected:
  // Both ends are channels, each in a loop of its own.
  void open_pair(const ChannelOptions& options = {}) {
    auto [first, second] = socket_pair();
    adopt(left_loop_, left_, std::move(first), options);
    adopt(right_loop_, right_, std::move(second), options);
  }
  // One end is a raw socket, which is returned.
  Descriptor open_raw(const ChannelOptions& options = {}) {
    auto [first, second] = socket_pair();
    adopt(left_loop_, left_, std::move(first), options);
    return std::move(second);
  }
  void close(LoopThread& loop, End& end, std::chrono::milliseconds linger = {}) {
    loop.call([&] { end.channel().close(linger); });
  }

  End left_, right_;
  LoopThread left_loop_, right_loop_;   // go first: callbacks write to the ends
};

TEST_F(ChannelTest, FramesArriveInOrderWhicheverWayTheyAreSent) {
  open_pair();
  for (std::uint16_t i = 0; i < 100; ++i) ASSERT_TRUE(left_.channel().send(i, cat("frame ", i), {}, i % 3 == 0).ok());
  left_.channel().flush();
  left_loop_.call([&] {
    for (std::uint16_t i = 100; i < 200; ++i) ASSERT_TRUE(left_.channel().send(i, cat("frame ", i)).ok());
  });
  const auto messages = right_.messages(200);
  ASSERT_EQ(messages.size(), 200u);
  for (std::uint16_t i = 0; i < 200; ++i) {
    EXPECT_EQ(messages[i].kind, i);
    EXPECT_EQ(messages[i].payload, cat("frame ", i));
  }
  EXPECT_EQ(left_.channel().queued_bytes(), 0u);
  EXPECT_TRUE(left_.channel().is_unix());
  EXPECT_EQ(left_.channel().peer_user(), ::getuid());
  close(left_loop_, left_);
  EXPECT_TRUE(left_.closed().ok());
  EXPECT_TRUE(right_.closed().ok()) << right_.closed().error().text();
  EXPECT_EQ(left_.channel().send(1, "late").error().code, Code::kClosed);
}

TEST_F(ChannelTest, AFrameThatIsOnlyQueuedLeavesByItself) {
  open_pair();
  ASSERT_TRUE(left_.channel().send(1, "from another thread, without flush").ok());
  EXPECT_EQ(right_.messages(1).front().payload, "from another thread, without flush");
}

TEST_F(ChannelTest, ManyThreadsSendFramesOfAllSizesBothWays) {
  constexpr std::size_t kThreads = 4, kEach = 1250;   // 10,000 frames in all
  const std::uint64_t seed = 20261124;
  RecordProperty("seed", std::to_string(seed));
  open_pair();
  const auto size_of = [](Random& random) {
    const std::uint64_t dice = random.below(100);
    return random.below(dice < 80 ? 300 : dice < 98 ? 30'000 : 600'000);
  };
  const auto sender = [&](Channel& channel, std::size_t thread) {
    Random random(seed, thread);
    for (std::size_t i = 0; i < kEach; ++i) {
      std::string payload(size_of(random), static_cast<char>('a' + i % 26));
      payload += cat('#', i);
      const bool now = random.below(2) == 0;
      while (true) {
        const Status status = channel.send(static_cast<std::uint16_t>(thread), payload, {}, now);
        if (status.ok()) break;
        ASSERT_EQ(status.error().code, Code::kFull) << status.error().text();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      if (random.below(10) == 0) channel.flush();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) threads.emplace_back(sender, std::ref(left_.channel()), t);
    for (std::size_t t = 0; t < kThreads; ++t) threads.emplace_back(sender, std::ref(right_.channel()), t + kThreads);
  }
  const auto check = [&](End& end, std::size_t first_thread) {
    const auto messages = end.messages(kThreads * kEach);
    ASSERT_EQ(messages.size(), kThreads * kEach);
    std::vector<Random> random;
    std::vector<std::size_t> next(kThreads, 0);
    for (std::size_t t = 0; t < kThreads; ++t) random.emplace_back(seed, first_thread + t);
    for (const End::Message& message : messages) {
      const std::size_t t = message.kind - first_thread;
      ASSERT_LT(t, kThreads);
      const std::size_t i = next[t]++;
      std::string expected(size_of(random[t]), static_cast<char>('a' + i % 26));
      expected += cat('#', i);
      ASSERT_TRUE(message.payload == expected) << "seed " << seed << ", thread " << t << ", frame " << i;
      random[t].below(2);
      random[t].below(10);
    }
  };
  check(right_, 0);
  check(left_, kThreads);
  EXPECT_FALSE(left_.is_closed());
}

TEST_F(ChannelTest, DescriptorsArriveWithTheirFrames) {
  const std::size_t before = open_descriptors();
  {
    open_pair();
    for (int i = 0; i < 40; ++i) {
      const Descriptor first = memory_file(cat("first ", i)), second = memory_file(cat("second ", i));
      const std::array<int, 2> both{first.get(), second.get()};
      ASSERT_TRUE(left_.channel().send(0, std::string(static_cast<std::size_t>(i) * 3000, 'x'), {}, i % 7 == 0).ok());
      ASSERT_TRUE(left_.channel().send(2, "two", both, i % 5 == 0).ok());
      ASSERT_TRUE(left_.channel().send(1, std::string(static_cast<std::size_t>(i) * 9000, 'y'), std::span(both).first(1)).ok());
    }
    left_.channel().flush();
    int i = 0;
    for (const End::Message& message : right_.messages(120)) {
      ASSERT_EQ(message.descriptors.size(), message.kind);
      const std::array<std::string, 2> expected{cat("first ", i), cat("second ", i)};
      for (std::size_t d = 0; d < message.descriptors.size(); ++d) EXPECT_EQ(content_of(message.descriptors[d]), expected.at(d));
      for (const Descriptor& descriptor : message.descriptors) EXPECT_NE(::fcntl(descriptor.get(), F_GETFD) & FD_CLOEXEC, 0);
      if (message.kind == 1) ++i;
    }
    close(left_loop_, left_);
    EXPECT_TRUE(left_.closed().ok());
    EXPECT_TRUE(right_.closed().ok());
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ChannelTest, DescriptorsThatAreNotWantedAreClosed) {
  const std::size_t before = open_descriptors();
  open_pair();
  right_.reaction = [](End&, Frame& frame) {
    for (Descriptor& descriptor : frame.descriptors) descriptor.reset();
    return Status();
  };
  const Descriptor file = memory_file("x");
  const std::vector<int> many(kFrameDescriptorsMax, file.get());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(left_.channel().send(1, "x", many).ok());
  right_.messages(20);
  EXPECT_TRUE(eventually([&] { return open_descriptors() == before + 3; })) << open_descriptors();   // two sockets, one file
  EXPECT_EQ(left_.channel().send(1, "x", std::vector<int>(kFrameDescriptorsMax + 1, file.get())).error().code, Code::kTooLarge);
}

// Sends `bytes` with `count` descriptors on the first byte.
void send_with_descriptors(int socket, std::string_view bytes, int descriptor, std::size_t count) {
  std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(count * sizeof(int));
  for (std::size_t i = 0; i < count; ++i) std::memcpy(CMSG_DATA(head) + i * sizeof(int), &descriptor, sizeof(int));
  ASSERT_EQ(::sendmsg(socket, &message, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

TEST_F(ChannelTest, DescriptorsOnAFrameThatSaysNoneEndTheChannelAndAreClosed) {
  const Descriptor file = memory_file("x");
  const std::size_t before = open_descriptors();
  const Descriptor raw = open_raw();
  send_with_descriptors(raw.get(), frame_bytes(1, "one is named", 1), file.get(), 1);
  send_with_descriptors(raw.get(), frame_bytes(2, "none is named"), file.get(), 253);
  EXPECT_EQ(left_.closed().error().code, Code::kProtocol);
  for (End::Message& message : left_.messages(1)) message.descriptors.clear();
  EXPECT_TRUE(eventually([&] { return open_descriptors() == before + 1; })) << open_descriptors();
}

TEST_F(ChannelTest, GarbageLengthsChecksumsAndHalfFramesEndTheChannelWithTheirCause) {
  std::string wrong_checksum = frame_bytes(1, "payload");
  wrong_checksum.back() = 'x';
  std::string two_gigabytes = frame_bytes(1, "payload");
  std::memcpy(two_gigabytes.data(), "\x00\x00\x00\x80", 4);
  const std::string whole = frame_bytes(5, "fine");
  const std::vector<std::tuple<const char*, std::string, Code>> cases = {
      {"checksum", wrong_checksum, Code::kProtocol},
      {"2 GB", two_gigabytes, Code::kTooLarge},
      {"http", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Code::kTooLarge},
      {"flags", frame_bytes(1, "x", 0x4000), Code::kProtocol},
      {"half a header", whole.substr(0, 5), Code::kClosed},
      {"half a payload", whole.substr(0, 14), Code::kClosed},
      {"half a large payload", frame_bytes(5, std::string(1'000'000, 'x')).substr(0, 700'000), Code::kClosed}};
  for (const auto& [name, bytes, code] : cases) {
    End end;
    auto [first, raw] = socket_pair();
    adopt(left_loop_, end, std::move(first));
    write_raw(raw.get(), whole + bytes);
    if (code == Code::kClosed) raw.reset();
    ASSERT_FALSE(end.closed().ok()) << name;
    EXPECT_EQ(end.closed().error().code, code) << name << ": " << end.closed().error().text();
    EXPECT_EQ(end.messages(1).size(), 1u) << name << ": the frame before is delivered";
    EXPECT_EQ(end.closed_calls, 1);
  }
}

TEST_F(ChannelTest, AnErrorEndsOnlyItsOwnChannel) {
  open_pair();
  End bad;
  auto [first, raw] = socket_pair();
  adopt(right_loop_, bad, std::move(first));
  write_raw(raw.get(), std::string(100, '\xff'));
  EXPECT_FALSE(bad.closed().ok());
  ASSERT_TRUE(left_.channel().send(1, "still there", {}, true).ok());
  EXPECT_EQ(right_.messages(1).front().payload, "still there");
}

TEST_F(ChannelTest, ARefusedFrameEndsTheChannelWithThatError) {
  right_.reaction = [](End&, Frame&) { return Status(Error(Code::kVersion, "too old")); };
  open_pair();
  ASSERT_TRUE(left_.channel().send(1, "hello", {}, true).ok());
  EXPECT_EQ(right_.closed().error().code, Code::kVersion);
  (void)left_.closed();
}

TEST_F(ChannelTest, APeerThatNeverReadsFillsTheQueueAndNoMore) {
  const Descriptor raw = open_raw({.queue_max = 4 << 20});
  const std::string payload(100'000, 'x');
  std::size_t taken = 0;
  Status status;
  while ((status = left_.channel().send(1, payload)).ok()) {
    taken += payload.size();
    ASSERT_LT(taken, 64u << 20);
  }
  EXPECT_EQ(status.error().code, Code::kFull);
  EXPECT_LE(left_.channel().queued_bytes(), 4u << 20);
  EXPECT_GE(taken, 3u << 20);
  EXPECT_FALSE(left_.is_closed()) << "the channel itself is well";
  close(left_loop_, left_, std::chrono::milliseconds(20));
  EXPECT_TRUE(left_.closed().ok()) << "linger ends too";
}

TEST_F(ChannelTest, FramesAbove_frame_max_AreNotSent) {
  open_pair({.frame_max = 1000});
  EXPECT_EQ(left_.channel().send(1, std::string(1001, 'x')).error().code, Code::kTooLarge);
  EXPECT_TRUE(left_.channel().send(1, std::string(1000, 'x')).ok());
  EXPECT_EQ(right_.messages(1).size(), 1u);
}

TEST_F(ChannelTest, PausedReadingHoldsThePeerBackAndResumesWhereItWas) {
  open_pair({.queue_max = 8 << 20});
  right_.reaction = [](End& end, Frame& frame) {
    if (frame.kind == 1) end.channel().pause_reading(true);
    return Status();
  };
  const std::string payload(50'000, 'x');
  std::size_t sent = 0;
  ASSERT_TRUE(left_.channel().send(1, "pause").ok());
  while (left_.channel().send(2, payload).ok()) ++sent;   // until the queue is full
  EXPECT_GE(sent * payload.size(), 7u << 20);
  EXPECT_EQ(right_.messages(1).size(), 1u);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(right_.count(), 0u);
  right_loop_.call([&] { right_.channel().pause_reading(false); });
  EXPECT_EQ(right_.messages(sent).size(), sent);
  EXPECT_TRUE(eventually([&] { return left_.channel().queued_bytes() == 0; }));
}

TEST_F(ChannelTest, LingeringDeliversEverythingThatWasQueued) {
  open_pair();
  left_loop_.call([&] {
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(left_.channel().send(1, std::string(50'000, 'x')).ok());
    left_.channel().close(kPatience);
    EXPECT_EQ(left_.channel().send(1, "late").error().code, Code::kClosed);
  });
  EXPECT_EQ(right_.messages(300).size(), 300u);
  EXPECT_TRUE(right_.closed().ok()) << right_.closed().error().text();
  EXPECT_TRUE(left_.closed().ok());
  EXPECT_EQ(left_.closed_calls, 1);
}

TEST_F(ChannelTest, TheLastFramesOfAPeerThatClosedAreReadAlthoughWritingFails) {
  Descriptor raw = open_raw();
  left_loop_.call([&] {
    write_raw(raw.get(), frame_bytes(9, "why I go"));
    raw.reset();
    for (int i = 0; i < 100; ++i) (void)left_.channel().send(1, "into the void", {}, true);   // EPIPE, and no SIGPIPE
  });
  EXPECT_EQ(left_.messages(1).front().payload, "why I go");
  (void)left_.closed();
  EXPECT_EQ(left_.channel().send(1, "x").error().code, Code::kClosed);
}

TEST_F(ChannelTest, AWriterThatMeetsAClosingChannelGetsAnErrorAndNoForeignDescriptor) {
  for (int round = 0; round < 50; ++round) {
    End end, other;
    auto [first, second] = socket_pair();
    adopt(left_loop_, end, std::move(first));
    adopt(right_loop_, other, std::move(second));
    Channel& channel = end.channel();
    std::atomic<bool> go{false};
    std::jthread writer([&] {
      go = true;
      const std::string payload(200'000, 'x');
      while (channel.send(1, payload, {}, true).ok()) {
      }
    });
    while (!go) std::this_thread::yield();
    left_loop_.call([&] { channel.close(); });
    writer.join();
    EXPECT_TRUE(end.closed().ok());
    (void)other.closed();
  }
}

TEST_F(ChannelTest, CallbacksMayCloseTheirChannel) {
  right_.reaction = [](End& end, Frame&) {
    end.channel().close();
    return Status();
  };
  open_pair();
  left_loop_.call([&] {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(left_.channel().send(1, "x").ok());
  });
  EXPECT_TRUE(right_.closed().ok());
  EXPECT_EQ(right_.count(), 1u) << "nothing is delivered after close";
  (void)left_.closed();
}

TEST_F(ChannelTest, ARawPeerGetsExactlyTheFramesInOneStream) {
  Descriptor raw = open_raw();
  left_loop_.call([&] {
    ASSERT_TRUE(left_.channel().send(1, "a").ok());
    ASSERT_TRUE(left_.channel().send(2, "").ok());
    ASSERT_TRUE(left_.channel().send(3, std::string(70'000, 'z')).ok());
    left_.channel().close(std::chrono::milliseconds(1));
  });
  EXPECT_TRUE(read_raw(raw.get()) == frame_bytes(1, "a") + frame_bytes(2, "") + frame_bytes(3, std::string(70'000, 'z')));
}

TEST_F(ChannelTest, WhatIsNoStreamSocketIsNotAdopted) {
  EXPECT_EQ(Channel::adopt(left_loop_.loop(), Descriptor(::open("/dev/null", O_RDWR)), {}).error().code, Code::kBadValue);
  EXPECT_EQ(Channel::adopt(left_loop_.loop(), Descriptor(), {}).error().code, Code::kBadValue);
  EXPECT_EQ(Channel::adopt(left_loop_.loop(), Descriptor(::socket(AF_UNIX, SOCK_DGRAM, 0)), {}).error().code, Code::kBadValue);
}

}  // namespace
}  // namespace headrace::io
