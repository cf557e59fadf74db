// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/snapshot_receive.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"
#include "kvnode/strong/group_data.h"

namespace metaring::strong {

// -------------------------------------------------------------------------------------------------
// Receiving

void SnapshotReceiver::Reply(NodeId to, const SnapshotChunk& about, SnapshotAnswer answer,
                             uint64_t offset) {
  shared_.outbox.To(to).snapshot_replies.push_back({about.group, about.transfer, answer, offset});
  if (answer == SnapshotAnswer::kRefused) ++shared_.counters.snapshots_refused;
  shared_.Schedule();
}

void SnapshotReceiver::End(GroupId group, SnapshotAnswer answer) {
  const auto at = transfers_.find(group);
  if (at == transfers_.end()) return;
  Reply(at->second.from, at->second.head, answer);
  at->second.file.reset();
  // Scratch: what stays behind goes at the next start.
  (void)shared_.world.spool.Remove(at->second.name);
  transfers_.erase(at);
}

SnapshotReceiver::Transfer* SnapshotReceiver::Begin(NodeId from, const SnapshotChunk& chunk) {
  const bool room = transfers_.size() < shared_.options.snapshots_max &&
                    chunk.bytes_total <= shared_.options.snapshot_bytes_max;
  if (!room || chunk.offset != 0) return nullptr;
  SnapshotChunk head = chunk;
  head.data.reset();
  Transfer transfer{from, std::move(head),
                    fmt::format("in-{:08x}-{}", chunk.group.value(), ++number_), nullptr,
                    PairParser(chunk.group)};
  auto file = shared_.world.spool.Create(transfer.name);
  if (!file) return nullptr;
  transfer.file = std::move(*file);
  return &transfers_.emplace(chunk.group, std::move(transfer)).first->second;
}

void SnapshotReceiver::Receive(NodeId from, const SnapshotChunk& chunk) {
  Group* const group = shared_.Find(chunk.group);
  const bool stale = group == nullptr || chunk.term < group->core.term() || group->Leads();
  if (stale) return Reply(from, chunk, SnapshotAnswer::kRefused);
  if (chunk.snapshot.index <= group->commit) {
    End(chunk.group, SnapshotAnswer::kRefused);
    return Reply(from, chunk, SnapshotAnswer::kInstalled);
  }
  auto at = transfers_.find(chunk.group);
  const bool same = at != transfers_.end() && at->second.from == from &&
                    at->second.head.transfer == chunk.transfer;
  if (at != transfers_.end() && !same) {
    if (at->second.stage != Stage::kReceiving) return Reply(from, chunk, SnapshotAnswer::kRefused);
    End(chunk.group, SnapshotAnswer::kRefused);
  }
  Transfer* const transfer = same ? &at->second : Begin(from, chunk);
  if (transfer == nullptr) return Reply(from, chunk, SnapshotAnswer::kRefused);
  if (transfer->stage != Stage::kReceiving) return;  // its answer comes when it is done
  if (chunk.offset == transfer->bytes) {
    if (const Status taken = Take(*transfer, chunk); !taken) {
      LogWarn("strong", "a snapshot of group {:#x} is discarded: {}", chunk.group.value(),
              taken.error().message);
      return End(chunk.group, SnapshotAnswer::kRefused);
    }
    if (transfer->bytes == transfer->head.bytes_total) return Complete(*group, *transfer);
  }
  Reply(from, chunk, SnapshotAnswer::kContinue, transfer->bytes);
}

Status SnapshotReceiver::Take(Transfer& transfer, const SnapshotChunk& chunk) {
  const bool same_head = chunk.bytes_total == transfer.head.bytes_total &&
                         chunk.checksum == transfer.head.checksum &&
                         chunk.snapshot.index == transfer.head.snapshot.index;
  if (!same_head) return Fail(ErrorCode::kCorrupt, "its chunks contradict each other");
  RETURN_IF_ERROR(transfer.parser.Feed(*chunk.data, [](ByteView, ByteView) {}));
  RETURN_IF_ERROR(transfer.file->WriteAt(transfer.bytes, *chunk.data));
  transfer.checksum = ChainChecksum(transfer.checksum, *chunk.data);
  transfer.bytes += chunk.data->size();
  if (transfer.bytes < transfer.head.bytes_total) {
    const bool whole = chunk.data->size() == kSnapshotChunkBytesMax;
    return whole ? Status() : Fail(ErrorCode::kCorrupt, "a chunk in its middle is short");
  }
  // A stream of nothing has no chunk to sum up.
  const uint64_t checksum = transfer.head.bytes_total == 0 ? 0 : transfer.checksum;
  if (checksum != transfer.head.checksum || !transfer.parser.AtEnd()) {
    return Fail(ErrorCode::kCorrupt, "its checksum is wrong");
  }
  return {};
}

void SnapshotReceiver::Complete(Group& group, Transfer& transfer) {
  transfer.stage = Stage::kComplete;
  const raft::Stepped stepped = group.core.Step(
      {group.id(), transfer.from, shared_.host.self, transfer.head.term, transfer.head.snapshot});
  ++shared_.counters.dropped[static_cast<size_t>(stepped.dropped)];
  shared_.Touch(group);
}

void SnapshotReceiver::Install(Group& group, const raft::InstallSnapshot& snapshot) {
  const auto at = transfers_.find(group.id());
  const bool here = at != transfers_.end() && at->second.stage == Stage::kComplete &&
                    at->second.head.snapshot.index == snapshot.index;
  if (!here) {
    group.core.SnapshotRefused();
    return shared_.Touch(group);
  }
  at->second.stage = Stage::kInstalling;
  at->second.bytes = 0;
  at->second.parser = PairParser(group.id());
  group.erasing = true;
  group.cache.reset();
  shared_.table.Close(group.id());
}

// -------------------------------------------------------------------------------------------------
// Installing

void SnapshotReceiver::Run() {
  std::vector<GroupId> ids;
  for (const auto& [id, transfer] : transfers_) ids.push_back(id);
  for (const GroupId id : ids) {
    Transfer& transfer = transfers_.at(id);
    Group& group = *shared_.Find(id);
    if (transfer.stage == Stage::kComplete && !group.touched) {
      // The core has seen it, and did not want it installed.
      const bool has = group.core.commit_index() >= transfer.head.snapshot.index;
      End(id, has ? SnapshotAnswer::kInstalled : SnapshotAnswer::kRefused);
    } else if (transfer.stage == Stage::kInstalling) {
      if (const Status stepped = Step(group, transfer); !stepped) {
        return shared_.Fatal(stepped.error());
      }
    } else if (transfer.stage == Stage::kFlushing) {
      if (shared_.world.store.flushed() >= transfer.txn) Installed(group, transfer);
    }
  }
}

Status SnapshotReceiver::Step(Group& group, Transfer& transfer) {
  // Entries that the snapshot voids must be in the log before the place that says so.
  if (shared_.stage.Stuck() || shared_.world.store.BeginWaits()) {
    shared_.RetryLater();
    return {};
  }
  ASSIGN_OR_RETURN(const auto txn, shared_.world.store.Begin());
  RETURN_IF_ERROR(StepIn(*txn, group, transfer));
  txn->Commit(transfer.txn = ++shared_.store_txns);
  if (transfer.stage == Stage::kFlushing) {
    shared_.world.store_flusher.Flush();
  } else {
    shared_.Schedule();
  }
  return {};
}

Status SnapshotReceiver::StepIn(store::Txn& txn, Group& group, Transfer& transfer) {
  const uint64_t bytes_max = shared_.options.install_bytes_max;
  if (!transfer.erased) {
    ASSIGN_OR_RETURN(transfer.erased, EraseSome(txn, group.id(), bytes_max));
    const bool at_once = transfer.erased && transfer.head.bytes_total <= bytes_max;
    if (!at_once) {
      PutRecord(txn, group, transfer, false);
      transfer.marked = true;
      return {};
    }
  }
  RETURN_IF_ERROR(PutSome(txn, transfer));
  if (transfer.bytes < transfer.head.bytes_total) return {};
  PutRecord(txn, group, transfer, true);
  transfer.stage = Stage::kFlushing;
  return {};
}

Status SnapshotReceiver::PutSome(store::Txn& txn, Transfer& transfer) const {
  for (uint64_t put = 0; put < shared_.options.install_bytes_max;) {
    ASSIGN_OR_RETURN(const Bytes bytes,
                     transfer.file->ReadAt(transfer.bytes, kSnapshotChunkBytesMax));
    if (bytes.empty()) break;
    RETURN_IF_ERROR(
        transfer.parser.Feed(bytes, [&](ByteView key, ByteView value) { txn.Put(key, value); }));
    transfer.bytes += bytes.size();
    put += bytes.size();
  }
  return {};
}

void SnapshotReceiver::PutRecord(store::Txn& txn, Group& group, Transfer& transfer,
                                 bool whole) const {
  GroupRecord record;
  record.write_ack = group.write_ack;
  record.hard_state = group.core.hard_state();
  record.damage = group.damage;
  record.damaged = group.core.damaged();
  record.void_before = transfer.void_before = shared_.stage.end();
  if (whole) {
    record.applied = transfer.head.snapshot.index;
    record.applied_term = transfer.head.snapshot.term;
  } else {
    record.state = GroupState::kErasing;
    record.damage = raft::RepairId(group.damage.value() + 1);
    record.damaged = true;
  }
  PutGroupRecord(txn, group.id(), record);
}

void SnapshotReceiver::Installed(Group& group, Transfer& transfer) {
  const raft::InstallSnapshot snapshot = transfer.head.snapshot;
  group.core.SnapshotInstalled();
  group.entries.Reset(shared_.payloads, snapshot.index);
  group.commit = group.applied = snapshot.index;
  group.applied_term = snapshot.term;
  group.flushed = {.known = true, .index = snapshot.index, .watched = {}};
  group.void_before = transfer.void_before;
  group.erasing = false;
  shared_.table.PublishApplied(group.id(), group.applied);
  shared_.Touch(group);
  ++shared_.counters.snapshots_installed;
  End(group.id(), SnapshotAnswer::kInstalled);
}

void SnapshotReceiver::Forget(const Group& group) {
  End(group.id(), SnapshotAnswer::kRefused);
}

}  // namespace metaring::strong
