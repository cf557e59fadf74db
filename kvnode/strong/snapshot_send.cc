// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/snapshot_send.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/base/logging.h"

namespace metaring::strong {

bool SnapshotSender::Stands(const Key& key, raft::Term term) {
  const Group* const group = shared_.Find(key.first);
  return group != nullptr && group->Leads() && group->core.term() == term;
}

void SnapshotSender::Want(const Group& group, NodeId peer) {
  const Key key{group.id(), peer};
  if (transfers_.contains(key)) End(key, false);
  if (std::find(queue_.begin(), queue_.end(), key) == queue_.end()) queue_.push_back(key);
  shared_.Schedule();
}

Status SnapshotSender::Begin(const Key& key) {
  Transfer transfer;
  transfer.id = {shared_.node.incarnation, ++number_};
  transfer.term = shared_.Find(key.first)->core.term();
  ASSIGN_OR_RETURN(transfer.source, SnapshotSource::Open(shared_.world.store, key.first));
  transfer.head = transfer.source->head();
  transfer.name = fmt::format("out-{:08x}-{}", key.first.value(), number_);
  ASSIGN_OR_RETURN(transfer.file, shared_.world.spool.Create(transfer.name));
  transfers_.emplace(key, std::move(transfer));
  return {};
}

Status SnapshotSender::WriteChunk(Transfer& transfer, ByteView chunk) const {
  if (transfer.bytes + chunk.size() > shared_.options.snapshot_bytes_max) {
    return Fail(ErrorCode::kTooBig, "the snapshot is larger than the spool may hold");
  }
  RETURN_IF_ERROR(transfer.file->WriteAt(transfer.bytes, chunk));
  transfer.checksum = ChainChecksum(transfer.checksum, chunk);
  transfer.bytes += chunk.size();
  return {};
}

Status SnapshotSender::Copy(Transfer& transfer) {
  ASSIGN_OR_RETURN(const Bytes more, transfer.source->Next(shared_.options.install_bytes_max));
  transfer.tail.append(more);
  size_t used = 0;
  for (; transfer.tail.size() - used >= kSnapshotChunkBytesMax; used += kSnapshotChunkBytesMax) {
    const ByteView chunk = ByteView(transfer.tail).substr(used, kSnapshotChunkBytesMax);
    RETURN_IF_ERROR(WriteChunk(transfer, chunk));
  }
  transfer.tail.erase(0, used);
  if (!more.empty()) {
    shared_.Schedule();
    return {};
  }
  if (!transfer.tail.empty()) RETURN_IF_ERROR(WriteChunk(transfer, transfer.tail));
  transfer.tail = {};
  transfer.source.reset();
  transfer.due = true;
  return {};
}

Status SnapshotSender::SendChunk(const Key& key, Transfer& transfer) {
  ASSIGN_OR_RETURN(Bytes data, transfer.file->ReadAt(transfer.offset, kSnapshotChunkBytesMax));
  SnapshotChunk chunk{key.first,       transfer.id,
                      transfer.term,   transfer.head,
                      transfer.bytes,  transfer.checksum,
                      transfer.offset, std::make_shared<const Bytes>(std::move(data))};
  shared_.outbox.Add(key.second, std::move(chunk));
  transfer.due = false;
  return {};
}

void SnapshotSender::Run() {
  while (!queue_.empty() && transfers_.size() < shared_.options.snapshots_max) {
    const Key key = queue_.front();
    queue_.pop_front();
    Group* const group = shared_.Find(key.first);
    if (group == nullptr || !group->Leads()) continue;
    if (const Status begun = Begin(key); !begun) {
      LogWarn("strong", "no snapshot of group {:#x}: {}", key.first.value(), begun.error().message);
      End(key, false);
    }
  }
  std::vector<Key> keys;
  for (const auto& [key, transfer] : transfers_) keys.push_back(key);
  for (const Key& key : keys) {
    Transfer& transfer = transfers_.at(key);
    if (!Stands(key, transfer.term)) {
      End(key, false);
      continue;
    }
    Status status;
    if (transfer.source) status = Copy(transfer);
    const bool sends = status && transfer.due && shared_.outbox.Room(key.second) > 0;
    if (sends) status = SendChunk(key, transfer);
    if (status) continue;
    LogWarn("strong", "a snapshot of group {:#x} was given up: {}", key.first.value(),
            status.error().message);
    End(key, false);
  }
}

void SnapshotSender::Receive(NodeId from, const SnapshotReply& reply) {
  const Key key{reply.group, from};
  const auto at = transfers_.find(key);
  if (at == transfers_.end() || at->second.id != reply.transfer || at->second.source) return;
  Transfer& transfer = at->second;
  transfer.silent_ticks = 0;
  if (reply.answer == SnapshotAnswer::kInstalled) {
    ++shared_.counters.snapshots_sent;
    return End(key, true);
  }
  if (reply.answer == SnapshotAnswer::kRefused) return End(key, false);
  if (reply.offset <= transfer.offset || reply.offset > transfer.bytes) return;
  transfer.offset = reply.offset;
  transfer.due = transfer.offset < transfer.bytes;
  shared_.Schedule();
}

void SnapshotSender::Tick() {
  std::vector<Key> lost;
  for (auto& [key, transfer] : transfers_) {
    if (transfer.source) continue;
    if (++transfer.silent_ticks >= kGiveUpTicks) lost.push_back(key);
    if (transfer.silent_ticks % kResendTicks == 0) transfer.due = true;
  }
  for (const Key& key : lost) End(key, false);
  for (const Key& key : std::exchange(failed_, {})) Tell(key, raft::LogIndex(), false);
  if (!transfers_.empty() || !queue_.empty()) shared_.Schedule();
}

void SnapshotSender::End(const Key& key, bool delivered) {
  raft::LogIndex index;
  bool stands = true;
  if (const auto at = transfers_.find(key); at != transfers_.end()) {
    index = at->second.head.index;
    stands = Stands(key, at->second.term);
    at->second.file.reset();
    // Scratch: what stays behind goes at the next start.
    (void)shared_.world.spool.Remove(at->second.name);
    transfers_.erase(at);
  }
  if (!stands) return;
  if (delivered) return Tell(key, index, true);
  failed_.push_back(key);
}

void SnapshotSender::Tell(const Key& key, raft::LogIndex index, bool delivered) {
  Group* const group = shared_.Find(key.first);
  if (group == nullptr) return;
  group->core.SnapshotSent(key.second, index, delivered);
  if (delivered) {
    // A replica that was damaged is whole by what its leader says after it has everything, and this
    // leader may have nothing more to say: the way that opens makes it greet.
    group->core.SetReachable(key.second, false);
    group->core.SetReachable(key.second, true);
  }
  if (group->core.HasOutput()) shared_.Touch(*group);
}

void SnapshotSender::Drop(NodeId peer) {
  std::vector<Key> keys;
  for (const Key& key : queue_) {
    if (key.second == peer) keys.push_back(key);
  }
  for (const auto& [key, transfer] : transfers_) {
    if (key.second == peer) keys.push_back(key);
  }
  std::erase_if(queue_, [&](const Key& key) { return key.second == peer; });
  for (const Key& key : keys) End(key, false);
}

void SnapshotSender::Forget(const Group& group) {
  std::erase_if(queue_, [&](const Key& key) { return key.first == group.id(); });
  std::erase_if(transfers_, [&](const auto& item) { return item.first.first == group.id(); });
}

}  // namespace metaring::strong
