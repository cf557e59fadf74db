// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/channel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/unit/rpc/echo_call.h"
#include "tests/unit/rpc/echo_service.h"
#include "tests/unit/rpc/pki.h"
#include "tests/unit/rpc/raw_client.h"

namespace metaring::rpc {
namespace {

constexpr std::chrono::milliseconds kShort{50};

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() { threads_.Start("client", 1); }
  ~ChannelTest() override { threads_.Stop(); }

  static ChannelOptions To(uint16_t port) {
    ChannelOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.allow_insecure_plain_text = true;
    options.backoff_min = options.backoff_max = std::chrono::milliseconds(0);
    return options;
  }

  IoThreads threads_;
};

// A port that nobody listens on.
uint16_t ClosedPort() {
  return RawServer().port();
}

// Answers the echo call in `frame`, as a server that a test plays itself.
Bytes AnswerTo(ByteView frame, ByteView method = "echo") {
  const Message call = *ParseMessage(frame);
  Bytes answer = BeginFrame(MessageType::kReply, method, call.seqid);
  answer += Bytes("\x0c\x00\x00\x0b\x00\x01\x00\x00\x00\x02ok\x00\x00", 14);
  EndFrame(answer);
  return answer;
}

TEST_F(ChannelTest, ConnectsOnDemandAndHasManyInFlight) {
  TestServer server;
  Channel channel(threads_, To(server.port()));
  EXPECT_FALSE(channel.connected());
  EXPECT_EQ(server.server().stats().connections, 0U);
  std::vector<std::unique_ptr<EchoCall>> calls;
  for (int i = 0; i < 1000; ++i) {
    calls.push_back(std::make_unique<EchoCall>(channel, std::to_string(i)));
  }
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(*calls[i]->Await(), std::to_string(i));
  EXPECT_TRUE(channel.connected());
  EXPECT_EQ(server.server().stats().connections, 1U);
}

TEST_F(ChannelTest, TellsAnswersInAnyOrderApart) {
  TestServer server;
  Channel channel(threads_, To(server.port()));
  EchoCall first(channel, "hold");
  EchoCall second(channel, "hold");
  std::vector<Call> held = server.service().TakeHeld(2);
  EXPECT_EQ(*EchoCall(channel, "third").Await(), "third");
  Reply(held[1], "second");
  EXPECT_EQ(*second.Await(), "second");
  Reply(held[0], "first");
  EXPECT_EQ(*first.Await(), "first");
}

TEST_F(ChannelTest, IsCalledFromManyThreads) {
  const TestServer server;
  Channel channel(threads_, To(server.port()));
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&channel, t] {
      for (int i = 0; i < 200; ++i) {
        const Bytes payload = std::to_string(t) + "/" + std::to_string(i);
        EXPECT_EQ(*EchoCall(channel, payload).Await(), payload);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(ChannelTest, ResolvesNames) {
  const TestServer server;
  ChannelOptions options = To(server.port());
  options.host = "localhost";
  Channel channel(threads_, options);
  EXPECT_EQ(*EchoCall(channel, "x").Await(), "x");
  options.host = "no-such-host.invalid";
  Channel nowhere(threads_, options);
  EXPECT_EQ(CodeOf(EchoCall(nowhere, "x").Await()), ErrorCode::kUnavailable);
}

TEST_F(ChannelTest, SaysUnavailableWhenNobodyListens) {
  Channel channel(threads_, To(ClosedPort()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(CodeOf(EchoCall(channel, "x").Await()), ErrorCode::kUnavailable);
  }
}

TEST_F(ChannelTest, FailsAtOnceWhileItBacksOff) {
  ServerOptions server_options = TestServer::PlainOptions();
  server_options.port = ClosedPort();
  ChannelOptions options = To(server_options.port);
  options.backoff_min = options.backoff_max = std::chrono::hours(1);
  Channel patient(threads_, options);
  Channel eager(threads_, To(server_options.port));
  EXPECT_EQ(CodeOf(EchoCall(patient, "x").Await()), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(EchoCall(eager, "x").Await()), ErrorCode::kUnavailable);
  const TestServer server(server_options);
  EXPECT_EQ(CodeOf(EchoCall(patient, "x").Await()), ErrorCode::kUnavailable);
  EXPECT_EQ(*EchoCall(eager, "x").Await(), "x");
}

TEST_F(ChannelTest, RefusesPlainTextUnlessAllowedAndOnLoopback) {
  const TestServer server;
  ChannelOptions options = To(server.port());
  options.allow_insecure_plain_text = false;
  Channel not_allowed(threads_, options);
  EXPECT_EQ(CodeOf(EchoCall(not_allowed, "x").Await()), ErrorCode::kUnavailable);
  options = To(server.port());
  options.host = "192.0.2.1";
  Channel elsewhere(threads_, options);
  EXPECT_EQ(CodeOf(EchoCall(elsewhere, "x").Await()), ErrorCode::kUnavailable);
}

TEST_F(ChannelTest, SaysUnknownWhenItBreaksAfterTheRequest) {
  RawServer server;
  Channel channel(threads_, To(server.port()));
  EchoCall call(channel, "x");
  {
    RawClient peer(server.Accept());
    EXPECT_TRUE(peer.ReadFrame());
  }
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kUnknownOutcome);
}

TEST_F(ChannelTest, SaysUnavailableWhenItBreaksWithinTheRequest) {
  RawServer server;
  Channel channel(threads_, To(server.port()));
  EchoCall call(channel, Bytes(15'000'000, 'x'));
  {
    RawClient peer(server.Accept());
    EXPECT_TRUE(peer.ReadExactly(100));
  }
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kUnavailable);
}

TEST_F(ChannelTest, ConnectsAnewAfterItBroke) {
  TestServer server;
  Channel channel(threads_, To(server.port()));
  EXPECT_EQ(*EchoCall(channel, "x").Await(), "x");
  EchoCall held(channel, "hold");
  const std::vector<Call> calls = server.service().TakeHeld(1);
  channel.Disconnect();
  EXPECT_EQ(CodeOf(held.Await()), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(*EchoCall(channel, "y").Await(), "y");
}

TEST_F(ChannelTest, EndsACallAtItsDeadlineAndDropsTheLateReply) {
  RawServer server;
  Channel channel(threads_, To(server.port()));
  EchoCall late(channel, "late", kShort);
  RawClient peer(server.Accept());
  const std::optional<Bytes> first = peer.ReadFrame();
  ASSERT_TRUE(first);
  EXPECT_EQ(CodeOf(late.Await()), ErrorCode::kDeadlineExceeded);
  EchoCall next(channel, "next");
  const std::optional<Bytes> second = peer.ReadFrame();
  ASSERT_TRUE(second);
  ASSERT_TRUE(peer.Send(AnswerTo(*first) + AnswerTo(*second)));
  EXPECT_EQ(*next.Await(), "ok");
}

TEST_F(ChannelTest, EndsTheCallWithTheShorterDeadlineFirst) {
  TestServer server;
  Channel channel(threads_, To(server.port()));
  EchoCall patient(channel, "hold");
  std::vector<Call> held = server.service().TakeHeld(1);
  EchoCall hasty(channel, "hold", kShort);
  EXPECT_EQ(CodeOf(hasty.Await()), ErrorCode::kDeadlineExceeded);
  Reply(held[0], "patience");
  EXPECT_EQ(*patient.Await(), "patience");
}

TEST_F(ChannelTest, SaysThatACallExpiredBeforeItWasSent) {
  const Pki pki;
  pki.Issue("client", Role::kClient);
  RawServer silent;
  ChannelOptions options = To(silent.port());
  options.tls = pki.ClientContext("client");
  Channel channel(threads_, options);
  const Result<Bytes> outcome = EchoCall(channel, "x", kShort).Await();
  EXPECT_EQ(CodeOf(outcome), ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(outcome.error().message.ends_with("before it was sent"));
}

TEST_F(ChannelTest, GivesUpConnectingAtItsDeadline) {
  const Pki pki;
  pki.Issue("client", Role::kClient);
  RawServer silent;
  ChannelOptions options = To(silent.port());
  options.tls = pki.ClientContext("client");
  options.connect_deadline = kShort;
  Channel channel(threads_, options);
  EXPECT_EQ(CodeOf(EchoCall(channel, "x").Await()), ErrorCode::kUnavailable);
}

TEST_F(ChannelTest, CancelsACallAndGoesOn) {
  TestServer server;
  Channel channel(threads_, To(server.port()));
  EchoCall call(channel, "hold");
  std::vector<Call> held = server.service().TakeHeld(1);
  channel.Cancel(call.id());
  channel.Cancel(call.id());
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kCancelled);
  Reply(held[0], "late");
  EXPECT_EQ(*EchoCall(channel, "next").Await(), "next");
}

TEST_F(ChannelTest, BreaksWithAServerThatAnswersNonsense) {
  Bytes call = BeginFrame(MessageType::kCall, "echo", 1);
  AppendU8(call, 0);
  EndFrame(call);
  for (const Bytes& nonsense : {Bytes("HTTP/1.1 400 Bad Request\r\n\r\n"), Bytes(50, '\0'),
                                Bytes("\x7f\xff\xff\xff", 4), call}) {
    RawServer server;
    Channel channel(threads_, To(server.port()));
    EchoCall asked(channel, "x");
    RawClient peer(server.Accept());
    EXPECT_TRUE(peer.ReadFrame());
    ASSERT_TRUE(peer.Send(nonsense));
    EXPECT_EQ(CodeOf(asked.Await()), ErrorCode::kUnknownOutcome) << Escaped(nonsense);
    EXPECT_TRUE(peer.AwaitEnd());
  }
}

TEST_F(ChannelTest, BreaksWithAServerThatAnswersForAnotherMethod) {
  RawServer server;
  Channel channel(threads_, To(server.port()));
  EchoCall asked(channel, "x");
  RawClient peer(server.Accept());
  const std::optional<Bytes> frame = peer.ReadFrame();
  ASSERT_TRUE(frame);
  ASSERT_TRUE(peer.Send(AnswerTo(*frame, "other")));
  EXPECT_EQ(CodeOf(asked.Await()), ErrorCode::kUnknownOutcome);
  EXPECT_TRUE(peer.AwaitEnd());
}

TEST_F(ChannelTest, AReplyOverTheLimitFailsItsCallAlone) {
  TestServer server;
  ChannelOptions options = To(server.port());
  options.frame_bytes_max = 1000;
  Channel channel(threads_, options);
  EchoCall held(channel, "hold");
  std::vector<Call> calls = server.service().TakeHeld(1);
  for (const char* size : {"big 2000", "big 5000000"}) {
    const Result<Bytes> outcome = EchoCall(channel, size).Await();
    EXPECT_EQ(CodeOf(outcome), ErrorCode::kTooBig);
    EXPECT_FALSE(outcome.error().message.ends_with("before it was sent"));
    EXPECT_EQ(*EchoCall(channel, "next").Await(), "next");
  }
  Reply(calls[0], "held");
  EXPECT_EQ(*held.Await(), "held");
  EXPECT_EQ(server.server().stats().connections, 1U);
}

TEST_F(ChannelTest, BreaksWithAServerThatWouldHaveItSkipNonsense) {
  Bytes of_another_method = BeginFrame(MessageType::kReply, "other", 1);
  of_another_method.append(5000, 'x');
  EndFrame(of_another_method);
  for (const Bytes& nonsense :
       {Bytes("\x00\x10\x00\x00", 4) + Bytes(100, 'x'), of_another_method}) {
    RawServer server;
    ChannelOptions options = To(server.port());
    options.frame_bytes_max = 1000;
    Channel channel(threads_, options);
    EchoCall asked(channel, "x");
    RawClient peer(server.Accept());
    EXPECT_TRUE(peer.ReadFrame());
    ASSERT_TRUE(peer.Send(nonsense));
    EXPECT_EQ(CodeOf(asked.Await()), ErrorCode::kUnknownOutcome);
    EXPECT_TRUE(peer.AwaitEnd());
  }
}

TEST_F(ChannelTest, RefusesWhatIsOverItsBounds) {
  TestServer server;
  ChannelOptions options = To(server.port());
  options.calls_max = 2;
  options.frame_bytes_max = 1000;
  Channel channel(threads_, options);
  const Result<Bytes> too_big = EchoCall(channel, Bytes(1000, 'x')).Await();
  EXPECT_EQ(CodeOf(too_big), ErrorCode::kTooBig);
  EXPECT_TRUE(too_big.error().message.ends_with("before it was sent"));
  EchoCall first(channel, "hold");
  EchoCall second(channel, "hold");
  EXPECT_EQ(CodeOf(EchoCall(channel, "x").Await()), ErrorCode::kBusy);
  for (Call& call : server.service().TakeHeld(2)) Reply(call, "held");
  EXPECT_EQ(*first.Await(), "held");
  EXPECT_EQ(*second.Await(), "held");
  EXPECT_EQ(*EchoCall(channel, "x").Await(), "x");
}

TEST_F(ChannelTest, EndsItsCallsWhenItIsDestroyed) {
  TestServer server;
  auto channel = std::make_unique<Channel>(threads_, To(server.port()));
  EchoCall call(*channel, "hold");
  const std::vector<Call> held = server.service().TakeHeld(1);
  channel.reset();
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kUnknownOutcome);
  auto unused = std::make_unique<Channel>(threads_, To(server.port()));
  unused.reset();
  auto connecting = std::make_unique<Channel>(threads_, To(server.port()));
  EchoCall early(*connecting, "x");
  connecting.reset();
  const Result<Bytes> outcome = early.Await();  // either way it ends
  EXPECT_TRUE(outcome || CodeOf(outcome) != ErrorCode::kInternal);
}

}  // namespace
}  // namespace metaring::rpc
