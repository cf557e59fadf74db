// SPDX-License-Identifier: Apache-2.0
//
// The server in plain text, over raw sockets: frames, limits, deadlines, order of answers.
#include "kvnode/rpc/server.h"

#include <Echo.h>
#include <gtest/gtest.h>

#include <Echo.tcc>
#include <algorithm>
#include <echo_types.tcc>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "kvnode/rpc/frame.h"
#include "tests/unit/rpc/echo_service.h"
#include "tests/unit/rpc/pki.h"
#include "tests/unit/rpc/raw_client.h"

namespace metaring::rpc {
namespace {

constexpr std::chrono::milliseconds kShort{50};
const int kBusyCode = static_cast<int>(ErrorCode::kBusy);

std::optional<Bytes> Echoed(RawClient& client, int32_t seqid) {
  const std::optional<Bytes> frame = client.ReadFrame();
  if (!frame) return std::nullopt;
  const auto message = ParseMessage(*frame);
  if (!message || message->seqid != seqid) return std::nullopt;
  return EchoedBy(*message);
}

std::optional<Bytes> EchoOnce(RawClient& client, int32_t seqid, ByteView payload) {
  if (!client.Send(EchoFrame(seqid, payload))) return std::nullopt;
  return Echoed(client, seqid);
}

TEST(Server, AnswersByOneByteAtATime) {
  const TestServer server;
  RawClient client(server.port());
  for (const char c : EchoFrame(5, "slow")) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(Echoed(client, 5), "slow");
}

TEST(Server, AnswersManyFramesOfOneWrite) {
  const TestServer server;
  RawClient client(server.port());
  Bytes all;
  for (int i = 0; i < 500; ++i) all += EchoFrame(i, std::to_string(i));
  ASSERT_TRUE(client.Send(all));
  for (int i = 0; i < 500; ++i) EXPECT_EQ(Echoed(client, i), std::to_string(i));
}

TEST(Server, AnswersInTheOrderOfTheHandlerFromAnyThread) {
  TestServer server;
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "hold") + EchoFrame(2, "hold") + EchoFrame(3, "at once")));
  EXPECT_EQ(Echoed(client, 3), "at once");
  std::vector<Call> held = server.service().TakeHeld(2);
  std::thread([&] { Reply(held[1], "second"); }).join();
  EXPECT_EQ(Echoed(client, 2), "second");
  Reply(held[0], "first");
  EXPECT_EQ(Echoed(client, 1), "first");
}

TEST(Server, MovesLargeValuesBothWays) {
  const TestServer server;
  RawClient client(server.port());
  const Bytes large(5'000'000, 'l');
  std::thread sender(
      [&] { EXPECT_TRUE(client.Send(EchoFrame(1, large) + EchoFrame(2, "small"))); });
  EXPECT_EQ(Echoed(client, 1), large);
  EXPECT_EQ(Echoed(client, 2), "small");
  sender.join();
}

TEST(Server, AnswersARequestThatItsHandlerDropped) {
  const TestServer server;
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "drop")));
  const std::optional<Bytes> frame = client.ReadFrame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*frame)), static_cast<int>(ErrorCode::kInternal));
  EXPECT_EQ(EchoOnce(client, 2, "next"), "next");
}

TEST(Server, AnswersAnUnknownMethodAndGoesOn) {
  const TestServer server;
  RawClient client(server.port());
  Bytes frame = BeginFrame(MessageType::kCall, "no_such", 9);
  AppendU8(frame, 0);
  EndFrame(frame);
  ASSERT_TRUE(client.Send(frame));
  const std::optional<Bytes> answer = client.ReadFrame();
  ASSERT_TRUE(answer);
  const auto message = ParseMessage(*answer);
  EXPECT_EQ(message->type, MessageType::kException);
  EXPECT_EQ(message->method, "no_such");
  EXPECT_EQ(message->seqid, 9);
  EXPECT_EQ(DecodeApplicationException(message->body).code, ErrorCode::kUnsupported);
  EXPECT_EQ(EchoOnce(client, 10, "next"), "next");
}

TEST(Server, AnswersArgumentsThatDoNotDecodeAndGoesOn) {
  const TestServer server;
  RawClient client(server.port());
  Bytes frame = BeginFrame(MessageType::kCall, "echo", 3);
  frame += "garbage";
  EndFrame(frame);
  ASSERT_TRUE(client.Send(frame));
  const std::optional<Bytes> answer = client.ReadFrame();
  ASSERT_TRUE(answer);
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*answer)), static_cast<int>(ErrorCode::kInvalidArgument));
  EXPECT_EQ(EchoOnce(client, 4, "next"), "next");
}

