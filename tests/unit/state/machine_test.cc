// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/machine.h"

#include "kvnode/state/outcomes.h"
#include "tests/unit/state/machine_fixture.h"

namespace metaring::state {
namespace {

using MachineTest = MachineFixture;
constexpr auto kAbsent = Compare::Kind::kAbsent;
constexpr auto kExists = Compare::Kind::kExists;

Publish MakePublish(const ChunkedHead& head) {
  return {"k", Codec::kNone, head, std::nullopt};
}

TEST_F(MachineTest, PutIsReadWithItsVersion) {
  EXPECT_EQ(Do({MakePut("k", "v")})->version, 1u);
  EXPECT_EQ(Get("k")->value, "v");
  EXPECT_EQ(Get("k")->version, 1u);
  EXPECT_FALSE(Get("other"));
}

TEST_F(MachineTest, FailedCompareAppliesNothingAndReads) {
  ASSERT_TRUE(Do({MakePut("k", "v")}));
  Transaction transaction;
  transaction.compares = {MakeCompare(kExists, "k"), MakeCompare(kAbsent, "k")};
  transaction.then_ops = {MakePut("k", "w")};
  transaction.else_reads = {"k", "none"};
  const auto reply = Apply(transaction);
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->succeeded);
  EXPECT_EQ(reply->failed_compare, 1u);
  ASSERT_EQ(reply->reads.size(), 2u);
  EXPECT_EQ(reply->reads[0]->value, "v");
  EXPECT_FALSE(reply->reads[1]);
  EXPECT_EQ(Get("k")->value, "v");
}

TEST_F(MachineTest, OpsSeeTheOnesBeforeThem) {
  const auto reply = Do({MakePut("n", EncodeI64(5)), MakeOp(Op::Kind::kAdd, "n", 2),
                         MakeOp(Op::Kind::kAdd, "n", 3), MakeOp(Op::Kind::kDelete, "n"),
                         MakeOp(Op::Kind::kMax, "n", -9)});
  ASSERT_TRUE(reply);
  EXPECT_EQ(DecodeI64(Get("n")->value), -9);
}

TEST_F(MachineTest, AddAndMaxCommute) {
  ASSERT_TRUE(Do({MakeOp(Op::Kind::kAdd, "a", 4), MakeOp(Op::Kind::kMax, "m", 10)}));
  ASSERT_TRUE(Do({MakeOp(Op::Kind::kAdd, "a", -6), MakeOp(Op::Kind::kMax, "m", 7)}));
  EXPECT_EQ(DecodeI64(Get("a")->value), -2);
  EXPECT_EQ(DecodeI64(Get("m")->value), 10);
}

TEST_F(MachineTest, AddOnWhatIsNoNumberIsRefusedWhole) {
  ASSERT_TRUE(Do({MakePut("text", "not a number")}));
  const auto reply = Do({MakePut("other", "x"), MakeOp(Op::Kind::kAdd, "text", 1)});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kInvalidArgument);
  const auto within =
      Do({MakeOp(Op::Kind::kDelete, "t"), MakePut("t", "xx"), MakeOp(Op::Kind::kAdd, "t", 1)});
  EXPECT_FALSE(within);
  EXPECT_FALSE(Get("other"));
}

TEST_F(MachineTest, RetriedRequestReturnsItsFirstOutcome) {
  Transaction transaction;
  transaction.then_ops = {MakeOp(Op::Kind::kAdd, "n", 1)};
  transaction.request_id = RequestId{9, 1, 1};
  const auto first = Apply(transaction);
  const auto again = Apply(transaction);
  ASSERT_TRUE(first);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->version, first->version);
  EXPECT_EQ(DecodeI64(Get("n")->value), 1);
}

TEST_F(MachineTest, RetriedFailureStaysAFailure) {
  Transaction transaction;
  transaction.compares = {MakeCompare(kExists, "gate")};
  transaction.then_ops = {MakePut("k", "v")};
  transaction.else_reads = {"gate"};
  transaction.request_id = RequestId{9, 1, 1};
  EXPECT_FALSE(Apply(transaction)->succeeded);
  ASSERT_TRUE(Do({MakePut("gate", "open")}));
  const auto again = Apply(transaction);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->succeeded);
  EXPECT_EQ(again->reads[0]->value, "open");
  EXPECT_FALSE(Get("k"));
}

TEST_F(MachineTest, ForgottenRequestIsUnknownAndNotApplied) {
  Transaction transaction;
  transaction.then_ops = {MakeOp(Op::Kind::kAdd, "n", 1)};
  transaction.request_id = RequestId{9, 5, 5};
  ASSERT_TRUE(Apply(transaction));
  transaction.request_id = RequestId{9, 3, 1};
  const auto late = Apply(transaction);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(DecodeI64(Get("n")->value), 1);
}

