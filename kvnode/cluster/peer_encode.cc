// SPDX-License-Identifier: Apache-2.0
//
// The way out of peer_wire.h. Field ids and types are node.thrift's; that the generated code reads
// and writes the very same bytes is peer_wire_test's to prove.
#include <thrift/protocol/TProtocol.h>

#include "kvnode/cluster/peer_wire.h"
#include "kvnode/rpc/codec.h"
#include "kvnode/rpc/frame.h"
#include "kvnode/strong/record_codec.h"

namespace metaring::cluster {
namespace {

using namespace apache::thrift::protocol;  // NOLINT(google-build-using-namespace): T_I64 and such

constexpr char kMethod[] = "deliver";
// What a group's message takes beside its payloads, about.
constexpr size_t kGroupBytes = 96;
constexpr size_t kEntryOverheadBytes = 5;

// The fields of one struct after another; what has its default is not written.
class Fields {
 public:
  explicit Fields(rpc::Protocol& protocol) : out_(protocol) {}

  void Bool(int16_t id, bool value) {
    if (!value) return;
    out_.writeFieldBegin("", T_BOOL, id);
    out_.writeBool(true);
  }
  void I32(int16_t id, uint32_t value) {
    if (value == 0) return;
    out_.writeFieldBegin("", T_I32, id);
    out_.writeI32(static_cast<int32_t>(value));
  }
  void I64(int16_t id, uint64_t value) {
    if (value == 0) return;
    out_.writeFieldBegin("", T_I64, id);
    out_.writeI64(static_cast<int64_t>(value));
  }
  void Binary(int16_t id, const Bytes& value) {
    if (value.empty()) return;
    out_.writeFieldBegin("", T_STRING, id);
    out_.writeBinary(value);
  }
  // `write(Fields&)` writes the fields of the struct.
  template <typename Write>
  void Struct(int16_t id, const Write& write) {
    out_.writeFieldBegin("", T_STRUCT, id);
    write(*this);
    out_.writeFieldStop();
  }
  template <typename Items, typename WriteItem>
  void Structs(int16_t id, const Items& items, const WriteItem& write) {
    List(id, T_STRUCT, items, [&](const auto& item) {
      write(*this, item);
      out_.writeFieldStop();
    });
  }
  template <typename Items, typename WriteItem>
  void List(int16_t id, TType type, const Items& items, const WriteItem& write) {
    if (items.empty()) return;
    out_.writeFieldBegin("", T_LIST, id);
    out_.writeListBegin(type, static_cast<uint32_t>(items.size()));
    for (const auto& item : items) write(item);
  }
  rpc::Protocol& out() { return out_; }

 private:
  rpc::Protocol& out_;
};

void Write(Fields& to, const strong::Heartbeat& heartbeat) {
  to.I64(1, heartbeat.incarnation);
  to.I64(2, heartbeat.sequence);
}

void Write(Fields& to, const strong::HeartbeatReply& reply) {
  to.I64(1, reply.incarnation);
  to.I64(2, reply.sequence);
  to.I64(3, reply.epoch.value());
}

void Write(Fields& to, const raft::InstallSnapshot& snapshot) {
  to.I64(1, snapshot.index.value());
  to.I64(2, snapshot.term.value());
  if (snapshot.configuration.members().empty()) return;
  to.Binary(3, strong::EncodeConfiguration(snapshot.configuration));
}

// The body of a group's message, which its fields' ids name.
struct BodyWriter {
  Fields& to;
  const std::vector<strong::Entry>& entries;

  void operator()(const raft::VoteRequest& vote) const {
    to.Struct(3, [&](Fields& fields) {
      fields.Bool(1, vote.pre_vote);
      fields.Bool(2, vote.transfer);
      fields.I64(3, vote.last_index.value());
      fields.I64(4, vote.last_term.value());
    });
  }
  void operator()(const raft::VoteReply& reply) const {
    to.Struct(4, [&](Fields& fields) {
      fields.Bool(1, reply.pre_vote);
      fields.Bool(2, reply.granted);
    });
  }
  void operator()(const raft::AppendRequest& append) const {
    to.Struct(5, [&](Fields& fields) { WriteAppend(fields, append); });
  }
  void operator()(const raft::AppendReply& reply) const {
    to.Struct(6, [&](Fields& fields) {
      fields.Bool(1, reply.rejected);
      fields.I64(2, reply.match.value());
      fields.I64(3, reply.rejected_base.value());
      fields.I64(4, reply.hint_term.value());
      fields.I64(5, reply.commit.value());
      fields.I64(6, reply.support.value());
      fields.I64(7, reply.damage.value());
    });
  }
  void operator()(const raft::InstallSnapshot& snapshot) const {
    to.Struct(7, [&](Fields& fields) { Write(fields, snapshot); });
  }
  void operator()(const raft::TimeoutNow&) const { to.Bool(8, true); }
  void operator()(const raft::LeadershipEnded&) const { to.Bool(9, true); }

