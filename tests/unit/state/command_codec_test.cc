// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kvnode/base/random.h"
#include "kvnode/state/machine.h"

namespace metaring::state {
namespace {

const Scope kScope{SlotId{3}, KeyspaceId{400}};

Transaction EveryKind() {
  Transaction t;
  t.compares = {{Compare::Kind::kExists, "a", 0, "", ""},
                {Compare::Kind::kAbsent, "b", 0, "", ""},
                {Compare::Kind::kVersion, "c", 99, "", ""},
                {Compare::Kind::kValue, "d", 0, "value", ""},
                {Compare::Kind::kRangeEmpty, "e", 0, "", "f"}};
  t.then_ops = {{Op::Kind::kPut, "p", "payload", Codec::kZstd, 0},
                {Op::Kind::kDelete, "q", "", Codec::kNone, 0},
                {Op::Kind::kAdd, "r", "", Codec::kNone, -3},
                {Op::Kind::kMax, "s", "", Codec::kNone, 1 << 20}};
  t.else_reads = {"x", ""};
  t.request_id = RequestId{7, 8, 5};
  t.frees_space = true;
  return t;
}

TEST(CommandCodec, TransactionComesBackAsItWas) {
  const Bytes raw = EncodeCommand(kScope, -42, EveryKind());
  const auto command = DecodeCommand(raw);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->scope.slot, kScope.slot);
  EXPECT_EQ(command->scope.keyspace, kScope.keyspace);
  EXPECT_EQ(command->log_time_nanos, -42);
  const auto& t = std::get<Transaction>(command->body);
  EXPECT_EQ(EncodeCommand(kScope, -42, t), raw);
  EXPECT_EQ(t.compares[2].version, 99u);
  EXPECT_EQ(t.then_ops[2].delta, -3);
  EXPECT_EQ(t.request_id->lowest_outstanding, 5u);
  EXPECT_TRUE(t.frees_space);
}

TEST(CommandCodec, ChunkAndPublishComeBackAsTheyWere) {
  const auto chunk = DecodeCommand(EncodeCommand(kScope, 1, StageChunk{5, 6, "data"}));
  ASSERT_TRUE(chunk);
  EXPECT_EQ(std::get<StageChunk>(chunk->body).data, "data");
  Publish publish{"k", Codec::kZstd, {1, 2, 300}, std::nullopt};
  auto decoded = DecodeCommand(EncodeCommand(kScope, 1, publish));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<Publish>(decoded->body).head.bytes, 300u);
  EXPECT_FALSE(std::get<Publish>(decoded->body).request_id);
  publish.request_id = RequestId{7, 8, 5};
  decoded = DecodeCommand(EncodeCommand(kScope, 1, publish));
  ASSERT_TRUE(decoded);
  ASSERT_TRUE(std::get<Publish>(decoded->body).request_id);
  EXPECT_EQ(std::get<Publish>(decoded->body).request_id->sequence, 8u);
}

TEST(CommandCodec, EveryTruncationIsRefused) {
  const Bytes raw = EncodeCommand(kScope, 0, EveryKind());
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_FALSE(DecodeCommand(ByteView(raw).substr(0, size))) << size;
  }
  EXPECT_FALSE(DecodeCommand(raw + "x"));
}

TEST(CommandCodec, RandomBytesNeverCrash) {
  Random random(1);
  const Bytes valid = EncodeCommand(kScope, 0, EveryKind());
  for (int round = 0; round < 20'000; ++round) {
    Bytes raw = valid;
    for (uint64_t flips = 1 + random.Below(4); flips > 0; --flips) {
      raw[random.Below(raw.size())] = static_cast<char>(random.Next());
    }
    (void)DecodeCommand(raw);
  }
}

}  // namespace
}  // namespace metaring::state
