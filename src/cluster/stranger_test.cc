// SPDX-License-Identifier: Apache-2.0
// Whoever connects without being a worker: wrong words, wrong token, wrong version, silence. The fleet says why, closes, and works on.
#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <thread>

#include "cluster/wire.h"
#include "headrace/base/text.h"
#include "headrace/cluster/fleet.h"
#include "headrace/exec/operator.h"

namespace headrace::cluster {
namespace {

// A connection that says what a test tells it to.
class Stranger {
 public:
  explicit Stranger(const io::Address& address) {
    auto loop = io::Loop::create();
    loop_ = std::move(loop).value();
    thread_ = std::thread([this] { loop_->run(); });
    std::promise<void> open;
    loop_->post([&] {
      io::Channel::connect(*loop_, address, {}, std::chrono::seconds(5), [&](auto channel) {
        if (channel.ok()) channel_ = std::move(channel).value();
        if (channel_ != nullptr) {
          channel_->start([this](io::Frame& frame) { return on_frame(frame); }, [this](const Status&) { closed_.set_value(); });
        }
        open.set_value();
      });
    });
    open.get_future().wait();
  }
  ~Stranger() {
    if (channel_ != nullptr) loop_->post([this] { channel_->close(); });
    loop_->stop();
    thread_.join();
  }

  bool connected() const { return channel_ != nullptr; }
  void say(wire::FrameKind kind, const google::protobuf::MessageLite& message) { (void)send(*channel_, kind, message, {}, true); }
  void say(std::uint16_t kind, std::string_view bytes) { (void)channel_->send(kind, bytes, {}, true); }
  bool is_closed_within(std::chrono::milliseconds time) { return closed_.get_future().wait_for(time) == std::future_status::ready; }
  // The kind of the first answer, 0 when there is none.
  int answer(std::chrono::milliseconds time) {
    auto first = answer_.get_future();
    return first.wait_for(time) == std::future_status::ready ? first.get() : 0;
  }
  wire::Refused refused;

 private:
  Status on_frame(io::Frame& frame) {
    if (std::exchange(answered_, true)) return {};
    if (frame.kind == wire::REFUSED) HEADRACE_TRY(parse(frame, refused));
    answer_.set_value(frame.kind);
    return {};
  }

  std::unique_ptr<io::Loop> loop_;
  std::thread thread_;
  std::shared_ptr<io::Channel> channel_;
  std::promise<int> answer_;
  std::promise<void> closed_;
  bool answered_ = false;
};

constexpr std::chrono::seconds kSoon(10);

class StrangerTest : public testing::Test {
 protected:
  void SetUp() override {
    FleetOptions options;
    options.listen = {{.kind = io::Address::Kind::kTls, .host = "127.0.0.1", .port = 0, .certificate = {}}};
    auto fleet = Fleet::start(std::move(options));
    ASSERT_TRUE(fleet.ok()) << fleet.error().text();
    fleet_ = std::move(fleet).value();
  }
  wire::Hello hello() const {
    wire::Hello out;
    out.set_protocol(kProtocol);
    out.set_version(HEADRACE_VERSION);
    out.set_pack_abi(HEADRACE_PACK_ABI);
    out.set_token(fleet_->token());
    out.set_language("native");
    return out;
  }
  void expect_refused(const wire::Hello& hello, Code code) {
    for (const io::Address& address : fleet_->addresses()) {
      Stranger stranger(address);
      ASSERT_TRUE(stranger.connected()) << address.text();
      stranger.say(wire::HELLO, hello);
      EXPECT_EQ(stranger.answer(kSoon), wire::REFUSED);
      EXPECT_EQ(stranger.refused.code(), static_cast<std::uint32_t>(code));
      EXPECT_TRUE(stranger.is_closed_within(kSoon));
    }
    EXPECT_TRUE(fleet_->report().workers.empty());
  }

