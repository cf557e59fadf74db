// SPDX-License-Identifier: Apache-2.0
//
// The commit queue under writers of both kinds, plain threads and fibers, with both kinds of lead.
#include "kvnode/client/commit_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "kvnode/client/embedded.h"
#include "tests/sim/sim_disk.h"

namespace metaring::client {
namespace {

class CommitQueueTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    options_.own_commit_thread = GetParam();
    pool_.Start("fibers");
    auto opened = OpenEmbeddedOn(store::NewMemoryStore(), disk_, options_, clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    embedded_ = std::move(*opened);
    ASSERT_TRUE(embedded_->Create("ks", {}));
    kv_ = std::move(*embedded_->Open("ks"));
  }
  void TearDown() override { pool_.Stop(); }

  // Adds one to the counter.
  void Count() {
    Transaction transaction;
    Op& op = transaction.then_ops.emplace_back();
    op.kind = Op::Kind::kAdd;
    op.key = "n";
    op.delta = 1;
    const auto reply = kv_->Transact(transaction);
    EXPECT_TRUE(reply && reply->succeeded);
    ++counted_;
  }
  int64_t Stored() { return *state::DecodeI64((*kv_->Get("n"))->value); }

  sim::SimDisk disk_;
  ManualClock clock_;
  EmbeddedOptions options_;
  std::unique_ptr<Embedded> embedded_;
  std::unique_ptr<Kv> kv_;
  fiber::Pool pool_;
  std::atomic<int> counted_{0};
};

INSTANTIATE_TEST_SUITE_P(Leaders, CommitQueueTest, testing::Bool(),
                         [](const auto& leader) { return leader.param ? "OwnThread" : "Callers"; });

TEST_P(CommitQueueTest, AFiberThatIsAloneIsAnswered) {
  pool_.Spawn([this] { Count(); });
  pool_.Stop();
  EXPECT_EQ(Stored(), 1);
}

TEST_P(CommitQueueTest, OneFiberMayCommitManyTimes) {
  pool_.Spawn([this] {
    for (int i = 0; i < 100; ++i) Count();
  });
  pool_.Stop();
  EXPECT_EQ(Stored(), 100);
}

TEST_P(CommitQueueTest, FibersAndThreadsTogetherLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 250;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        if (t % 2 == 0) {
          Count();
        } else {
          pool_.Spawn([this] {
            Count();
            Count();
          });
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  pool_.Stop();
  EXPECT_EQ(counted_, kThreads / 2 * kRounds * 3);
  EXPECT_EQ(Stored(), counted_);
}

}  // namespace
}  // namespace metaring::client
