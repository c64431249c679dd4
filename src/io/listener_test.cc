// SPDX-License-Identifier: Apache-2.0
// Listeners and connections over Unix sockets, TCP and TLS, all on this machine.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <deque>
#include <fstream>

#include "headrace/base/random.h"
#include "headrace/io/file.h"
#include "io/address.h"
#include "io/channel_fixture.h"
#include "io/frames.h"

namespace headrace::io {
namespace {

using namespace testing;

class ListenerTest : public ::testing::Test {
 protected:
  ~ListenerTest() override {
    server_loop_.call([&] { listener_.reset(); });
  }
  Result<Address> open(const Address& address) {
    return server_loop_.call([&]() -> Result<Address> {
      HEADRACE_ASSIGN(listener_, Listener::open(server_loop_.loop(), address, identity_, {}, [this](std::shared_ptr<Channel> channel) {
        ends_.emplace_back();
        ends_.back().reaction = [](End& end, Frame& frame) {
          return end.channel().send(frame.kind, cat("echo ", frame.payload), {});
        };
        ends_.back().take(std::move(channel));
        ++accepted_;
      }));
      return listener_->address();
    });
  }
  // One connection that says something and hears its echo, then closes.
  void expect_echo(const Address& address, std::size_t bytes = 10) {
    End end;
    connect(client_loop_, end, address);
    const std::string payload(bytes, 'p');
    ASSERT_TRUE(end.channel().send(7, payload, {}, true).ok());
    const auto messages = end.messages(1);
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, 7);
    EXPECT_TRUE(messages[0].payload == cat("echo ", payload));
    client_loop_.call([&] { end.channel().close(kPatience); });
    EXPECT_TRUE(end.closed().ok()) << end.closed().error().text();
  }
  Error connection_error(const Address& address, std::chrono::milliseconds timeout = kPatience) {
    End end;
    connect(client_loop_, end, address, timeout);
    return end.refused();
  }
  Descriptor raw_connection(const Address& address) {
    auto where = detail::resolve(address.host, address.port, false, true).value().front();
    Descriptor socket(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), where.get(), where.size), 0);
    return socket;
  }

  std::deque<End> ends_;
  std::atomic<int> accepted_{0};
  std::shared_ptr<const TlsIdentity> identity_ = TlsIdentity::create().value();
  TemporaryFolder folder_ = TemporaryFolder::create("headrace_listener_test").value();
  std::unique_ptr<Listener> listener_;
  LoopThread server_loop_, client_loop_;
};

TEST(AddressTest, TextAndAddressAgree) {
  const std::string digest(64, 'a');
  for (const std::string& text : {std::string("unix:/run/x/socket"), std::string("unix:@abstract"), std::string("tcp:localhost:80"),
                                  std::string("tcp:[::1]:65535"), std::string("tls:10.0.0.1:0"), cat("tls:[fe80::1]:9#", digest)}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address.ok()) << address.error().text();
    EXPECT_EQ(address->text(), text);
    EXPECT_TRUE(Address::parse(address->text()).value() == *address);
  }
  EXPECT_EQ(Address::parse("tcp:[::1]:5").value().host, "::1");
}

TEST(AddressTest, WhatIsNoAddressIsRefused) {
  const std::string a64(64, 'a'), g64(64, 'g'), x107(107, 'x');
  std::vector<std::string> texts{cat("unix:/", x107), std::string("unix:/a\0b", 9), cat("tls:host:80#", g64), cat("tcp:host:80#", a64)};
  for (const char* text : {"", "unix", "unix:", "unix:@", "tcp:host", "tcp::80", "tcp:host:", "tcp:host:65536", "tcp:host:-1",
                           "tcp:host:8x", "tcp:::1:80", "tcp:a b:80", "udp:host:80", "tls:host:80#", "tls:host:80#abc"})
    texts.emplace_back(text);
  for (const std::string& text : texts) {
    const auto address = Address::parse(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.error().code, Code::kBadValue);
  }
}

TEST_F(ListenerTest, UnixPathsArePrivateAndGoWithTheListener) {
  const Address address{.host = folder_.file("socket")};
  ASSERT_TRUE(open(address).ok());
  struct stat facts {};
  ASSERT_EQ(::lstat(address.host.c_str(), &facts), 0);
  EXPECT_TRUE(S_ISSOCK(facts.st_mode));
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  expect_echo(address);
  expect_echo(address, 3'000'000);
  server_loop_.call([&] { listener_.reset(); });
  EXPECT_NE(::lstat(address.host.c_str(), &facts), 0);
  EXPECT_EQ(connection_error(address).code, Code::kUnreachable);
}