  std::unique_ptr<Fleet> fleet_;
};

TEST_F(StrangerTest, AWrongTokenIsRefused) {
  wire::Hello wrong = hello();
  wrong.set_token(std::string(64, '0'));
  expect_refused(wrong, Code::kRefused);
  wrong.set_token("");
  expect_refused(wrong, Code::kRefused);
}

TEST_F(StrangerTest, AnotherVersionIsRefused) {
  wire::Hello other = hello();
  other.set_version("0.0.1");
  expect_refused(other, Code::kVersion);
  other = hello();
  other.set_protocol(kProtocol + 1);
  expect_refused(other, Code::kVersion);
  other = hello();
  other.set_pack_abi(HEADRACE_PACK_ABI + 1);
  expect_refused(other, Code::kVersion);
}

TEST_F(StrangerTest, AnAmountThatNoHostHasIsRefused) {
  for (const double amount : {-1.0, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    wire::Hello vast = hello();
    vast.mutable_resources()->set_cpu(amount);
    expect_refused(vast, Code::kBadValue);
    vast = hello();
    vast.mutable_resources()->set_gpu(amount);
    expect_refused(vast, Code::kBadValue);
    vast = hello();
    (*vast.mutable_resources()->mutable_custom())["disk"] = amount;
    expect_refused(vast, Code::kBadValue);
  }
}

TEST_F(StrangerTest, WhoSpeaksOutOfTurnIsCutOff) {
  for (const int kind : {0, 5, 9, 12, 999}) {
    Stranger stranger(fleet_->addresses()[0]);
    stranger.say(static_cast<std::uint16_t>(kind), "anything");
    EXPECT_TRUE(stranger.is_closed_within(kSoon)) << kind;
  }
  Stranger garbled(fleet_->addresses()[0]);
  garbled.say(wire::HELLO, std::string(1000, '\xff'));
  EXPECT_TRUE(garbled.is_closed_within(kSoon));
}

TEST_F(StrangerTest, AWorkerThatClaimsWhatItWasNotAskedIsCutOff) {
  const auto cut_off = [&](wire::FrameKind kind, const google::protobuf::MessageLite& message) {
    Stranger worker(fleet_->addresses()[0]);
    worker.say(wire::HELLO, hello());
    ASSERT_EQ(worker.answer(kSoon), wire::WELCOME);
    worker.say(kind, message);
    EXPECT_TRUE(worker.is_closed_within(kSoon)) << kind;
  };
  cut_off(wire::WELCOME, wire::Welcome());
  cut_off(wire::CALL, wire::Call());
  wire::Done done;
  done.set_start_us(std::numeric_limits<std::int64_t>::max());   // the time that it ran for would overflow
  done.set_end_us(std::numeric_limits<std::int64_t>::min());
  cut_off(wire::DONE, done);
  wire::Progress progress;
  progress.set_share(std::numeric_limits<double>::quiet_NaN());
  cut_off(wire::PROGRESS, progress);
}

TEST_F(StrangerTest, ResultsOfUnknownCallsDoNoHarm) {
  Stranger worker(fleet_->addresses()[0]);
  worker.say(wire::HELLO, hello());
  ASSERT_EQ(worker.answer(kSoon), wire::WELCOME);
  wire::Done done;
  done.set_call(12345);
  done.add_outputs()->set_object(99);
  worker.say(wire::DONE, done);
  wire::Started started;
  started.set_call(77);
  worker.say(wire::STARTED, started);
  wire::Returned returned;
  returned.set_call(5);
  worker.say(wire::RETURNED, returned);
  wire::Missing missing;
  missing.set_object(5);
  worker.say(wire::MISSING, missing);
  wire::Fetch fetch;
  fetch.set_object(4711);
  worker.say(wire::FETCH, fetch);
  EXPECT_EQ(fleet_->report().workers.size(), 1u);
  EXPECT_EQ(fleet_->report().calls_done, 0u);
}

TEST_F(StrangerTest, AWorkerThatIsSilentIsTakenForDead) {
  Stranger worker(fleet_->addresses()[0]);
  worker.say(wire::HELLO, hello());
  ASSERT_EQ(worker.answer(kSoon), wire::WELCOME);
  EXPECT_TRUE(worker.is_closed_within(kSoon));   // it never sends a heartbeat
  EXPECT_EQ(fleet_->report().workers_lost, 1u);
}

TEST_F(StrangerTest, PlainTextOutsideTheLoopbackIsRefused) {
  FleetOptions options;
  options.listen = {{.kind = io::Address::Kind::kTcp, .host = "0.0.0.0", .port = 0, .certificate = {}}};
  EXPECT_EQ(Fleet::start(std::move(options)).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace headrace::cluster
