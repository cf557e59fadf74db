// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/outbox.h"

#include <algorithm>

namespace metaring::strong {

Outbox::Open& Outbox::Fit(NodeId peer, uint64_t bytes) {
  Open& open = open_[peer];
  const bool full = open.bytes + bytes > kPeerMessageBytesMax ||
                    open.message.groups.size() >= kPeerMessageItemsMax ||
                    open.message.chunks.size() >= kPeerMessageItemsMax;
  if (full && !open.message.Empty()) {
    peers_.Send(peer, std::exchange(open.message, {}));
    ++messages_sent_;
    open.bytes = 0;
  }
  open.bytes += bytes;
  open.bytes_round += bytes;
  return open;
}

void Outbox::Add(NodeId peer, GroupMessage message) {
  uint64_t bytes = 0;
  for (const Entry& entry : message.entries) bytes += entry.payload->size();
  Fit(peer, bytes).message.groups.push_back(std::move(message));
}

void Outbox::Add(NodeId peer, SnapshotChunk chunk) {
  const uint64_t bytes = chunk.data->size();
  Fit(peer, bytes).message.chunks.push_back(std::move(chunk));
}

uint64_t Outbox::Room(NodeId peer) const {
  const uint64_t room = peers_.Room(peer);
  const auto at = open_.find(peer);
  return at == open_.end() ? room : room - std::min(room, at->second.bytes_round);
}

void Outbox::Send() {
  for (auto& [peer, open] : open_) {
    if (open.message.Empty()) continue;
    peers_.Send(peer, std::move(open.message));
    ++messages_sent_;
  }
  open_.clear();
}

}  // namespace metaring::strong