TEST(Server, AnswersNothingToAOneway) {
  TestServer server;
  RawClient client(server.port());
  Bytes frame = BeginFrame(MessageType::kOneway, "note", 3);
  AppendU8(frame, 0);
  EndFrame(frame);
  ASSERT_TRUE(client.Send(frame));
  EXPECT_EQ(EchoOnce(client, 4, "next"), "next");
  server.service().AwaitNotes(1);
}

TEST(Server, ClosesWhatIsNoFrameOrMessage) {
  const TestServer server;
  Bytes reply = BeginFrame(MessageType::kReply, "echo", 1);
  AppendU8(reply, 0);
  EndFrame(reply);
  for (const Bytes& bad : {Bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                           Bytes("SSH-2.0-OpenSSH_9.2\r\n"), Bytes(64, '\0'), Bytes(64, '\xff'),
                           Bytes("\x16\x03\x01\x02\x00\x01", 6) + Bytes(64, '\1'), reply}) {
    RawClient client(server.port());
    ASSERT_TRUE(client.Send(bad));
    EXPECT_TRUE(client.AwaitEnd()) << Escaped(bad);
  }
}

TEST(ServerLimits, CloseAFrameOverTheLimitByItsLength) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.frame_bytes_max = 1000;
  const TestServer server(options);
  RawClient good(server.port());
  EXPECT_EQ(EchoOnce(good, 1, Bytes(900, 'x')), Bytes(900, 'x'));
  RawClient bad(server.port());
  ASSERT_TRUE(bad.Send(Bytes("\x00\x00\x03\xe9", 4)));
  EXPECT_TRUE(bad.AwaitEnd());
}

TEST(ServerLimits, AnswerBusyOverTheRequestsOfAConnection) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.requests_per_connection_max = 2;
  TestServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "hold") + EchoFrame(2, "hold") + EchoFrame(3, "x")));
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*client.ReadFrame())), kBusyCode);
  RawClient other(server.port());
  EXPECT_EQ(EchoOnce(other, 1, "other"), "other");
  for (Call& call : server.service().TakeHeld(2)) Reply(call, "held");
  EXPECT_EQ(Echoed(client, 1), "held");
  EXPECT_EQ(Echoed(client, 2), "held");
  EXPECT_EQ(EchoOnce(client, 4, "again"), "again");
  EXPECT_EQ(server.server().stats().requests_refused, 1U);
}

TEST(ServerLimits, AnswerBusyOverTheRequestsInTotal) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.requests_max = 1;
  TestServer server(options);
  RawClient first(server.port());
  ASSERT_TRUE(first.Send(EchoFrame(1, "hold")));
  std::vector<Call> held = server.service().TakeHeld(1);
  RawClient second(server.port());
  ASSERT_TRUE(second.Send(EchoFrame(2, "x")));
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*second.ReadFrame())), kBusyCode);
  Reply(held[0], "held");
  EXPECT_EQ(Echoed(first, 1), "held");
  EXPECT_EQ(EchoOnce(second, 3, "again"), "again");
}

void AwaitRequestBytes(TestServer& server, uint64_t bytes) {
  while (server.server().stats().request_bytes != bytes) {
    std::this_thread::yield();
  }
}

TEST(ServerLimits, AnswerBusyOverTheBytesOfRequestsThatAreBeingReceived) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.request_bytes_max = 300'000;
  TestServer server(options);
  RawClient first(server.port());
  const Bytes large(200'000, 'l');
  const Bytes frame = EchoFrame(1, large);
  ASSERT_TRUE(first.Send(frame.substr(0, 5)));
  AwaitRequestBytes(server, frame.size() - kFrameHeadBytes);
  RawClient second(server.port());
  ASSERT_TRUE(second.Send(frame));
  const std::optional<Bytes> refusal = second.ReadFrame();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(ParseMessage(*refusal)->seqid, 1);
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*refusal)), kBusyCode);
  EXPECT_EQ(EchoOnce(second, 2, "small"), "small");
  ASSERT_TRUE(first.Send(frame.substr(5)));
  EXPECT_EQ(Echoed(first, 1), large);
  EXPECT_EQ(EchoOnce(second, 3, large), large);
  AwaitRequestBytes(server, 0);
  EXPECT_EQ(server.server().stats().requests_refused, 1U);
}

