// SPDX-License-Identifier: Apache-2.0
//
// The parts that need no socket: what is admitted, what is queued, what is logged, what is pending.
#include <gtest/gtest.h>

#include "kvnode/rpc/admission.h"
#include "kvnode/rpc/log_limiter.h"
#include "kvnode/rpc/outbox.h"
#include "kvnode/rpc/pending_calls.h"

namespace metaring::rpc {
namespace {

TEST(Admission, CountsWhatIsConnectedNow) {
  ServerLimits limits;
  limits.connections_max = 3;
  limits.connections_per_address_max = 2;
  limits.connections_reserved_for_nodes = 1;
  Admission admission(limits);
  EXPECT_TRUE(admission.Connect("a"));
  EXPECT_TRUE(admission.Connect("a"));
  EXPECT_FALSE(admission.Connect("a"));
  EXPECT_TRUE(admission.Connect("b"));
  EXPECT_FALSE(admission.Connect("c"));
  EXPECT_TRUE(admission.Identify(Role::kClient));
  EXPECT_TRUE(admission.Identify(Role::kAdmin));
  EXPECT_TRUE(admission.Identify(Role::kNode));
  admission.Disconnect("b", true, Role::kNode);
  EXPECT_TRUE(admission.Connect("c"));
  EXPECT_FALSE(admission.Identify(Role::kClient));
  admission.Disconnect("c", true, Role::kClient);
  EXPECT_TRUE(admission.Connect("c"));
  EXPECT_TRUE(admission.Identify(Role::kNode));
  EXPECT_EQ(admission.stats().connections, 3U);
  EXPECT_EQ(admission.stats().connections_refused, 3U);
}

TEST(Admission, BoundsHandshakesOfTheirOwn) {
  ServerLimits limits;
  limits.handshakes_max = 1;
  Admission admission(limits);
  EXPECT_TRUE(admission.Connect("a"));
  EXPECT_FALSE(admission.Connect("b"));
  EXPECT_TRUE(admission.Identify(Role::kClient));
  EXPECT_TRUE(admission.Connect("b"));
  admission.Disconnect("b", false, Role::kNone);
  EXPECT_TRUE(admission.Connect("b"));
}

TEST(Admission, LeavesAQuarterOfTheBytesToSmallRequests) {
  ServerLimits limits;
  limits.request_bytes_max = 400;
  Admission admission(limits);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admission.TakeRequestBytes(0, 100, true));
  EXPECT_FALSE(admission.TakeRequestBytes(0, 1, true));
  EXPECT_TRUE(admission.TakeRequestBytes(0, 100, false));
  EXPECT_FALSE(admission.TakeRequestBytes(0, 1, false));
  admission.GiveRequestBytes(101);
  EXPECT_TRUE(admission.TakeRequestBytes(0, 1, true));
  EXPECT_EQ(admission.stats().request_bytes, 300U);
}

TEST(Outbox, JoinsSmallFramesAndKeepsTheirOrder) {
  Outbox outbox;
  Bytes expected;
  for (int i = 0; i < 100; ++i) {
    const Bytes frame(i % 7 == 0 ? 20'000 : 100, static_cast<char>('a' + i % 26));
    expected += frame;
    outbox.Push(frame);
  }
  EXPECT_EQ(outbox.bytes(), expected.size());
  Outbox rest;
  rest.Push("the rest");
  expected += "the rest";
  outbox.TakeAll(rest);
  EXPECT_TRUE(rest.empty());
  Bytes out;
  while (!outbox.empty()) {
    const ByteView front = outbox.Front().substr(0, 7777);
    out += front;
    outbox.Pop(front.size());
  }
  EXPECT_EQ(out, expected);
  EXPECT_EQ(outbox.bytes(), 0U);
}

TEST(LogLimiter, AdmitsOneLineAnIntervalAndCountsTheRest) {
  ManualClock clock;
  LogLimiter limiter(clock, 1000);
  EXPECT_EQ(limiter.Admit(), 0U);
  EXPECT_EQ(limiter.Admit(), std::nullopt);
  clock.Advance(999);
  EXPECT_EQ(limiter.Admit(), std::nullopt);
  clock.Advance(1);
  EXPECT_EQ(limiter.Admit(), 2U);
  clock.Advance(5000);
  EXPECT_EQ(limiter.Admit(), 0U);
}

TEST(PendingCalls, ExpireByTheirDeadline) {
  const Channel::TimePoint zero{};
  PendingCalls pending;
  for (int i = 1; i <= 5; ++i) {
    pending.Add(pending.NextId(), {"m", zero + std::chrono::seconds(i), nullptr, {}});
  }
  EXPECT_EQ(pending.earliest(), zero + std::chrono::seconds(1));
  EXPECT_TRUE(pending.Take(1).has_value());
  EXPECT_FALSE(pending.Take(1).has_value());
  EXPECT_EQ(pending.TakeExpired(zero + std::chrono::seconds(3)).size(), 2U);
  EXPECT_EQ(pending.earliest(), zero + std::chrono::seconds(4));
  EXPECT_EQ(pending.TakeAll().size(), 2U);
  EXPECT_EQ(pending.earliest(), Channel::TimePoint::max());
}

}  // namespace
}  // namespace metaring::rpc
