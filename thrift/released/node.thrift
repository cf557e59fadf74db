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

service Node {
  IdentifyReply identify(1: IdentifyRequest request) throws (1: kv.KvError error)
  HeartbeatReply heartbeat(1: HeartbeatRequest request) throws (1: kv.KvError error)
}
