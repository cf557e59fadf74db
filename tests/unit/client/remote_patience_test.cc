// SPDX-License-Identifier: Apache-2.0
//
// How long a client waits: calls without a deadline, that go on through attempts which are not
// answered, and calls of a task that is cancelled.
#include <gtest/gtest.h>

#include "kvnode/client/remote_kv.h"
#include "kvnode/fiber/fiber.h"
#include "tests/unit/client/test_node.h"

namespace metaring::client {
namespace {

using std::chrono::milliseconds;
using How = Spoil::How;
using TimePoint = RemoteKv::TimePoint;

template <typename T>
ErrorCode CodeOf(const Result<T>& outcome) {
  EXPECT_FALSE(outcome);
  return outcome ? ErrorCode::kInternal : outcome.error().code;
}

Transaction AddOne() {
  Transaction transaction;
  transaction.then_ops.resize(1);
  transaction.then_ops[0].kind = Op::Kind::kAdd;
  transaction.then_ops[0].key = "counter";
  transaction.then_ops[0].delta = 1;
  return transaction;
}

class RemotePatienceTest : public ::testing::Test {
 protected:
  RemotePatienceTest() {
    info_ = *node_.store().Create("ks", {});
    Open(std::chrono::minutes(1));
    pool_.Start("fibers");
  }
  ~RemotePatienceTest() override { pool_.Stop(); }
  void Open(milliseconds deadline) {
    kv_.reset();
    RemoteOptions options = ClientOptions({node_.endpoint()});
    options.deadline = deadline;
    cluster_ = *RemoteCluster::Open(options);
    kv_ = std::make_unique<RemoteKv>(*cluster_, "ks", info_.id);
  }
  int64_t Counter() {
    const auto record = node_.Open("ks")->Get("counter");
    return record && *record ? state::DecodeI64((*record)->value).value_or(-1) : 0;
  }

  TestNode node_;
  KeyspaceInfo info_;
  std::unique_ptr<RemoteCluster> cluster_;
  std::unique_ptr<RemoteKv> kv_;
  fiber::Pool pool_;
};

// --- persistence ---------------------------------------------------------------------------------

TEST_F(RemotePatienceTest, WhoPersistsReadsAgainUntilAnAttemptIsAnswered) {
  Open(milliseconds(50));
  cluster_->Persist();
  node_.SpoilNext("get", 3, {How::kHold});
  EXPECT_TRUE(kv_->Get("k"));
  EXPECT_EQ(node_.Count("get"), 4);
}

TEST_F(RemotePatienceTest, WhoPersistsWritesOnceHoweverOftenTheAnswerIsLost) {
  Open(milliseconds(50));
  cluster_->Persist();
  node_.SpoilNext("transact", 3, {How::kForget});
  const auto outcome = kv_->Transact(AddOne());
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->succeeded);
  EXPECT_EQ(node_.Count("transact"), 4);
  EXPECT_EQ(Counter(), 1);
}

TEST_F(RemotePatienceTest, WhoPersistsOutlastsANodeThatHadNoTimeForTheAttempt) {
  cluster_->Persist();
  node_.SpoilNext("get", 2, {How::kRefuse, {ErrorCode::kDeadlineExceeded, "busy"}});
  EXPECT_TRUE(kv_->Get("k"));
}

TEST_F(RemotePatienceTest, WhoPersistsTakesARefusalForAnAnswer) {
  cluster_->Persist();
  node_.SpoilNext("transact", 1, {How::kRefuse, {ErrorCode::kNoSpace, "full"}});
  EXPECT_EQ(CodeOf(kv_->Transact(AddOne())), ErrorCode::kNoSpace);
}

TEST_F(RemotePatienceTest, EndByEndsEvenWhatPersists) {
  Open(milliseconds(50));
  cluster_->Persist();
  node_.SpoilBy([](const std::string&) { return Spoil{How::kHold}; });
  std::atomic<int> ended{0};
  fiber::Baton all_ended;
  for (int i = 0; i < 2; ++i) {
    pool_.Spawn([&, i] {
      const ErrorCode code = i == 0 ? CodeOf(kv_->Get("k")) : CodeOf(kv_->Transact(AddOne()));
      EXPECT_EQ(code, i == 0 ? ErrorCode::kDeadlineExceeded : ErrorCode::kUnknownOutcome);
      if (++ended == 2) all_ended.Post();
    });
  }
  node_.AwaitKept(4);
  cluster_->EndBy(std::chrono::steady_clock::now() + milliseconds(50));
  all_ended.Wait();
}

// --- tasks ---------------------------------------------------------------------------------------

// Runs one call and keeps its outcome.
class CallTask : public fiber::Task {
 public:
  explicit CallTask(std::function<std::optional<ErrorCode>()> call) : call_(std::move(call)) {}
  void Run() override {
    outcome_ = call_();
    ended_.Post();
  }
  // Nothing: it succeeded.
  std::optional<ErrorCode> Outcome() {
    ended_.Wait();
    return outcome_;
  }

 private:
  const std::function<std::optional<ErrorCode>()> call_;
  std::optional<ErrorCode> outcome_;
  fiber::Baton ended_;
};

template <typename T>
std::optional<ErrorCode> CodeIfAny(const Result<T>& outcome) {
  if (outcome) return std::nullopt;
  return outcome.error().code;
}

TEST_F(RemotePatienceTest, ACancelledTaskHasCancelledItsReadAndLeavesItsWriteUnknown) {
  cluster_->Persist();
  node_.SpoilBy([](const std::string&) { return Spoil{How::kForget}; });
  CallTask read([&] { return CodeIfAny(kv_->Get("k")); });
  CallTask write([&] { return CodeIfAny(kv_->Transact(AddOne())); });
  pool_.Run(read);
  pool_.Run(write);
  node_.AwaitKept(2);
  read.Cancel();
  write.Cancel();
  EXPECT_EQ(read.Outcome(), ErrorCode::kCancelled);
  EXPECT_EQ(write.Outcome(), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(node_.Count("transact"), 1);
  EXPECT_EQ(Counter(), 1);
}

TEST_F(RemotePatienceTest, ACancelledTaskSendsNothing) {
  CallTask write([&] { return CodeIfAny(kv_->Transact(AddOne())); });
  write.Cancel();
  pool_.Run(write);
  EXPECT_EQ(write.Outcome(), ErrorCode::kCancelled);
  EXPECT_EQ(node_.Count("transact"), 0);
}

TEST_F(RemotePatienceTest, ACancelEndsTheWaitForANodeThatIsGone) {
  cluster_->Persist();
  node_.Kill();
  CallTask write([&] { return CodeIfAny(kv_->Transact(AddOne())); });
  pool_.Run(write);
  write.Cancel();
  EXPECT_EQ(write.Outcome(), ErrorCode::kCancelled);
  node_.Start();
  EXPECT_EQ(Counter(), 0);
}

TEST_F(RemotePatienceTest, ATaskThatIsCancelledAfterItsAnswerHasIt) {
  CallTask read([&] { return CodeIfAny(kv_->Get("k")); });
  pool_.Run(read);
  EXPECT_EQ(read.Outcome(), std::nullopt);
  read.Cancel();
}

}  // namespace
}  // namespace metaring::client
