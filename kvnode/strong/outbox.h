// SPDX-License-Identifier: Apache-2.0
//
// Outbox: what a round has to say to each peer, until it is sent as one message, or as several when
// its payloads are more than one may carry. One caller.
#ifndef METARING_KVNODE_STRONG_OUTBOX_H_
#define METARING_KVNODE_STRONG_OUTBOX_H_

#include <cstdint>
#include <map>
#include <utility>

#include "kvnode/strong/world.h"

namespace metaring::strong {

class Outbox {
 public:
  explicit Outbox(Peers& peers) : peers_(peers) {}

  // Small things, without payload. The reference is good until the next call.
  PeerMessage& To(NodeId peer) { return open_[peer].message; }
  void Add(NodeId peer, GroupMessage message);
  void Add(NodeId peer, SnapshotChunk chunk);
  // Payload bytes that may still be added for a peer in this round.
  uint64_t Room(NodeId peer) const;

  void Send();
  uint64_t messages_sent() const { return messages_sent_; }

 private:
  struct Open {
    PeerMessage message;
    uint64_t bytes = 0;        // of its payloads
    uint64_t bytes_round = 0;  // with those that were sent before in this round
  };
  // Makes room for so many more bytes of payload.
  Open& Fit(NodeId peer, uint64_t bytes);

  Peers& peers_;
  std::map<NodeId, Open> open_;
  uint64_t messages_sent_ = 0;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_OUTBOX_H_
