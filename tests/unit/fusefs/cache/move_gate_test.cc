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
  EXPECT_EQ(gate.AwaitMoves(std::chrono::milliseconds(1)).error().code,
            ErrorCode::kDeadlineExceeded);
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
  EXPECT_EQ(gate.AwaitMoves(std::chrono::milliseconds(1)).error().code,
            ErrorCode::kDeadlineExceeded);
  first.reset();
  EXPECT_TRUE(gate.AwaitMoves(std::chrono::milliseconds(1)));
}

TEST(MoveGate, ACancelledTaskIsToldThatItsWaitWasCutShort) {
  fiber::Pool pool;
  pool.Start("fibers");
  class Waiting : public fiber::Task {
   public:
    void Run() override {
      const MoveGate::Moving moving(gate_);
      waited_ = gate_.AwaitMoves(std::chrono::hours(1));
      ended_.Post();
    }
    Status AwaitEnd() {
      ended_.Wait();
      return waited_;
    }

   private:
    MoveGate gate_;
    Status waited_;
    fiber::Baton ended_;
  } task;
  pool.Run(task);
  task.Cancel();
  const Status waited = task.AwaitEnd();
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::kCancelled);
  pool.Stop();
}

}  // namespace
}  // namespace metaring::fusefs
