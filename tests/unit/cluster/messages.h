// SPDX-License-Identifier: Apache-2.0
//
// PeerMessages for tests: one that has everything, and all of one as text.
#ifndef METARING_TESTS_UNIT_CLUSTER_MESSAGES_H_
#define METARING_TESTS_UNIT_CLUSTER_MESSAGES_H_

#include <string>

#include "kvnode/strong/peer_message.h"

namespace metaring::cluster {

// Every field of every struct has a value that no other one has.
strong::PeerMessage FullMessage(NodeId from, NodeId to);
// Every field. Equal texts: equal messages.
std::string Text(const strong::PeerMessage& message);

strong::GroupMessage OfGroup(NodeId from, NodeId to, decltype(raft::Message::body) body);
// One append with one entry.
strong::PeerMessage Append(NodeId from, NodeId to, uint64_t index, Bytes payload);
strong::PeerMessage Beat(uint64_t sequence);

}  // namespace metaring::cluster

#endif  // METARING_TESTS_UNIT_CLUSTER_MESSAGES_H_
