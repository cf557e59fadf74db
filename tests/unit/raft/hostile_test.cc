// SPDX-License-Identifier: Apache-2.0
//
// Whatever comes from the network, a core neither stops the process nor gives up what it committed:
// messages with arbitrary bodies and numbers near those that matter, in every role.
#include <gtest/gtest.h>

#include <string>

#include "kvnode/base/random.h"
#include "tests/unit/raft/packets.h"

namespace metaring::raft {
namespace {

class Hostile {
 public:
  explicit Hostile(uint64_t seed)
      : random_(seed),
        host_{NodeId(1), {}, seed, SupportGiven({}, SupportEpoch(), 0), SupportReceived({})} {
    host_.given.Raised(*host_.given.Advance(0));
    (void)host_.given.Extend(NodeId(2), 1, 0);
  }

  void Run() {
    Restored fresh;
    fresh.configuration.configuration = Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)});
    Core core(host_, kGroup, WriteAck::kAllInSync, std::move(fresh));
    for (int step = 0; step < 20'000; ++step) {
      const LogIndex committed = core.commit_index();
      const Term term = core.term();
      Input(core);
      ASSERT_GE(core.commit_index(), committed);
      ASSERT_GE(core.term(), term);
      ASSERT_LE(core.commit_index(), core.log().last_index());
      ASSERT_LE(core.log().runs().size(), kTermRunsMax);
      if (random_.OneIn(2)) Perform(core);
    }
  }

 private:
  void Input(Core& core) {
    const uint64_t kind = random_.Below(12);
    if (kind == 0) core.Tick();
    if (kind == 1) (void)core.Propose(1 + random_.Below(3));
    if (kind == 2) (void)core.ProposeConfiguration(AnyConfiguration());
    if (kind == 3) (void)core.TransferLeadership(Node());
    if (kind > 3) (void)core.Step(AnyMessage(core));
  }

  void Perform(Core& core) {
    Output output = core.TakeOutput();
    for (const AppendOrder& order : output.appends) {
      const LogView& entries = std::get<AppendRequest>(order.message.body).entries;
      core.Sent(order.message.to, entries.base(), entries.last_index(), 100);
    }
    if (output.persist && random_.OneIn(2)) core.Persisted(output.persist->token);
    if (output.install && random_.OneIn(2))
      core.SnapshotInstalled();
    else if (output.install)
      core.SnapshotRefused();
    if (random_.OneIn(8)) core.Compacted(output.commit_index);
  }

  NodeId Node() { return NodeId(random_.Below(6)); }

  Term AnyTerm(const Core& core) {
    if (random_.OneIn(50)) return Term(random_.Next());
    const uint64_t near = core.term().value() + random_.Below(3);
    return Term(near > 0 && random_.OneIn(3) ? near - 1 : near);
  }

  LogIndex AnyIndex(const Core& core) {
    if (random_.OneIn(50)) return LogIndex(random_.Next());
    const LogView& log = core.log();
    const uint64_t low = log.base().value() > 2 ? log.base().value() - 2 : 0;
    return LogIndex(low + random_.Below(log.last_index().value() + 4 - low));
  }

  Configuration AnyConfiguration() {
    std::vector<Member> members;
    for (uint64_t i = random_.Below(5); i > 0; --i) {
      const MemberRole role = random_.OneIn(3) ? MemberRole::kLearner : MemberRole::kVoter;
      members.push_back({Node(), role, !random_.OneIn(3)});
    }
    return Configuration(std::move(members));
  }

  AppendRequest AnyAppend(const Core& core) {
    AppendRequest append;
    LogIndex index = AnyIndex(core);
    const auto base_term = core.log().TermAt(index);
    std::vector<TermRun> runs{{index, base_term && !random_.OneIn(4) ? *base_term : AnyTerm(core)}};
    for (uint64_t i = random_.Below(4); i > 0; --i) {
      index = LogIndex(index.value() + 1 + random_.Below(3));
      runs.push_back({index, AnyTerm(core)});
    }
    const auto entries = LogView::FromRuns(runs, LogIndex(index.value() + random_.Below(3)));
    if (entries) append.entries = *entries;
    append.commit = AnyIndex(core);
    append.repair = RepairId(random_.Below(2));
    LogIndex at = append.entries.base();
    for (uint64_t i = random_.Below(3); i > 0; --i) {
      at = LogIndex(at.value() + random_.Below(3));
      append.configurations.push_back({at, AnyConfiguration()});
    }
    return append;
  }

  Message AnyMessage(const Core& core) {
    const GroupId group = random_.OneIn(50) ? GroupId(8) : kGroup;
    Message message{group, Node(), NodeId(1), AnyTerm(core), TimeoutNow{}};
    switch (random_.Below(8)) {
      case 0:
        message.body =
            VoteRequest{random_.OneIn(2), random_.OneIn(2), AnyIndex(core), AnyTerm(core)};
        break;
      case 1:
        message.body = VoteReply{random_.OneIn(2), !random_.OneIn(3)};
        break;
      case 2:
      case 3:
        message.body = AnyAppend(core);
        break;
      case 4:
      case 5:
        message.body = AppendReply{random_.OneIn(3),
                                   AnyIndex(core),
                                   AnyIndex(core),
                                   AnyTerm(core),
                                   AnyIndex(core),
                                   SupportEpoch(1),
                                   RepairId(random_.OneIn(9) ? 1 : 0)};
        break;
      case 6:
        message.body = InstallSnapshot{AnyIndex(core), AnyTerm(core), AnyConfiguration()};
        break;
      default:
        if (random_.OneIn(2)) message.body = LeadershipEnded{};
    }
    return message;
  }

  Random random_;
  Host host_;
};

class RaftHostile : public testing::TestWithParam<uint64_t> {};

TEST_P(RaftHostile, MessagesNeitherStopACoreNorUndoWhatIsCommitted) {
  Hostile(GetParam()).Run();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RaftHostile, testing::Range<uint64_t>(0, 40));

}  // namespace
}  // namespace metaring::raft