TEST_F(ListenerTest, AStaleSocketFileIsReplacedAndALiveOneIsNot) {
  const Address address{.host = folder_.file("socket")};
  {
    Descriptor dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto where = detail::unix_address(address.host).value();
    ASSERT_EQ(::bind(dead.get(), where.get(), where.size), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
  }
  ASSERT_TRUE(open(address).ok());
  const auto second = client_loop_.call([&] { return Listener::open(client_loop_.loop(), address, nullptr, {}, [](auto) {}); });
  EXPECT_EQ(second.error().code, Code::kBusy);
  expect_echo(address);
  const Address file{.host = folder_.file("file")};
  std::ofstream(file.host) << "precious";
  const auto third = client_loop_.call([&] { return Listener::open(client_loop_.loop(), file, nullptr, {}, [](auto) {}); });
  EXPECT_EQ(third.error().code, Code::kBusy);
  EXPECT_TRUE(std::filesystem::exists(file.host));
}

TEST_F(ListenerTest, AbstractNamesLeaveNoFile) {
  const Address address{.host = cat("@headrace-test-", ::getpid())};
  ASSERT_TRUE(open(address).ok());
  expect_echo(address);
  const auto second = client_loop_.call([&] { return Listener::open(client_loop_.loop(), address, nullptr, {}, [](auto) {}); });
  EXPECT_EQ(second.error().code, Code::kBusy);
}

TEST_F(ListenerTest, TcpTakesAFreePortAndSendsSmallWritesAtOnce) {
  const auto address = open({.kind = Address::Kind::kTcp, .host = "127.0.0.1"});
  ASSERT_TRUE(address.ok()) << address.error().text();
  EXPECT_GT(address->port, 0);
  expect_echo(*address);
  expect_echo(*address, 3'000'000);
  Address named = *address;
  named.host = "localhost";
  expect_echo(named);
  EXPECT_EQ(ends_.front().channel().send(1, "x", std::vector<int>{0}).error().code, Code::kUnsupported);
  EXPECT_FALSE(ends_.front().channel().is_unix());
  EXPECT_FALSE(ends_.front().channel().peer_user().has_value());
  const auto second = client_loop_.call([&] { return Listener::open(client_loop_.loop(), *address, nullptr, {}, [](auto) {}); });
  EXPECT_EQ(second.error().code, Code::kBusy);
}

TEST_F(ListenerTest, NobodyListeningAndUnknownHostsAreUnreachable) {
  const auto address = open({.kind = Address::Kind::kTcp, .host = "127.0.0.1"}).value();
  server_loop_.call([&] { listener_.reset(); });
  EXPECT_EQ(connection_error(address).code, Code::kUnreachable);
  EXPECT_EQ(connection_error({.kind = Address::Kind::kTcp, .host = "no-such-host.invalid", .port = 1}).code, Code::kUnreachable);
  EXPECT_EQ(connection_error({.host = folder_.file("none")}).code, Code::kUnreachable);
}

TEST_F(ListenerTest, TlsCarriesFramesOfAllSizesBothWays) {
  const auto address = open({.kind = Address::Kind::kTls, .host = "127.0.0.1"});
  ASSERT_TRUE(address.ok()) << address.error().text();
  EXPECT_EQ(address->certificate, identity_->digest());
  EXPECT_EQ(address->certificate.size(), 64u);
  expect_echo(*address);
  const std::uint64_t seed = 5;
  Random random(seed);
  End end;
  connect(client_loop_, end, *address);
  std::vector<std::string> sent;
  for (int i = 0; i < 400; ++i) {
    sent.emplace_back(random.below(i % 40 == 0 ? 900'000 : 3000), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(end.channel().send(1, sent.back(), {}, random.below(2) == 0).ok());
  }
  const auto came = end.messages(sent.size());
  ASSERT_EQ(came.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_TRUE(came[i].payload == cat("echo ", sent[i])) << "seed " << seed << ", frame " << i;
  server_loop_.call([&] { ends_.back().channel().close(kPatience); });
  EXPECT_TRUE(end.closed().ok()) << end.closed().error().text();
}

TEST_F(ListenerTest, ThreadsShareATlsChannel) {
  const auto address = open({.kind = Address::Kind::kTls, .host = "127.0.0.1"}).value();
  End end;
  connect(client_loop_, end, address);
  Channel& channel = end.channel();
  {
    std::vector<std::jthread> threads;
    for (std::uint16_t t = 0; t < 4; ++t) {
      threads.emplace_back([&channel, t] {
        for (int i = 0; i < 250; ++i) ASSERT_TRUE(channel.send(t, std::string(static_cast<std::size_t>(i) * 90, 'x'), {}, i % 2 == 0).ok());
      });
    }
  }
  std::array<std::size_t, 4> next{};
  for (const End::Message& message : end.messages(1000)) EXPECT_EQ(message.payload.size(), 5 + 90 * next.at(message.kind)++);
}

TEST_F(ListenerTest, AClientTakesNoCertificateButTheOneItWasTold) {
  auto address = open({.kind = Address::Kind::kTls, .host = "127.0.0.1"}).value();
  address.certificate = TlsIdentity::create().value()->digest();
  EXPECT_EQ(connection_error(address).code, Code::kRefused);
  address.certificate.clear();
  EXPECT_EQ(connection_error(address).code, Code::kRefused);
  address.certificate = identity_->digest();
  expect_echo(address);
  EXPECT_EQ(accepted_, 1) << "a handshake that failed makes no channel";
}

TEST_F(ListenerTest, PlainPeersGarbageAndSlowHandshakesAreDroppedAndOthersServed) {
  const auto address = open({.kind = Address::Kind::kTls, .host = "127.0.0.1"}).value();
  const Descriptor garbage = raw_connection(address), silent = raw_connection(address);
  ASSERT_EQ(::send(garbage.get(), "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
  expect_echo(address);   // while the silent one waits
  char byte = 0;
  while (::recv(garbage.get(), &byte, 1, 0) > 0) {
  }
  // More than may shake hands at once: those behind them wait, and are served when they are dropped.
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 300; ++i) crowd.push_back(raw_connection(address));
  expect_echo(address);
  EXPECT_EQ(::recv(silent.get(), &byte, 1, 0), 0) << "dropped after its 5 seconds";
  EXPECT_EQ(accepted_, 2);
}

TEST_F(ListenerTest, AServerThatSaysNothingEndsInATimeout) {
  Descriptor mute(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto where = detail::resolve("127.0.0.1", 0, true, true).value().front();
  ASSERT_EQ(::bind(mute.get(), where.get(), where.size), 0);
  ASSERT_EQ(::listen(mute.get(), 1), 0);
  ASSERT_EQ(::getsockname(mute.get(), where.get(), &where.size), 0);
  const Address address{.kind = Address::Kind::kTls, .host = "127.0.0.1", .port = where.port(), .certificate = std::string(64, 'a')};
  EXPECT_EQ(connection_error(address, std::chrono::milliseconds(50)).code, Code::kTimeout);
}

// Carries bytes between a client and a server until it is cut.
void carry(int left, int right, const std::atomic<bool>& cut) {
  std::array<char, 65536> part;
  while (!cut) {
    std::array<pollfd, 2> ends{pollfd{left, POLLIN, 0}, pollfd{right, POLLIN, 0}};
    if (::poll(ends.data(), 2, 5) <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (ends.at(static_cast<std::size_t>(i)).revents == 0) continue;
      const ssize_t got = ::recv(i == 0 ? left : right, part.data(), part.size(), 0);
      if (got <= 0) return;
      ASSERT_EQ(::send(i == 0 ? right : left, part.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL), got);
    }
  }
}

TEST_F(ListenerTest, ATlsStreamThatIsCutBetweenTwoFramesIsNoCleanEnd) {
  const auto address = open({.kind = Address::Kind::kTls, .host = "127.0.0.1"}).value();
  Descriptor proxy(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto where = detail::resolve("127.0.0.1", 0, true, true).value().front();
  ASSERT_EQ(::bind(proxy.get(), where.get(), where.size), 0);
  ASSERT_EQ(::listen(proxy.get(), 1), 0);
  ASSERT_EQ(::getsockname(proxy.get(), where.get(), &where.size), 0);
  std::atomic<bool> cut{false};
  std::jthread middle([&] {
    const Descriptor client(::accept(proxy.get(), nullptr, nullptr));
    const Descriptor server = raw_connection(address);
    carry(client.get(), server.get(), cut);
  });
  Address through = address;
  through.port = where.port();
  End end;
  connect(client_loop_, end, through);
  ASSERT_TRUE(end.channel().send(1, "hello", {}, true).ok());
  EXPECT_EQ(end.messages(1).front().payload, "echo hello");
  cut = true;
  ASSERT_FALSE(end.closed().ok());
  EXPECT_EQ(end.closed().error().code, Code::kClosed);
}

TEST_F(ListenerTest, ListeningNeedsWhatItNeeds) {
  identity_ = nullptr;
  EXPECT_EQ(open({.kind = Address::Kind::kTls, .host = "127.0.0.1"}).error().code, Code::kBadValue);
  EXPECT_EQ(open({.kind = Address::Kind::kTcp, .host = "192.0.2.1"}).error().code, Code::kBadValue);
  EXPECT_EQ(open({.host = folder_.file("none/socket")}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace headrace::io
