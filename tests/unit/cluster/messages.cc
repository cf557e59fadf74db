// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cluster/messages.h"

#include <fmt/format.h>

#include "kvnode/base/check.h"

namespace metaring::cluster {
namespace {

using raft::LogIndex;
using raft::Term;
using strong::EntryKind;

strong::Entry EntryOf(EntryKind kind, Bytes payload) {
  return {kind, std::make_shared<const Bytes>(std::move(payload))};
}

raft::InstallSnapshot SnapshotOf(uint64_t index) {
  raft::Configuration members({{NodeId(1), raft::MemberRole::kVoter, true},
                               {NodeId(2), raft::MemberRole::kVoter, false},
                               {NodeId(3), raft::MemberRole::kLearner, true}});
  return {LogIndex(index), Term(6), std::move(members)};
}

struct BodyText {
  std::string operator()(const raft::VoteRequest& vote) const {
    return fmt::format("vote? {} {} {} {}", vote.pre_vote, vote.transfer, vote.last_index.value(),
                       vote.last_term.value());
  }
  std::string operator()(const raft::VoteReply& reply) const {
    return fmt::format("vote {} {}", reply.pre_vote, reply.granted);
  }
  std::string operator()(const raft::AppendRequest& append) const {
    std::string text =
        fmt::format("append last {} commit {} repair {} runs", append.entries.last_index().value(),
                    append.commit.value(), append.repair.value());
    for (const raft::TermRun& run : append.entries.runs()) {
      text += fmt::format(" ({},{})", run.first.value(), run.term.value());
    }
    return text;
  }
  std::string operator()(const raft::AppendReply& reply) const {
    return fmt::format("ack {} {} {} {} {} {} {}", reply.rejected, reply.match.value(),
                       reply.rejected_base.value(), reply.hint_term.value(), reply.commit.value(),
                       reply.support.value(), reply.damage.value());
  }
  std::string operator()(const raft::InstallSnapshot& snapshot) const {
    return fmt::format("install {} {} [{}]", snapshot.index.value(), snapshot.term.value(),
                       Describe(snapshot.configuration));
  }
  std::string operator()(const raft::TimeoutNow&) const { return "timeout-now"; }
  std::string operator()(const raft::LeadershipEnded&) const { return "ended"; }
};

std::string Text(const strong::Confirmation& confirmation) {
  std::string text = fmt::format("round {}", confirmation.round.value());
  for (const raft::GroupTerm& group : confirmation.groups) {
    text += fmt::format(" {}:{}", group.group.value(), group.term.value());
  }
  return text + "\n";
}

}  // namespace

strong::GroupMessage OfGroup(NodeId from, NodeId to, decltype(raft::Message::body) body) {
  return {{GroupId(0xFFFF0102), from, to, Term(9), std::move(body)}, {}};
}

strong::PeerMessage Append(NodeId from, NodeId to, uint64_t index, Bytes payload) {
  raft::AppendRequest append;
  append.entries = *raft::LogView::FromRuns({{LogIndex(index - 1), Term(3)}}, LogIndex(index));
  strong::PeerMessage message;
  message.groups.push_back(OfGroup(from, to, std::move(append)));
  message.groups.back().entries.push_back(EntryOf(EntryKind::kCommand, std::move(payload)));
  return message;
}

strong::PeerMessage Beat(uint64_t sequence) {
  strong::PeerMessage message;
  message.heartbeat = strong::Heartbeat{1, sequence};
  return message;
}

strong::PeerMessage FullMessage(NodeId from, NodeId to) {
  strong::PeerMessage message;
  message.heartbeat = strong::Heartbeat{11, 12};
  message.heartbeat_reply = strong::HeartbeatReply{13, 14, raft::SupportEpoch(15)};
  const auto add = [&](auto body) { message.groups.push_back(OfGroup(from, to, std::move(body))); };
  add(raft::VoteRequest{true, false, LogIndex(21), Term(5)});
  add(raft::VoteRequest{false, true, LogIndex(22), Term(4)});
  add(raft::VoteReply{true, false});
  add(raft::VoteReply{false, true});
  raft::AppendRequest append;
  append.entries =
      *raft::LogView::FromRuns({{LogIndex(30), Term(2)}, {LogIndex(32), Term(3)}}, LogIndex(33));
  append.commit = LogIndex(29);
  append.repair = raft::RepairId(34);
  add(append);
  message.groups.back().entries = {EntryOf(EntryKind::kNoOp, ""),
                                   EntryOf(EntryKind::kCommand, Bytes("a\0b", 3)),
                                   EntryOf(EntryKind::kConfiguration, "members")};
  add(raft::AppendReply{true, LogIndex(41), LogIndex(42), Term(7), LogIndex(43),
                        raft::SupportEpoch(44), raft::RepairId(45)});
  add(SnapshotOf(51));
  add(raft::TimeoutNow{});
  add(raft::LeadershipEnded{});
  message.questions.push_back(
      {raft::RoundId(61), {{GroupId(62), Term(63)}, {GroupId(0xFFFFFFFF), Term(64)}}});
  message.questions.push_back({raft::RoundId(65), {}});
  message.confirmations.push_back({raft::RoundId(66), {{GroupId(67), Term(68)}}});
  message.chunks.push_back({GroupId(71),
                            {72, 73},
                            Term(74),
                            SnapshotOf(75),
                            100,
                            0xFEDCBA9876543210,
                            76,
                            std::make_shared<const Bytes>("chunk")});
  message.snapshot_replies.push_back(
      {GroupId(81), {82, 83}, strong::SnapshotAnswer::kContinue, 84});
  message.snapshot_replies.push_back({GroupId(85), {86, 87}, strong::SnapshotAnswer::kRefused, 0});
  CHECK(IsSane(message));
  return message;
}

std::string Text(const strong::PeerMessage& message) {
  std::string text;
  if (message.heartbeat) {
    text +=
        fmt::format("beat {} {}\n", message.heartbeat->incarnation, message.heartbeat->sequence);
  }
  if (const auto& reply = message.heartbeat_reply) {
    text +=
        fmt::format("beaten {} {} {}\n", reply->incarnation, reply->sequence, reply->epoch.value());
  }
  for (const strong::GroupMessage& group : message.groups) {
    const raft::Message& raft = group.message;
    text += fmt::format("g{} {}>{} t{} {}", raft.group.value(), raft.from.value(), raft.to.value(),
                        raft.term.value(), std::visit(BodyText{}, raft.body));
    for (const strong::Entry& entry : group.entries) {
      text += fmt::format(" {}\"{}\"", static_cast<int>(entry.kind), Escaped(*entry.payload));
    }
    text += "\n";
  }
  for (const auto& question : message.questions) text += "? " + Text(question);
  for (const auto& confirmation : message.confirmations) text += "! " + Text(confirmation);
  for (const strong::SnapshotChunk& chunk : message.chunks) {
    text += fmt::format("chunk g{} {}/{} t{} {} {} {:x} {} \"{}\"\n", chunk.group.value(),
                        chunk.transfer.incarnation, chunk.transfer.number, chunk.term.value(),
                        BodyText()(chunk.snapshot), chunk.bytes_total, chunk.checksum, chunk.offset,
                        Escaped(*chunk.data));
  }
  for (const strong::SnapshotReply& reply : message.snapshot_replies) {
    text += fmt::format("reply g{} {}/{} {} {}\n", reply.group.value(), reply.transfer.incarnation,
                        reply.transfer.number, static_cast<int>(reply.answer), reply.offset);
  }
  return text;
}

}  // namespace metaring::cluster