TEST_F(MachineTest, OutcomesOfSilentClientsAreSwept) {
  Transaction transaction;
  for (uint64_t client = 1; client <= 20; ++client) {
    transaction.request_id = RequestId{client, 1, 1};
    ASSERT_TRUE(Apply(transaction));
  }
  now_ += 2 * kOutcomesAgeMaxNanos;
  for (uint64_t i = 1; i <= 500; ++i) {
    transaction.request_id = RequestId{99, i, i};
    ASSERT_TRUE(Apply(transaction));
  }
  const auto view = store_->NewView();
  const Bytes range = StoreKey(kScope, KeyKind::kOutcomes, "");
  auto cursor = (*view)->NewCursor();
  int left = 0;
  for (cursor->Seek(range); cursor->Valid() && cursor->key().starts_with(range); cursor->Next()) {
    ++left;
  }
  EXPECT_EQ(left, 1);
}

size_t KeysOf(const store::Store& store) {
  const auto view = store.NewView();
  auto cursor = (*view)->NewCursor();
  size_t count = 0;
  for (cursor->Seek(""); cursor->Valid(); cursor->Next()) ++count;
  return count;
}

TEST_F(MachineTest, LargeValueAppearsWhenPublishedAndLeavesNothingWhenReplaced) {
  ASSERT_TRUE(Apply(StageChunk{1, 0, "hello "}));
  ASSERT_TRUE(Apply(StageChunk{1, 1, "world"}));
  EXPECT_FALSE(Get("k"));
  ASSERT_TRUE(Apply(MakePublish({1, 2, 11})));
  EXPECT_EQ(Get("k")->value, "hello world");
  ASSERT_TRUE(Do({MakePut("k", "small")}));
  EXPECT_EQ(KeysOf(*store_), 1u);
}

TEST_F(MachineTest, DeletedLargeValueLeavesNothing) {
  ASSERT_TRUE(Apply(StageChunk{1, 0, "data"}));
  ASSERT_TRUE(Apply(MakePublish({1, 1, 4})));
  ASSERT_TRUE(Do({MakeOp(Op::Kind::kDelete, "k")}));
  EXPECT_EQ(KeysOf(*store_), 0u);
}

TEST_F(MachineTest, RetriedPublishReturnsItsFirstOutcomeAndLeavesNothingStaged) {
  ASSERT_TRUE(Apply(StageChunk{1, 0, "once"}));
  Publish publish = MakePublish({1, 1, 4});
  publish.request_id = RequestId{9, 1, 1};
  const auto first = Apply(publish);
  ASSERT_TRUE(first);
  ASSERT_TRUE(Do({MakePut("k", "newer")}));
  // The retry stages anew, under another upload.
  ASSERT_TRUE(Apply(StageChunk{2, 0, "once"}));
  publish.head.upload = 2;
  const auto again = Apply(publish);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->version, first->version);
  EXPECT_EQ(Get("k")->value, "newer");
  const auto view = std::move(*store_->NewView());
  EXPECT_FALSE(*view->Get(ChunkKey(kScope, 2, 0)));
  EXPECT_FALSE(*view->Get(UploadKey(kScope, 2)));
}

TEST_F(MachineTest, PublishWithoutItsChunksIsRefused) {
  ASSERT_TRUE(Apply(StageChunk{1, 0, "data"}));
  EXPECT_FALSE(Apply(MakePublish({1, 2, 8})));
  EXPECT_FALSE(Apply(MakePublish({2, 1, 8})));
  EXPECT_FALSE(Get("k"));
}

TEST_F(MachineTest, AbandonedUploadIsDropped) {
  ASSERT_TRUE(Apply(StageChunk{1, 0, "left behind"}));
  now_ += 2 * kUploadAgeMaxNanos;
  ASSERT_TRUE(Apply(StageChunk{2, 0, "x"}));
  ASSERT_TRUE(Apply(MakePublish({2, 1, 1})));
  EXPECT_EQ(KeysOf(*store_), 2u);
}

TEST_F(MachineTest, ReplayedCommandsGiveTheSameState) {
  auto other = store::NewMemoryStore();
  Machine twin;
  for (uint64_t i = 1; i <= 200; ++i) {
    Transaction transaction;
    transaction.compares = {
        MakeCompare(i % 3 == 0 ? kAbsent : kExists, "k" + std::to_string(i % 7))};
    transaction.then_ops = {MakePut("k" + std::to_string(i % 5), std::to_string(i)),
                            MakeOp(Op::Kind::kAdd, "count", 1)};
    if (i % 2 == 0) transaction.compares.clear();
    const Bytes raw = EncodeCommand(kScope, now_, transaction);
    ASSERT_TRUE(Apply(transaction));
    auto txn = other->Begin();
    ASSERT_TRUE(twin.Apply(**txn, i, *DecodeCommand(raw)));
    (*txn)->Commit(i);
  }
  const auto view_a = store_->NewView();
  const auto view_b = other->NewView();
  auto left = (*view_a)->NewCursor();
  auto right = (*view_b)->NewCursor();
  left->Seek("");
  right->Seek("");
  for (; left->Valid(); left->Next(), right->Next()) {
    ASSERT_TRUE(right->Valid());
    EXPECT_EQ(left->key(), right->key());
    EXPECT_EQ(left->value(), right->value());
  }
  EXPECT_FALSE(right->Valid());
}

}  // namespace
}  // namespace metaring::state
