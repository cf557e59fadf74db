// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/message.h"

namespace metaring::raft {
namespace {

bool InBounds(LogIndex index) {
  return index.value() <= kLogIndexMax;
}
bool InBounds(Term term) {
  return term.value() <= kTermMax;
}

std::string Text(auto id) {
  return std::to_string(id.value());
}

struct Sanity {
  Term term;

  bool operator()(const VoteRequest& vote) const {
    return InBounds(vote.last_index) && vote.last_term < term && !(vote.pre_vote && vote.transfer);
  }
  bool operator()(const VoteReply&) const { return true; }
  bool operator()(const AppendRequest& append) const {
    const LogView& entries = append.entries;
    if (!InBounds(append.commit) || !InBounds(entries.last_index())) return false;
    if (entries.last_term() > term) return false;
    LogIndex before = entries.base();
    for (const ConfigurationEntry& entry : append.configurations) {
      if (entry.index <= before || entry.index > entries.last_index()) return false;
      if (!entry.configuration.Check()) return false;
      before = entry.index;
    }
    return true;
  }
  bool operator()(const AppendReply& reply) const {
    return InBounds(reply.match) && InBounds(reply.rejected_base) && InBounds(reply.commit) &&
           reply.hint_term <= term;
  }
  bool operator()(const InstallSnapshot& snapshot) const {
    return InBounds(snapshot.index) && snapshot.index > LogIndex(0) && snapshot.term <= term &&
           snapshot.configuration.Check().has_value();
  }
  bool operator()(const TimeoutNow&) const { return true; }
  bool operator()(const LeadershipEnded&) const { return true; }
};

struct Words {
  std::string operator()(const VoteRequest& vote) const {
    const std::string kind = vote.pre_vote ? "pre-vote?" : vote.transfer ? "transfer?" : "vote?";
    return kind + " last (" + Text(vote.last_index) + ",t" + Text(vote.last_term) + ")";
  }
  std::string operator()(const VoteReply& reply) const {
    return std::string(reply.pre_vote ? "pre-vote " : "vote ") + (reply.granted ? "yes" : "no");
  }
  std::string operator()(const AppendRequest& append) const {
    const LogView& entries = append.entries;
    std::string text = "append (" + Text(entries.base()) + ",t" + Text(entries.base_term()) + ")";
    if (!entries.Empty()) {
      text += " " + Text(Next(entries.base())) + ".." + Text(entries.last_index());
    }
    return text + " commit " + Text(append.commit) + (append.repair == RepairId() ? "" : " repair");
  }
  std::string operator()(const AppendReply& reply) const {
    std::string text = "ack " + Text(reply.match);
    if (reply.rejected) {
      text = "reject " + Text(reply.rejected_base) + " hint (" + Text(reply.match) + ",t" +
             Text(reply.hint_term) + ")";
    }
    if (reply.support != SupportEpoch()) text += " support " + Text(reply.support);
    return text + (reply.damage == RepairId() ? "" : " damaged");
  }
  std::string operator()(const InstallSnapshot& snapshot) const {
    return "snapshot (" + Text(snapshot.index) + ",t" + Text(snapshot.term) + ")";
  }
  std::string operator()(const TimeoutNow&) const { return "timeout-now"; }
  std::string operator()(const LeadershipEnded&) const { return "leadership-ended"; }
};

}  // namespace

bool IsSane(const Message& message) {
  return message.from != NodeId() && InBounds(message.term) &&
         std::visit(Sanity{message.term}, message.body);
}

std::string Describe(const Message& message) {
  return Text(message.from) + ">" + Text(message.to) + " t" + Text(message.term) + " " +
         std::visit(Words{}, message.body);
}

std::string Describe(Dropped dropped) {
  switch (dropped) {
    case Dropped::kNo:
      return "no";
    case Dropped::kMisdirected:
      return "misdirected";
    case Dropped::kAbsurd:
      return "absurd";
    case Dropped::kNotMember:
      return "not_member";
    case Dropped::kStale:
      return "stale";
    case Dropped::kLeaderSupported:
      return "leader_supported";
    case Dropped::kDamaged:
      return "damaged";
    case Dropped::kInstalling:
      return "installing";
    case Dropped::kContradiction:
      return "contradiction";
  }
  return "unknown";
}

}  // namespace metaring::raft
