// SPDX-License-Identifier: Apache-2.0
//
// Configuration: who the members of a group are, what counts as its majority, and which step from
// one configuration to the next is safe.
//
// Membership changes by one voter at a time (Ongaro's dissertation, 4.1): majorities of neighbours
// then overlap, so one ordinary log entry is the whole protocol. README.md argues it against joint
// consensus.
#ifndef METARING_KVNODE_RAFT_CONFIGURATION_H_
#define METARING_KVNODE_RAFT_CONFIGURATION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/result.h"
#include "kvnode/raft/ids.h"

namespace metaring::raft {

enum class MemberRole : uint8_t {
  kVoter,
  kLearner,  // gets the log, counts for nothing
};

struct Member {
  NodeId node;
  MemberRole role = MemberRole::kVoter;
  // Of a voter, under WriteAck::kAllInSync: an entry is committed only when this member has it.
  bool in_sync = true;
  friend bool operator==(const Member&, const Member&) = default;
};

inline constexpr size_t kMembersMax = 16;

// Immutable.
class Configuration {
 public:
  // Of nobody: a replica that has yet to be told who its group is.
  Configuration() = default;
  // In any order; see Check.
  explicit Configuration(std::vector<Member> members);
  static Configuration OfVoters(const std::vector<NodeId>& voters);

  // In the order of node ids.
  const std::vector<Member>& members() const { return members_; }
  // Null when the node is no member. Valid as long as this object.
  const Member* Find(NodeId node) const;
  bool IsVoter(NodeId node) const;
  size_t voters() const;
  // More than half of the voters.
  size_t majority() const { return voters() / 2 + 1; }

  // kInvalidArgument: no voter, a node twice, node 0, more than kMembersMax, or no voter in sync.
  Status Check() const;

  friend bool operator==(const Configuration&, const Configuration&) = default;

 private:
  std::vector<Member> members_;
};

// Whether the voters or learners differ, and not in_sync alone.
bool ChangesMembers(const Configuration& from, const Configuration& to);
// Whether majorities of both always overlap: the voters differ by at most one. kInvalidArgument
// says what is wrong with `to` itself, or with the step. A voter that joins was a learner before.
Status CheckStep(const Configuration& from, const Configuration& to);

// "1 2 3*!": a star is a learner, an exclamation mark a voter that is out of sync. For logs.
std::string Describe(const Configuration& configuration);

struct ConfigurationEntry {
  LogIndex index;
  Configuration configuration;
  friend bool operator==(const ConfigurationEntry&, const ConfigurationEntry&) = default;
};

// Configuration entries of one log that are not committed: a leader that knows of so many proposes
// no further one. So of more than that in any log, the oldest is committed.
inline constexpr size_t kConfigurationsPendingMax = 16;

// The configurations of one log: the last one that is surely committed, and those behind it, which
// a new leader may still take away. The latest is in force, committed or not (4.1). One caller.
class ConfigurationLog {
 public:
  explicit ConfigurationLog(ConfigurationEntry committed) : committed_(std::move(committed)) {}

  const Configuration& latest() const { return Last().configuration; }
  LogIndex latest_index() const { return Last().index; }
  const ConfigurationEntry& committed() const { return committed_; }
  // Oldest first.
  const std::vector<ConfigurationEntry>& pending() const;
  bool full() const { return pending().size() >= kConfigurationsPendingMax; }

  // entry.index > latest_index().
  void Append(ConfigurationEntry entry);
  // Forgets those at `index` and behind it; the committed one stays.
  void TruncateFrom(LogIndex index);
  void CommittedTo(LogIndex index);

 private:
  const ConfigurationEntry& Last() const { return pending_ ? pending_->back() : committed_; }

  ConfigurationEntry committed_;
  // Null instead of empty: most logs have none, and there are thousands of logs.
  std::unique_ptr<std::vector<ConfigurationEntry>> pending_;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_CONFIGURATION_H_
