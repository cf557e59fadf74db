// SPDX-License-Identifier: Apache-2.0
//
// strong::PeerMessage as node.thrift's DeliverRequest, and back: the one file that knows both.
//
// Out, a message is written field by field into its frame, without the generated structs between:
// a payload, which many may share, is copied once. In, payloads are moved out of the generated
// structs. What comes from another node is trusted no more than what comes from a client: a number
// over its bound, an unknown value of an enum, lists that do not belong together are
// kInvalidArgument, and the message begins with the field's name. What is decoded is
// strong::IsSane. Whether it makes sense to a group is for the cores.
#ifndef METARING_KVNODE_CLUSTER_PEER_WIRE_H_
#define METARING_KVNODE_CLUSTER_PEER_WIRE_H_

#include <node_types.h>

#include <cstdint>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/ids.h"
#include "kvnode/base/result.h"
#include "kvnode/strong/peer_message.h"

namespace metaring::cluster {

// What stands on every message.
struct Envelope {
  std::string cluster_id;
  NodeId from;
  NodeId to;
  int64_t map_epoch = 0;  // of the sender; 0: it has no map
};

// A call of `deliver` as rpc::Channel::CallEncoded takes it. `message` is IsSane; the from and to
// of what its groups say are those of the envelope.
Bytes EncodeDeliver(const Envelope& envelope, const strong::PeerMessage& message);

Result<Envelope> EnvelopeOf(const wire::DeliverRequest& request);
// `envelope` as EnvelopeOf gives it, and believed by now.
Result<strong::PeerMessage> FromWire(wire::DeliverRequest&& request, const Envelope& envelope);

}  // namespace metaring::cluster

#endif  // METARING_KVNODE_CLUSTER_PEER_WIRE_H_