TEST(ServerLimits, LeaveSmallRequestsRoomWhenLargeOnesAreAnnounced) {
  ServerOptions options = TestServer::PlainOptions();
  const Bytes frame = EchoFrame(1, Bytes(100'000, 'l'));
  const size_t bytes = frame.size() - kFrameHeadBytes;
  options.limits.request_bytes_max = 4 * bytes;
  TestServer server(options);
  std::vector<std::unique_ptr<RawClient>> announcers;
  for (size_t i = 1; i <= 3; ++i) {
    announcers.push_back(std::make_unique<RawClient>(server.port()));
    ASSERT_TRUE(announcers.back()->Send(frame.substr(0, 100)));
    AwaitRequestBytes(server, i * bytes);
  }
  RawClient other(server.port());
  ASSERT_TRUE(other.Send(frame));
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*other.ReadFrame())), kBusyCode);
  EXPECT_EQ(EchoOnce(other, 2, "small"), "small");
  announcers.pop_back();
  AwaitRequestBytes(server, 2 * bytes);
  EXPECT_EQ(EchoOnce(other, 3, Bytes(100'000, 'l')), Bytes(100'000, 'l'));
}

TEST(ServerLimits, GiveTheBytesBackOfARequestThatBreaksOff) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.request_bytes_max = 300'000;
  TestServer server(options);
  const Bytes frame = EchoFrame(1, Bytes(200'000, 'l'));
  {
    RawClient client(server.port());
    ASSERT_TRUE(client.Send(frame.substr(0, 100'000)));
    AwaitRequestBytes(server, frame.size() - kFrameHeadBytes);
  }
  AwaitRequestBytes(server, 0);
}

TEST(ServerLimits, LeaveOthersRoomForTheBytesOfTheirRequests) {
  ServerOptions options = TestServer::PlainOptions();
  const size_t bytes = EchoFrame(1, "hold").size() - kFrameHeadBytes;
  options.limits.request_bytes_max = 4 * 2 * bytes;  // a connection may have two of them
  TestServer server(options);
  RawClient greedy(server.port());
  ASSERT_TRUE(greedy.Send(EchoFrame(1, "hold") + EchoFrame(2, "hold") + EchoFrame(3, "hold")));
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*greedy.ReadFrame())), kBusyCode);
  RawClient other(server.port());
  EXPECT_EQ(EchoOnce(other, 1, "more"), "more");
  for (Call& call : server.service().TakeHeld(2)) Reply(call, "held");
  EXPECT_EQ(Echoed(greedy, 1), "held");
  EXPECT_EQ(Echoed(greedy, 2), "held");
  AwaitRequestBytes(server, 0);
}

TEST(ServerLimits, RefuseAnAnswerOverTheLimitOfAFrame) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.answer_bytes_max = 1000;
  const TestServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "big 1000")));
  EXPECT_EQ(RefusalCodeOf(*ParseMessage(*client.ReadFrame())),
            static_cast<int>(ErrorCode::kTooBig));
  EXPECT_EQ(EchoOnce(client, 2, "big 900"), Bytes(900, 'b'));
}

TEST(ServerLimits, TurnAwayConnectionsOverTheTotal) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.connections_max = 2;
  options.limits.connections_reserved_for_nodes = 0;
  const TestServer server(options);
  auto first = std::make_unique<RawClient>(server.port());
  RawClient second(server.port());
  EXPECT_EQ(EchoOnce(*first, 1, "a"), "a");
  EXPECT_EQ(EchoOnce(second, 1, "b"), "b");
  RawClient third(server.port());
  EXPECT_TRUE(third.AwaitEnd());
  EXPECT_EQ(EchoOnce(second, 2, "still"), "still");
}

TEST(ServerLimits, TurnAwayConnectionsOverTheAddress) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.connections_per_address_max = 1;
  const TestServer server(options);
  RawClient first(server.port());
  EXPECT_EQ(EchoOnce(first, 1, "a"), "a");
  RawClient second(server.port());
  EXPECT_TRUE(second.AwaitEnd());
}

TEST(ServerLimits, KeepTheReserveFromOthersThanNodes) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.connections_max = 3;
  options.limits.connections_reserved_for_nodes = 2;
  const TestServer server(options);
  RawClient first(server.port());
  EXPECT_EQ(EchoOnce(first, 1, "a"), "a");
  RawClient second(server.port());
  EXPECT_TRUE(second.AwaitEnd());
}

