// SPDX-License-Identifier: Apache-2.0
//
// LogShape: the first reading of a log at the start. It follows the records of all groups by the
// rules of record_codec.h and knows in the end which of them stand.
#ifndef METARING_KVNODE_STRONG_LOG_SHAPE_H_
#define METARING_KVNODE_STRONG_LOG_SHAPE_H_

#include <map>
#include <string>

#include "kvnode/strong/recovery.h"

namespace metaring::strong {

// One caller.
class LogShape {
 public:
  // What the store says of each group, removed ones too.
  explicit LogShape(std::map<GroupId, RecoveredGroup> groups) : groups_(std::move(groups)) {}

  // kCorrupt: a record of a group that neither the store nor the log before it has made.
  // kFormatMismatch: a record of another program.
  Status Visit(const log::Record& record);
  // Brings the entries in line with what is applied, and finds damage. kCorrupt: a vote is lost.
  Status Finish(log::Lsn log_end);

  std::map<GroupId, RecoveredGroup>& groups() { return groups_; }
  NodeRecord node() const { return node_; }
  log::Lsn node_at() const { return node_at_; }

 private:
  Status VisitNode(const log::Record& record);
  Status VisitCreated(const log::Record& record);
  Status VisitGroup(const log::Record& record, RecoveredGroup& group);
  void VisitEntry(const log::Record& record, RecoveredGroup& group);
  Status VisitDamaged(const log::Record& record, RecoveredGroup& group);
  Status Finish(GroupId id, RecoveredGroup& group, log::Lsn log_end);

  std::map<GroupId, RecoveredGroup> groups_;
  std::map<GroupId, std::string> broken_;  // groups whose entries stopped making sense, and why
  NodeRecord node_;
  log::Lsn node_at_;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_LOG_SHAPE_H_
