// SPDX-License-Identifier: Apache-2.0
//
// PeerMessage: what one node says to another in one round of its engine, for all groups at once.
// Plain data, with a straight mapping to the wire: structs, lists, numbers, bytes.
//
// Any of it may be lost, late, doubled or out of order, but a PeerMessage arrives whole or not at
// all. The transport has authenticated the sender; everything else in it is checked by who takes
// it. An engine keeps its own messages within kPeerMessageBytesMax, and refuses larger ones.
#ifndef METARING_KVNODE_STRONG_PEER_MESSAGE_H_
#define METARING_KVNODE_STRONG_PEER_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/raft/confirm.h"
#include "kvnode/raft/message.h"

namespace metaring::strong {

// Of payloads and chunks in one message. One entry is at most kEntryBytesMax, so a message with
// several begins to close before this.
inline constexpr size_t kPeerMessageBytesMax = 8 << 20;
// A command with its framing (state::kTransactionBytesMax).
inline constexpr size_t kEntryBytesMax = (2 << 20) + (64 << 10);
inline constexpr size_t kPeerMessageItemsMax = 65'536;  // of each list
inline constexpr size_t kSnapshotChunkBytesMax = 512 << 10;

enum class EntryKind : uint8_t {
  kNoOp = 1,           // a new leader's; empty
  kCommand = 2,        // state::EncodeCommand
  kConfiguration = 3,  // EncodeConfiguration
};

// What an entry holds. The bytes are shared by all who keep or send them, and never change.
struct Entry {
  EntryKind kind = EntryKind::kNoOp;
  std::shared_ptr<const Bytes> payload;  // never null in a message
};

// A message of one core to another. With an AppendRequest, whose `configurations` are empty here,
// `entries` are those that it names, in their order; otherwise there are none.
struct GroupMessage {
  raft::Message message;
  std::vector<Entry> entries;
};

// Asks for support of the sender's node (raft/support.h). `sequence` grows within one incarnation,
// which is a number of the sender's process that no other life of it has.
struct Heartbeat {
  uint64_t incarnation = 0;
  uint64_t sequence = 0;
};

// The heartbeat's numbers, and the epoch that now supports its sender; zero: none.
struct HeartbeatReply {
  uint64_t incarnation = 0;
  uint64_t sequence = 0;
  raft::SupportEpoch epoch;
};

// raft/confirm.h: a question, or the answer, which has those groups that still follow.
struct Confirmation {
  raft::RoundId round;
  std::vector<raft::GroupTerm> groups;
};

// Which transfer of a snapshot is meant: the sender's incarnation and a number in it.
struct TransferId {
  uint64_t incarnation = 0;
  uint64_t number = 0;
  friend bool operator==(const TransferId&, const TransferId&) = default;
};

// A piece of a snapshot (snapshot_format.h). One is under way for each transfer; its answer asks
// for the next one. The head comes with each, so that a receiver keeps nothing for who never comes
// back.
struct SnapshotChunk {
  GroupId group;
  TransferId transfer;
  raft::Term term;  // of the leader that sends
  raft::InstallSnapshot snapshot;
  uint64_t bytes_total = 0;
  uint64_t checksum = 0;  // xxh3 of all bytes
  uint64_t offset = 0;
  std::shared_ptr<const Bytes> data;  // never null
};

enum class SnapshotAnswer : uint8_t {
  kContinue = 1,  // send what is at `offset`
  kInstalled,     // done, durably; or the receiver has all of it by other ways
  kRefused,       // discarded: no room, another transfer, a wrong checksum, a stale leader
};

struct SnapshotReply {
  GroupId group;
  TransferId transfer;
  SnapshotAnswer answer = SnapshotAnswer::kRefused;
  uint64_t offset = 0;
};

struct PeerMessage {
  std::optional<Heartbeat> heartbeat;
  std::optional<HeartbeatReply> heartbeat_reply;
  std::vector<GroupMessage> groups;
  std::vector<Confirmation> questions;
  std::vector<Confirmation> confirmations;
  std::vector<SnapshotChunk> chunks;
  std::vector<SnapshotReply> snapshot_replies;

  bool Empty() const;
  // Of payloads and chunks, what kPeerMessageBytesMax bounds.
  uint64_t PayloadBytes() const;
};

// Whether a message is within all bounds, and each AppendRequest has the entries that it names.
bool IsSane(const PeerMessage& message);

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_PEER_MESSAGE_H_