TEST(ServerDeadlines, CloseWhoIsIdle) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.idle_deadline = kShort;
  const TestServer server(options);
  RawClient silent(server.port());
  EXPECT_TRUE(silent.AwaitEnd());
}

TEST(ServerDeadlines, CloseAFrameThatNeverEnds) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.idle_deadline = kShort;
  const TestServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "cut off").substr(0, 20)));
  EXPECT_TRUE(client.AwaitEnd());
}

TEST(ServerDeadlines, CloseALargeFrameThatDoesNotCome) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.write_deadline = kShort;
  TestServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, Bytes(200'000, 'l')).substr(0, 100'000)));
  EXPECT_TRUE(client.AwaitEnd());
  AwaitRequestBytes(server, 0);
}

TEST(ServerDeadlines, AreNotForWhoWaitsForAnAnswer) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.idle_deadline = kShort;
  TestServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "hold")));
  std::vector<Call> held = server.service().TakeHeld(1);
  // Another connection idles away in the meantime, one deadline after the other.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(RawClient(server.port()).AwaitEnd());
  EXPECT_FALSE(held[0].cancelled());
  Reply(held[0], "held");
  EXPECT_EQ(Echoed(client, 1), "held");
}

TEST(ServerDeadlines, CloseWhoNeverReads) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.write_deadline = kShort;
  options.limits.reply_bytes_per_connection_max = 100'000;
  TestServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(0, "hold")));
  std::vector<Call> held = server.service().TakeHeld(1);
  for (int i = 1; i < 40; ++i) ASSERT_TRUE(client.Send(EchoFrame(i, "big 1000000")));
  while (!held[0].cancelled()) std::this_thread::yield();
  EXPECT_TRUE(client.AwaitEnd());
}

TEST(ServerLimits, StopReadingWhoDoesNotRead) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.reply_bytes_per_connection_max = 100'000;
  TestServer server(options);
  RawClient greedy(server.port());
  constexpr int kRequests = 40;
  Bytes all;
  for (int i = 0; i < kRequests; ++i) all += EchoFrame(i, "big 1000000");
  ASSERT_TRUE(greedy.Send(all));
  RawClient other(server.port());
  EXPECT_EQ(EchoOnce(other, 1, "other"), "other");
  // 40 MB are asked for; no more requests are taken than the sockets' buffers carry answers.
  EXPECT_LT(server.server().stats().requests, uint64_t{kRequests});
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(Echoed(greedy, i)->size(), 1'000'000U);
}

TEST(ServerLimits, LoseNoLargeRequestOfWhoDoesNotRead) {
  ServerOptions options = TestServer::PlainOptions();
  options.limits.reply_bytes_per_connection_max = 1000;
  TestServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "hold")));
  std::vector<Call> held = server.service().TakeHeld(1);
  const Bytes payload(kTurnBytes, 'l');
  const Bytes frame = EchoFrame(2, payload);
  ASSERT_TRUE(client.Send(frame.substr(0, 100)));
  const uint64_t hold_bytes = EchoFrame(1, "hold").size() - kFrameHeadBytes;
  AwaitRequestBytes(server, hold_bytes + frame.size() - kFrameHeadBytes);
  // More than the sockets' buffers take: the rest of the frame comes while this waits.
  const Bytes large(20'000'000, 'a');
  Reply(held[0], large);
  ASSERT_TRUE(client.Send(frame.substr(100)));
  EXPECT_EQ(Echoed(client, 1), large);
  EXPECT_EQ(Echoed(client, 2), payload);
  AwaitRequestBytes(server, 0);
}

TEST(Server, TellsACallThatItsConnectionIsGone) {
  TestServer server;
  std::vector<Call> held;
  {
    RawClient client(server.port());
    ASSERT_TRUE(client.Send(EchoFrame(1, "hold")));
    held = server.service().TakeHeld(1);
    EXPECT_FALSE(held[0].cancelled());
    EXPECT_TRUE(held[0].remote_address().starts_with("127.0.0.1:"));
    EXPECT_EQ(held[0].peer().role, Role::kNone);
  }
  while (!held[0].cancelled()) std::this_thread::yield();
  Reply(held[0], "nobody hears it");
  EXPECT_EQ(server.server().stats().requests_in_flight, 0U);
}

