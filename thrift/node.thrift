// SPDX-License-Identifier: Apache-2.0
//
// What nodes ask each other, on a listener and a thread of their own, with certificates of the role
// "node". Not for clients, and not kept compatible with anything but the nodes of one cluster that
// is being upgraded; the rule of evolution is the same as kv.thrift's.
include "kv.thrift"

namespace cpp metaring.wire
namespace py metaring.wire.node

struct IdentifyRequest {
  1: optional i32 version_min
  2: optional i32 version_max
  3: optional string cluster_id   // of the asking node: another cluster's is FORMAT_MISMATCH
  4: optional i64 node_id         // of the asking node
}
struct IdentifyReply {
  1: optional i32 version
  2: optional string cluster_id
  3: optional i64 node_id
  4: optional string node_name
}

struct HeartbeatRequest {
  1: optional string cluster_id
  2: optional i64 node_id
  3: optional i64 sequence        // grows by one with each heartbeat of this sender's life
  4: optional i64 map_epoch       // of the cluster map that the sender has
}
struct HeartbeatReply {
  1: optional i64 sequence        // of the request
  2: optional i64 map_epoch
}

// --- what the engines of two nodes say to each other ---------------------------------------------
// kvnode/strong/peer_message.h says what it means, kvnode/cluster/peer_wire.h what is refused.
// Numbers are unsigned: a negative one is refused, but for checksums, which are 64 bits. Absent is
// zero, false or empty. Terms and log indexes are at most 2^62. Lists have at most 65,536 elements;
// lists that belong together have equal lengths, and stand for a list of structs, whose elements
// would take more bytes here and many more when they are decoded.

// Asks for support of the sender's node, which a deadline makes a promise.
struct SupportRequest {
  1: optional i64 incarnation     // a number of the sender's process that no other life of it has
  2: optional i64 sequence        // grows within it
}
struct SupportReply {
  1: optional i64 incarnation     // of the request
  2: optional i64 sequence
  3: optional i64 epoch           // that supports the asking node now; absent: none
}

struct VoteRequest {
  1: optional bool pre_vote       // a rehearsal
  2: optional bool transfer       // the leader asked for it
  3: optional i64 last_index
  4: optional i64 last_term
}
struct VoteReply {
  1: optional bool pre_vote
  2: optional bool granted
}

enum EntryKind {
  NO_OP = 1,
  COMMAND = 2,
  CONFIGURATION = 3,
}
struct AppendRequest {
  // Terms of the entries: from run_firsts[i] on they have run_terms[i]. The first run begins at the
  // entry before the first one that is sent. At least 1, at most 4096.
  1: optional list<i64> run_firsts
  2: optional list<i64> run_terms
  3: optional i64 last_index      // of the entries
  4: optional i64 commit
  5: optional i64 repair          // the damage of the receiver's log that the sender knows of
  6: optional list<byte> kinds    // EntryKind of each entry
  7: optional list<binary> payloads  // at most 2 MiB + 64 KiB each; 8 MiB in a message, with chunks
}
struct AppendReply {
  1: optional bool rejected
  2: optional i64 match_index
  3: optional i64 rejected_base
  4: optional i64 hint_term
  5: optional i64 commit
  6: optional i64 support         // epoch
  7: optional i64 damage
}
struct SnapshotHead {
  1: optional i64 last_index      // that it covers
  2: optional i64 last_term
  3: optional binary configuration  // as an entry has it (kvnode/strong/record_codec.h); absent:
                                    // of nobody
}

// Exactly one of the fields from 3 on is there.
struct GroupMessage {
  1: optional i32 group           // 32 bits
  2: optional i64 term
  3: optional VoteRequest vote_request
  4: optional VoteReply vote_reply
  5: optional AppendRequest append_request
  6: optional AppendReply append_reply
  7: optional SnapshotHead install_snapshot
  8: optional bool timeout_now    // true
  9: optional bool leadership_ended  // true
}

// A round of reads: groups whose leader asks whether it is followed; or those where it is.
struct Confirmation {
  1: optional i64 round
  2: optional list<i32> groups    // 32 bits; at most 4096
  3: optional list<i64> terms     // of each
}

struct SnapshotChunk {
  1: optional i32 group
  2: optional i64 incarnation     // names the transfer, with the next
  3: optional i64 number
  4: optional i64 term
  5: optional SnapshotHead snapshot
  6: optional i64 bytes_total
  7: optional i64 checksum        // xxh3 of all bytes
  8: optional i64 offset
  9: optional binary data         // at most 512 KiB
}
enum SnapshotAnswer {
  CONTINUE = 1,
  INSTALLED = 2,
  REFUSED = 3,
}
struct SnapshotReply {
  1: optional i32 group
  2: optional i64 incarnation
  3: optional i64 number
  4: optional SnapshotAnswer answer
  5: optional i64 offset          // of CONTINUE: what is wanted next
}

struct DeliverRequest {
  1: optional string cluster_id   // another cluster's is FORMAT_MISMATCH
  2: optional i64 from_node       // whose certificate is shown; else PERMISSION_DENIED
  3: optional i64 to_node         // another one than this: FORMAT_MISMATCH
  4: optional i64 map_epoch       // of the cluster map that the sender has
  5: optional SupportRequest support_request
  6: optional SupportReply support_reply
  7: optional list<GroupMessage> groups
  8: optional list<Confirmation> questions
  9: optional list<Confirmation> confirmations
  10: optional list<SnapshotChunk> chunks
  11: optional list<SnapshotReply> snapshot_replies
}
// The message waits for the engine; what comes of it is said in messages of the other way.
struct DeliverReply {
  1: optional i64 map_epoch
}

service Node {
  IdentifyReply identify(1: IdentifyRequest request) throws (1: kv.KvError error)
  HeartbeatReply heartbeat(1: HeartbeatRequest request) throws (1: kv.KvError error)
  // Messages of one connection are taken in their order. INVALID_ARGUMENT: nothing of it was taken.
  // BUSY: too much waits for this node's engine; it is lost, as if the network had lost it.
  DeliverReply deliver(1: DeliverRequest request) throws (1: kv.KvError error)
}