 private:
  void WriteAppend(Fields& fields, const raft::AppendRequest& append) const {
    rpc::Protocol& out = fields.out();
    const std::vector<raft::TermRun>& runs = append.entries.runs();
    const auto write_i64 = [&](uint64_t value) { out.writeI64(static_cast<int64_t>(value)); };
    fields.List(1, T_I64, runs, [&](const auto& run) { write_i64(run.first.value()); });
    fields.List(2, T_I64, runs, [&](const auto& run) { write_i64(run.term.value()); });
    fields.I64(3, append.entries.last_index().value());
    fields.I64(4, append.commit.value());
    fields.I64(5, append.repair.value());
    fields.List(6, T_BYTE, entries, [&](const strong::Entry& entry) {
      out.writeByte(static_cast<int8_t>(entry.kind));
    });
    fields.List(7, T_STRING, entries,
                [&](const strong::Entry& entry) { out.writeBinary(*entry.payload); });
  }
};

void Write(Fields& to, const strong::GroupMessage& group) {
  to.I32(1, group.message.group.value());
  to.I64(2, group.message.term.value());
  std::visit(BodyWriter{to, group.entries}, group.message.body);
}

void Write(Fields& to, const strong::Confirmation& confirmation) {
  rpc::Protocol& out = to.out();
  to.I64(1, confirmation.round.value());
  to.List(2, T_I32, confirmation.groups, [&](const raft::GroupTerm& group) {
    out.writeI32(static_cast<int32_t>(group.group.value()));
  });
  to.List(3, T_I64, confirmation.groups, [&](const raft::GroupTerm& group) {
    out.writeI64(static_cast<int64_t>(group.term.value()));
  });
}

void Write(Fields& to, const strong::SnapshotChunk& chunk) {
  to.I32(1, chunk.group.value());
  to.I64(2, chunk.transfer.incarnation);
  to.I64(3, chunk.transfer.number);
  to.I64(4, chunk.term.value());
  to.Struct(5, [&](Fields& fields) { Write(fields, chunk.snapshot); });
  to.I64(6, chunk.bytes_total);
  to.I64(7, chunk.checksum);
  to.I64(8, chunk.offset);
  to.Binary(9, *chunk.data);
}

void Write(Fields& to, const strong::SnapshotReply& reply) {
  to.I32(1, reply.group.value());
  to.I64(2, reply.transfer.incarnation);
  to.I64(3, reply.transfer.number);
  to.I32(4, static_cast<uint32_t>(reply.answer));
  to.I64(5, reply.offset);
}

void Write(Fields& to, const Envelope& envelope, const strong::PeerMessage& message) {
  const auto write = [](Fields& fields, const auto& value) { Write(fields, value); };
  to.Binary(1, envelope.cluster_id);
  to.I64(2, envelope.from.value());
  to.I64(3, envelope.to.value());
  to.I64(4, static_cast<uint64_t>(envelope.map_epoch));
  if (message.heartbeat) {
    to.Struct(5, [&](Fields& fields) { Write(fields, *message.heartbeat); });
  }
  if (message.heartbeat_reply) {
    to.Struct(6, [&](Fields& fields) { Write(fields, *message.heartbeat_reply); });
  }
  to.Structs(7, message.groups, write);
  to.Structs(8, message.questions, write);
  to.Structs(9, message.confirmations, write);
  to.Structs(10, message.chunks, write);
  to.Structs(11, message.snapshot_replies, write);
}

size_t SizeHint(const strong::PeerMessage& message) {
  size_t entries = 0;
  for (const strong::GroupMessage& group : message.groups) entries += group.entries.size();
  return message.PayloadBytes() + entries * kEntryOverheadBytes +
         (message.groups.size() + message.chunks.size() + 2) * kGroupBytes;
}

}  // namespace

Bytes EncodeDeliver(const Envelope& envelope, const strong::PeerMessage& message) {
  Bytes frame = rpc::BeginFrame(rpc::MessageType::kCall, kMethod, 0, SizeHint(message));
  rpc::Wire& wire = rpc::WireInto(frame);
  Fields arguments(wire.protocol);
  arguments.Struct(1, [&](Fields& fields) { Write(fields, envelope, message); });
  arguments.out().writeFieldStop();
  wire.memory->EndWrite();
  return frame;
}

}  // namespace metaring::cluster