TEST(Server, OutlivedByACall) {
  std::vector<Call> held;
  EchoService service;
  {
    Server server(TestServer::PlainOptions(), service.handler());
    ASSERT_TRUE(server.Start());
    RawClient client(server.port());
    ASSERT_TRUE(client.Send(EchoFrame(1, "hold")));
    held = service.TakeHeld(1);
    server.Stop(std::chrono::milliseconds(0));
    EXPECT_TRUE(client.AwaitEnd());
  }
  EXPECT_TRUE(held[0].cancelled());
  Reply(held[0], "nobody hears it");
}

TEST(Server, DrainsWhatIsInFlight) {
  EchoService service;
  Server server(TestServer::PlainOptions(), service.handler());
  ASSERT_TRUE(server.Start());
  RawClient client(server.port());
  ASSERT_TRUE(client.Send(EchoFrame(1, "hold")));
  std::vector<Call> held = service.TakeHeld(1);
  std::thread stopper([&] { server.Stop(std::chrono::seconds(30)); });
  Reply(held[0], "drained");
  EXPECT_EQ(Echoed(client, 1), "drained");
  EXPECT_TRUE(client.AwaitEnd());
  stopper.join();
}

TEST(Server, ServesConnectionsOnAllItsThreads) {
  ServerOptions options = TestServer::PlainOptions();
  options.threads = 3;
  const TestServer server(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 9; ++i) clients.push_back(std::make_unique<RawClient>(server.port()));
  for (auto& client : clients) EXPECT_EQ(EchoOnce(*client, 1, "a"), "a");
}

// A greedy connection has a backlog when another asks: the other does not wait for all of it.
TEST(Server, ServesConnectionsInTurn) {
  std::promise<void> blocked;
  std::promise<void> gate;
  std::vector<Bytes> order;  // of the one IO thread
  Dispatcher handler([](ByteView, const Error&) { return Bytes(); });
  handler.Add<echo::Echo_echo_args>("echo", [&](Call call, echo::Echo_echo_args& arguments) {
    if (arguments.request.payload == "gate") {
      blocked.set_value();
      gate.get_future().wait();
    }
    order.push_back(arguments.request.payload);
    Reply(call, "done");
  });
  Server server(TestServer::PlainOptions(), handler);
  ASSERT_TRUE(server.Start());
  constexpr int kBacklog = 4000;
  RawClient other(server.port());
  EXPECT_TRUE(EchoOnce(other, 1, "hello"));
  RawClient greedy(server.port());
  Bytes backlog = EchoFrame(0, "gate");
  for (int i = 1; i < kBacklog; ++i) backlog += EchoFrame(i, "greedy");
  ASSERT_TRUE(greedy.Send(backlog));
  blocked.get_future().wait();
  ASSERT_TRUE(other.Send(EchoFrame(2, "other")));
  gate.set_value();
  EXPECT_EQ(Echoed(other, 2), "done");
  for (int i = 0; i < kBacklog; ++i) EXPECT_EQ(Echoed(greedy, i), "done");
  server.Stop(std::chrono::milliseconds(0));
  const auto place = std::find(order.begin(), order.end(), "other") - order.begin();
  EXPECT_LT(place, 3 * static_cast<ptrdiff_t>(kTurnBytes / EchoFrame(0, "greedy").size()));
}

TEST(Server, ClosesHandshakesWhenItDrains) {
  const Pki pki;
  pki.Issue("node", Role::kNode);
  ServerOptions options;
  options.tls = pki.OptionsOf("node");
  EchoService service;
  Server server(options, service.handler());
  ASSERT_TRUE(server.Start());
  RawClient silent(server.port());
  while (server.stats().connections == 0) std::this_thread::yield();
  server.Stop(std::chrono::hours(1));
  EXPECT_TRUE(silent.AwaitEnd());
}

TEST(Server, RefusesPlainTextUnlessAllowedAndOnLoopback) {
  EchoService service;
  Server not_allowed(ServerOptions(), service.handler());
  EXPECT_EQ(not_allowed.Start().error().code, ErrorCode::kInvalidArgument);
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1", "localhost", ""}) {
    ServerOptions options = TestServer::PlainOptions();
    options.address = address;
    Server elsewhere(options, service.handler());
    EXPECT_EQ(elsewhere.Start().error().code, ErrorCode::kInvalidArgument) << address;
  }
}

TEST(Server, SaysThatItsAddressIsTaken) {
  const TestServer first;
  ServerOptions options = TestServer::PlainOptions();
  options.port = first.port();
  EchoService service;
  Server second(options, service.handler());
  EXPECT_EQ(second.Start().error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace metaring::rpc
