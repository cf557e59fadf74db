// SPDX-License-Identifier: Apache-2.0
//
// The way in of peer_wire.h.
#include "kvnode/cluster/peer_wire.h"

#include <memory>
#include <utility>

#include "kvnode/cluster/wire_checks.h"
#include "kvnode/strong/record_codec.h"

namespace metaring::cluster {
namespace {

using raft::LogIndex;
using raft::Term;

constexpr size_t kClusterIdBytesMax = 32;

std::shared_ptr<const Bytes> Shared(std::string&& payload) {
  return std::make_shared<const Bytes>(std::move(payload));
}

GroupId GroupFrom(int32_t group) {
  return GroupId(static_cast<uint32_t>(group));
}
Term TermFrom(Checks& checks, std::string_view field, int64_t term) {
  return checks.IdOf<Term>(field, term, raft::kTermMax);
}
LogIndex IndexFrom(Checks& checks, std::string_view field, int64_t index) {
  return checks.IdOf<LogIndex>(field, index, raft::kLogIndexMax);
}

raft::LogView RunsFrom(Checks& checks, const wire::AppendRequest& from) {
  checks.AtMost("append_request.run_firsts", from.run_firsts.size(), raft::kTermRunsMax);
  checks.Equal("append_request.run_terms", from.run_terms.size(), from.run_firsts.size());
  const LogIndex last = IndexFrom(checks, "append_request.last_index", from.last_index);
  if (!checks.ok()) return {};
  std::vector<raft::TermRun> runs;
  runs.reserve(from.run_firsts.size());
  for (size_t i = 0; i < from.run_firsts.size(); ++i) {
    runs.push_back({IndexFrom(checks, "append_request.run_firsts", from.run_firsts[i]),
                    TermFrom(checks, "append_request.run_terms", from.run_terms[i])});
  }
  if (!checks.ok()) return {};
  std::optional<raft::LogView> view = raft::LogView::FromRuns(std::move(runs), last);
  if (!view) checks.Wrong("append_request.run_firsts", "they are the runs of no log");
  return view ? *std::move(view) : raft::LogView();
}

raft::AppendRequest AppendFrom(Checks& checks, wire::AppendRequest&& from,
                               std::vector<strong::Entry>& entries) {
  raft::AppendRequest append;
  append.entries = RunsFrom(checks, from);
  append.commit = IndexFrom(checks, "append_request.commit", from.commit);
  append.repair = checks.IdOf<raft::RepairId>("append_request.repair", from.repair);
  const uint64_t named = append.entries.last_index().value() - append.entries.base().value();
  checks.Equal("append_request.kinds", from.kinds.size(), named);
  checks.Equal("append_request.payloads", from.payloads.size(), named);
  if (!checks.ok()) return append;
  entries.reserve(from.payloads.size());
  for (size_t i = 0; i < from.payloads.size(); ++i) {
    checks.AtMost("append_request.payloads", from.payloads[i].size(), strong::kEntryBytesMax);
    const auto kind = checks.Enum("append_request.kinds", from.kinds[i], strong::EntryKind::kNoOp,
                                  strong::EntryKind::kConfiguration);
    entries.push_back({kind, Shared(std::move(from.payloads[i]))});
  }
  return append;
}

raft::AppendReply AppendReplyFrom(Checks& checks, const wire::AppendReply& from) {
  raft::AppendReply reply;
  reply.rejected = from.rejected;
  reply.match = IndexFrom(checks, "append_reply.match_index", from.match_index);
  reply.rejected_base = IndexFrom(checks, "append_reply.rejected_base", from.rejected_base);
  reply.hint_term = TermFrom(checks, "append_reply.hint_term", from.hint_term);
  reply.commit = IndexFrom(checks, "append_reply.commit", from.commit);
  reply.support = checks.IdOf<raft::SupportEpoch>("append_reply.support", from.support);
  reply.damage = checks.IdOf<raft::RepairId>("append_reply.damage", from.damage);
  return reply;
}

raft::InstallSnapshot SnapshotFrom(Checks& checks, const wire::SnapshotHead& from) {
  raft::InstallSnapshot snapshot;
  snapshot.index = IndexFrom(checks, "snapshot.last_index", from.last_index);
  snapshot.term = TermFrom(checks, "snapshot.last_term", from.last_term);
  if (!from.__isset.configuration) return snapshot;
  Result<raft::Configuration> configuration = strong::DecodeConfiguration(from.configuration);
  if (!configuration) {
    checks.Wrong("snapshot.configuration", configuration.error().message);
    return snapshot;
  }
  snapshot.configuration = *std::move(configuration);
  return snapshot;
}

raft::VoteRequest VoteFrom(Checks& checks, const wire::VoteRequest& from) {
  return {from.pre_vote, from.transfer,
          IndexFrom(checks, "vote_request.last_index", from.last_index),
          TermFrom(checks, "vote_request.last_term", from.last_term)};
}

strong::GroupMessage GroupMessageFrom(Checks& checks, wire::GroupMessage&& from,
                                      const Envelope& envelope) {
  strong::GroupMessage group;
  raft::Message& message = group.message;
  message.group = GroupFrom(from.group);
  message.from = envelope.from;
  message.to = envelope.to;
  message.term = TermFrom(checks, "term", from.term);
  const auto& has = from.__isset;
  const int bodies = int{has.vote_request} + int{has.vote_reply} + int{has.append_request} +
                     int{has.append_reply} + int{has.install_snapshot} +
                     int{has.timeout_now && from.timeout_now} +
                     int{has.leadership_ended && from.leadership_ended};
  if (bodies != 1) {
    checks.Wrong("term", fmt::format("{} bodies come with it; it must be one", bodies));
    return group;
  }
  if (has.vote_request) message.body = VoteFrom(checks, from.vote_request);
  if (has.vote_reply)
    message.body = raft::VoteReply{from.vote_reply.pre_vote, from.vote_reply.granted};
  if (has.append_request) {
    message.body = AppendFrom(checks, std::move(from.append_request), group.entries);
  }
  if (has.append_reply) message.body = AppendReplyFrom(checks, from.append_reply);
  if (has.install_snapshot) message.body = SnapshotFrom(checks, from.install_snapshot);
  if (from.timeout_now) message.body = raft::TimeoutNow{};
  if (from.leadership_ended) message.body = raft::LeadershipEnded{};
  return group;
}

strong::Confirmation ConfirmationFrom(Checks& checks, const wire::Confirmation& from) {
  strong::Confirmation confirmation;
  confirmation.round = checks.IdOf<raft::RoundId>("round", from.round);
  checks.AtMost("groups", from.groups.size(), raft::kConfirmGroupsMax);
  checks.Equal("terms", from.terms.size(), from.groups.size());
  if (!checks.ok()) return confirmation;
  confirmation.groups.reserve(from.groups.size());
  for (size_t i = 0; i < from.groups.size(); ++i) {
    confirmation.groups.push_back(
        {GroupFrom(from.groups[i]), TermFrom(checks, "terms", from.terms[i])});
  }
  return confirmation;
}

strong::SnapshotChunk ChunkFrom(Checks& checks, wire::SnapshotChunk&& from) {
  strong::SnapshotChunk chunk;
  chunk.group = GroupFrom(from.group);
  chunk.transfer = {checks.Number("incarnation", from.incarnation),
                    checks.Number("number", from.number)};
  chunk.term = TermFrom(checks, "term", from.term);
  chunk.snapshot = SnapshotFrom(checks, from.snapshot);
  chunk.bytes_total = checks.Number("bytes_total", from.bytes_total);
  chunk.checksum = static_cast<uint64_t>(from.checksum);
  chunk.offset = checks.Number("offset", from.offset, chunk.bytes_total);
  checks.AtMost("data", from.data.size(), strong::kSnapshotChunkBytesMax);
  if (!checks.ok()) return chunk;
  checks.AtMost("data", from.data.size(), chunk.bytes_total - chunk.offset);
  chunk.data = Shared(std::move(from.data));
  return chunk;
}

strong::SnapshotReply SnapshotReplyFrom(Checks& checks, const wire::SnapshotReply& from) {
  strong::SnapshotReply reply;
  reply.group = GroupFrom(from.group);
  reply.transfer = {checks.Number("incarnation", from.incarnation),
                    checks.Number("number", from.number)};
  // Absent it is 0, which is none.
  reply.answer = checks.Enum("answer", from.answer, strong::SnapshotAnswer::kContinue,
                             strong::SnapshotAnswer::kRefused);
  reply.offset = checks.Number("offset", from.offset);
  return reply;
}

// `convert(Checks&, Item&&)` of each, as long as nothing is wrong.
template <typename To, typename From, typename Convert>
void FillFrom(Checks& checks, std::string_view field, std::vector<From>& from, std::vector<To>& to,
              const Convert& convert) {
  checks.At("");
  checks.AtMost(field, from.size(), strong::kPeerMessageItemsMax);
  if (!checks.ok()) return;
  to.reserve(from.size());
  for (size_t i = 0; i < from.size() && checks.ok(); ++i) {
    checks.At(field, i);
    to.push_back(convert(checks, std::move(from[i])));
  }
  checks.At("");
}

}  // namespace

Result<Envelope> EnvelopeOf(const wire::DeliverRequest& request) {
  Checks checks;
  Envelope envelope;
  checks.AtMost("cluster_id", request.cluster_id.size(), kClusterIdBytesMax);
  envelope.from = checks.IdOf<NodeId>("from_node", request.from_node);
  envelope.to = checks.IdOf<NodeId>("to_node", request.to_node);
  envelope.map_epoch = static_cast<int64_t>(checks.Number("map_epoch", request.map_epoch));
  RETURN_IF_ERROR(checks.Take());
  envelope.cluster_id = request.cluster_id;
  return envelope;
}

Result<strong::PeerMessage> FromWire(wire::DeliverRequest&& request, const Envelope& envelope) {
  Checks checks;
  strong::PeerMessage message;
  if (request.__isset.support_request) {
    const wire::SupportRequest& from = request.support_request;
    message.heartbeat =
        strong::Heartbeat{checks.Number("support_request.incarnation", from.incarnation),
                          checks.Number("support_request.sequence", from.sequence)};
  }
  if (request.__isset.support_reply) {
    const wire::SupportReply& from = request.support_reply;
    message.heartbeat_reply =
        strong::HeartbeatReply{checks.Number("support_reply.incarnation", from.incarnation),
                               checks.Number("support_reply.sequence", from.sequence),
                               checks.IdOf<raft::SupportEpoch>("support_reply.epoch", from.epoch)};
  }
  FillFrom(checks, "groups", request.groups, message.groups, [&](Checks& to, auto&& item) {
    return GroupMessageFrom(to, std::forward<decltype(item)>(item), envelope);
  });
  FillFrom(checks, "questions", request.questions, message.questions, ConfirmationFrom);
  FillFrom(checks, "confirmations", request.confirmations, message.confirmations, ConfirmationFrom);
  FillFrom(checks, "chunks", request.chunks, message.chunks, ChunkFrom);
  FillFrom(checks, "snapshot_replies", request.snapshot_replies, message.snapshot_replies,
           SnapshotReplyFrom);
  if (checks.ok()) {
    checks.AtMost("payloads", message.PayloadBytes(), strong::kPeerMessageBytesMax);
  }
  RETURN_IF_ERROR(checks.Take());
  return message;
}

}  // namespace metaring::cluster
