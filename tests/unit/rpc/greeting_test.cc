// SPDX-License-Identifier: Apache-2.0
//
// What a channel asks first on each connection; and waits on its threads.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include "kvnode/rpc/delay.h"
#include "tests/unit/rpc/echo_call.h"
#include "tests/unit/rpc/echo_service.h"
#include "tests/unit/rpc/raw_client.h"

namespace metaring::rpc {
namespace {

class GreetingTest : public ::testing::Test {
 protected:
  GreetingTest() { threads_.Start("client", 1); }
  ~GreetingTest() override { threads_.Stop(); }

  // Greets with `payload`; the answer must be the same.
  ChannelOptions To(uint16_t port, const Bytes& payload) {
    ChannelOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.allow_insecure_plain_text = true;
    options.backoff_min = options.backoff_max = std::chrono::milliseconds(0);
    options.greeting = Greeting{"echo", [payload] { return EchoFrame(0, payload); },
                                [this](const Result<ByteView>& reply) { return Accept(reply); }};
    return options;
  }

  Status Accept(const Result<ByteView>& reply) {
    ++greetings_;
    if (!reply) return Fail(reply.error());
    if (refuse_) return Fail(ErrorCode::kFormatMismatch, "another cluster");
    return {};
  }

  IoThreads threads_;
  std::atomic<int> greetings_{0};
  std::atomic<bool> refuse_{false};
};

TEST_F(GreetingTest, ComesFirstAndOnceAConnection) {
  TestServer server;
  Channel channel(threads_, To(server.port(), "hello"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*EchoCall(channel, "x").Await(), "x");
  EXPECT_EQ(greetings_, 1);
  EchoCall held(channel, "hold");
  const std::vector<Call> calls = server.service().TakeHeld(1);
  channel.Disconnect();
  EXPECT_EQ(CodeOf(held.Await()), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(*EchoCall(channel, "y").Await(), "y");
  EXPECT_EQ(greetings_, 2);
}

TEST_F(GreetingTest, HoldsCallsBackUntilItIsAnswered) {
  TestServer server;
  Channel channel(threads_, To(server.port(), "hold"));
  EchoCall waiting(channel, "x");
  EchoCall hasty(channel, "y", std::chrono::milliseconds(50));
  std::vector<Call> greeting = server.service().TakeHeld(1);
  const Result<Bytes> late = hasty.Await();
  EXPECT_EQ(CodeOf(late), ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(late.error().message.ends_with("before it was sent"));
  EXPECT_FALSE(channel.connected());
  Reply(greeting[0], "welcome");
  EXPECT_EQ(*waiting.Await(), "x");
  EXPECT_TRUE(channel.connected());
}

TEST_F(GreetingTest, FailsTheCallsWithItsOwnErrorAndTriesAgain) {
  TestServer server;
  Channel channel(threads_, To(server.port(), "hello"));
  refuse_ = true;
  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(CodeOf(EchoCall(channel, "x").Await()), ErrorCode::kFormatMismatch);
    EXPECT_EQ(greetings_, i);
  }
  refuse_ = false;
  EXPECT_EQ(*EchoCall(channel, "x").Await(), "x");
}

TEST_F(GreetingTest, GivesUpAtTheDeadlineOfConnecting) {
  TestServer server;
  ChannelOptions options = To(server.port(), "hold");
  options.connect_deadline = std::chrono::milliseconds(50);
  Channel channel(threads_, options);
  EXPECT_EQ(CodeOf(EchoCall(channel, "x").Await()), ErrorCode::kUnavailable);
  EXPECT_EQ(server.service().TakeHeld(1).size(), 1U);
}

TEST_F(GreetingTest, ThatBreaksOffWasNoConnection) {
  RawServer server;
  Channel channel(threads_, To(server.port(), "hello"));
  EchoCall call(channel, "x");
  {
    RawClient peer(server.Accept());
    EXPECT_TRUE(peer.ReadFrame());
  }
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kUnavailable);
}

TEST_F(GreetingTest, EndsWithTheChannel) {
  TestServer server;
  auto channel = std::make_unique<Channel>(threads_, To(server.port(), "hold"));
  EchoCall call(*channel, "x");
  const std::vector<Call> greeting = server.service().TakeHeld(1);
  channel.reset();
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kUnavailable);
}

TEST_F(GreetingTest, DelaysEndByTimeOrWhenTheyAreCut) {
  std::promise<void> short_one;
  std::promise<void> long_one;
  const auto timed =
      Delay::Start(threads_, std::chrono::milliseconds(1), [&short_one] { short_one.set_value(); });
  const auto cut = Delay::Start(threads_, std::chrono::hours(1), [&] {
    EXPECT_TRUE(threads_.IsCurrent());
    long_one.set_value();
  });
  short_one.get_future().wait();
  EXPECT_FALSE(threads_.IsCurrent());
  cut->Cut();
  cut->Cut();
  long_one.get_future().wait();
}

}  // namespace
}  // namespace metaring::rpc
