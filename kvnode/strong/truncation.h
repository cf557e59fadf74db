// SPDX-License-Identifier: Apache-2.0
//
// Truncation: the old end of the log goes when no group needs it. A pass goes over all groups, some
// in each round, and each lets go of what lies before the target: entries that are applied and
// flushed are forgotten, what is not applied and the facts of a group (term, vote, damage) are
// written anew at the log's end. So no group pins the log. When what was written anew is durable,
// the segments before the target go.
#ifndef METARING_KVNODE_STRONG_TRUNCATION_H_
#define METARING_KVNODE_STRONG_TRUNCATION_H_

#include "kvnode/strong/replication.h"
#include "kvnode/strong/shared.h"

namespace metaring::strong {

// One caller.
class Truncator {
 public:
  Truncator(Shared& shared, Replication& replication)
      : shared_(shared), replication_(replication) {}

  // In each round, before the log is written. `blocked`: not now (Lifecycle::Busy).
  void Run(bool blocked);

 private:
  enum class Stage { kIdle, kScanning, kWriting };

  bool Due() const;
  bool Release(Group& group);
  bool ReleaseEntries(Group& group);
  void Finish();
  bool AwaitFlush();

  Shared& shared_;
  Replication& replication_;
  Stage stage_ = Stage::kIdle;
  log::Lsn target_;
  GroupId next_;              // the first group that the pass has not seen
  uint64_t flush_asked_ = 0;  // the Txn that a flush was asked for
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_TRUNCATION_H_
