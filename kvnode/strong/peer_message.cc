// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/peer_message.h"

#include <algorithm>
#include <variant>

namespace metaring::strong {
namespace {

bool IsSane(const GroupMessage& group) {
  const auto* append = std::get_if<raft::AppendRequest>(&group.message.body);
  if (append == nullptr) return group.entries.empty();
  const uint64_t named = append->entries.last_index().value() - append->entries.base().value();
  if (named != group.entries.size() || !append->configurations.empty()) return false;
  return std::all_of(group.entries.begin(), group.entries.end(), [](const Entry& entry) {
    return entry.payload != nullptr && entry.payload->size() <= kEntryBytesMax;
  });
}

bool IsSane(const Confirmation& confirmation) {
  return confirmation.groups.size() <= raft::kConfirmGroupsMax;
}

bool IsSane(const SnapshotChunk& chunk) {
  return chunk.data != nullptr && chunk.data->size() <= kSnapshotChunkBytesMax &&
         chunk.offset <= chunk.bytes_total &&
         chunk.data->size() <= chunk.bytes_total - chunk.offset;
}

bool IsSane(const SnapshotReply& reply) {
  return reply.answer >= SnapshotAnswer::kContinue && reply.answer <= SnapshotAnswer::kRefused;
}

template <typename Item>
bool AreSane(const std::vector<Item>& items) {
  return items.size() <= kPeerMessageItemsMax &&
         std::all_of(items.begin(), items.end(), [](const Item& item) { return IsSane(item); });
}

}  // namespace

bool PeerMessage::Empty() const {
  return !heartbeat && !heartbeat_reply && groups.empty() && questions.empty() &&
         confirmations.empty() && chunks.empty() && snapshot_replies.empty();
}

uint64_t PeerMessage::PayloadBytes() const {
  uint64_t bytes = 0;
  for (const GroupMessage& group : groups) {
    for (const Entry& entry : group.entries) bytes += entry.payload ? entry.payload->size() : 0;
  }
  for (const SnapshotChunk& chunk : chunks) bytes += chunk.data ? chunk.data->size() : 0;
  return bytes;
}

bool IsSane(const PeerMessage& message) {
  return AreSane(message.groups) && AreSane(message.questions) && AreSane(message.confirmations) &&
         AreSane(message.chunks) && AreSane(message.snapshot_replies) &&
         message.PayloadBytes() <= kPeerMessageBytesMax;
}

}  // namespace metaring::strong
