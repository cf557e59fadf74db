// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/move_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace metaring::fusefs {
namespace {

TEST(MoveGate, WithoutMovesNobodyWaits) {
  MoveGate gate;
  EXPECT_TRUE(gate.AwaitMoves(std::chrono::nanoseconds(0)));
}

TEST(MoveGate, AMoveUnderWayIsWaitedForNoLongerThanTheTimeout) {
  MoveGate gate;
  const MoveGate::Moving moving(gate);
  EXPECT_FALSE(gate.AwaitMoves(std::chrono::milliseconds(1)));
}

TEST(MoveGate, TheEndOfAMoveWakesWhoWaits) {
  MoveGate gate;
  auto moving = std::make_unique<MoveGate::Moving>(gate);
  std::atomic<bool> done{false};
  std::thread waiter([&] {
    EXPECT_TRUE(gate.AwaitMoves(std::chrono::seconds(60)));
    EXPECT_TRUE(done);
  });
  done = true;
  moving.reset();
  waiter.join();
}

TEST(MoveGate, EndedMovesInAnyOrderLeaveTheOthers) {
  MoveGate gate;
  auto first = std::make_unique<MoveGate::Moving>(gate);
  auto second = std::make_unique<MoveGate::Moving>(gate);
  second.reset();
  EXPECT_FALSE(gate.AwaitMoves(std::chrono::milliseconds(1)));
  first.reset();
  EXPECT_TRUE(gate.AwaitMoves(std::chrono::milliseconds(1)));
}

}  // namespace
}  // namespace metaring::fusefs
