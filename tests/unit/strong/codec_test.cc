// SPDX-License-Identifier: Apache-2.0
//
// The stored formats: what goes in comes out, and the examples in the headers are true.
#include <gtest/gtest.h>

#include "kvnode/strong/group_record.h"
#include "kvnode/strong/ids.h"
#include "kvnode/strong/record_codec.h"

namespace metaring::strong {
namespace {

using raft::LogIndex;
using raft::Term;

TEST(RecordCodec, TheExampleOfTheHeaderIsTrue) {
  const Bytes raw = EncodeEntry({LogIndex(300), Term(2), LogIndex(299), EntryKind::kNoOp, {}});
  EXPECT_EQ(raw, Bytes("\xac\x02\x02\xab\x02\x01", 6));
}

TEST(RecordCodec, EntriesComeBack) {
  const Bytes raw = EncodeEntry({LogIndex(9), Term(3), LogIndex(8), EntryKind::kCommand, "body"});
  const auto entry = DecodeEntry(raw);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->index, LogIndex(9));
  EXPECT_EQ(entry->term, Term(3));
  EXPECT_EQ(entry->commit, LogIndex(8));
  EXPECT_EQ(entry->kind, EntryKind::kCommand);
  EXPECT_EQ(entry->payload, "body");
}

TEST(RecordCodec, NoPrefixOfARecordDecodes) {
  CreatedRecord created;
  created.write_ack = raft::WriteAck::kAllInSync;
  created.hard_state = {Term(5), NodeId(2)};
  created.configuration =
      raft::Configuration({{.node = NodeId(1)},
                           {.node = NodeId(2), .role = raft::MemberRole::kLearner},
                           {.node = NodeId(300), .in_sync = false}});
  const Bytes raw = EncodeCreated(created);
  const auto back = DecodeCreated(raw);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->configuration, created.configuration);
  EXPECT_EQ(back->hard_state, created.hard_state);
  for (size_t n = 0; n < raw.size(); ++n) EXPECT_FALSE(DecodeCreated(raw.substr(0, n))) << n;
  const Bytes damaged = EncodeDamaged({raft::RepairId(3), LogIndex(300)});
  for (size_t n = 0; n < damaged.size(); ++n) EXPECT_FALSE(DecodeDamaged(damaged.substr(0, n)));
  const Bytes state = EncodeHardState({{Term(300), NodeId(2)}, LogIndex(300)});
  for (size_t n = 0; n < state.size(); ++n) EXPECT_FALSE(DecodeHardState(state.substr(0, n)));
}

TEST(GroupRecordCodec, TheExampleOfTheHeaderIsTrue) {
  GroupRecord record;
  record.applied = LogIndex(300);
  record.applied_term = Term(2);
  record.hard_state = {Term(2), NodeId(1)};
  const Bytes raw = EncodeGroupRecord(GroupId(7), record);
  EXPECT_EQ(GroupKey(GroupId(7)), Bytes("\xff\xff\x67\0\0\0\x07", 7));
  EXPECT_EQ(raw.substr(8), Bytes("\x01\x01\x00\xac\x02\x02\x02\x01\x00\x00\x00", 11));
}

TEST(GroupRecordCodec, AFlippedBitAndAnotherGroupAreNoticed) {
  GroupRecord record;
  record.applied = LogIndex(300);
  const Bytes raw = EncodeGroupRecord(GroupId(7), record);
  EXPECT_TRUE(DecodeGroupRecord(GroupId(7), raw));
  EXPECT_FALSE(DecodeGroupRecord(GroupId(8), raw));
  for (size_t bit = 0; bit < raw.size() * 8; ++bit) {
    Bytes bent = raw;
    bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(DecodeGroupRecord(GroupId(7), bent)) << bit;
  }
}

TEST(Ids, AGroupIsItsClassAndSlot) {
  const GroupId group = GroupOf(ClassId(3), SlotId(1'000));
  EXPECT_EQ(ClassOf(group), ClassId(3));
  EXPECT_EQ(SlotOf(group), SlotId(1'000));
}

}  // namespace
}  // namespace metaring::strong
