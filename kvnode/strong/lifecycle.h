// SPDX-License-Identifier: Apache-2.0
//
// Lifecycle: how replicas come to a node and leave it. Both are records in the log first, so that a
// crash leaves a replica or none. Who left and comes back remembers the votes that it gave.
#ifndef METARING_KVNODE_STRONG_LIFECYCLE_H_
#define METARING_KVNODE_STRONG_LIFECYCLE_H_

#include <map>
#include <optional>

#include "kvnode/strong/recovery.h"
#include "kvnode/strong/shared.h"

namespace metaring::strong {

// One caller.
class Lifecycle {
 public:
  explicit Lifecycle(Shared& shared) : shared_(shared) {}

  // Of the start.
  void Restore(GroupId id, RecoveredGroup& recovered);
  void Create(GroupId id, raft::WriteAck write_ack, const raft::Configuration& configuration,
              StatusCallback done);
  // The group is out of every other part already.
  void Destroy(GroupId id, StatusCallback done);
  // A step of erasing, if any is under way; and answers when it is flushed.
  void Run();
  // Nothing of the log before a destroyed group's mark is flushed may go.
  bool Busy() const { return !leaving_.empty(); }
  void Stop();

 private:
  struct Leaving {
    GroupRecord record;
    bool logged = false;
    bool erased = false;
    uint64_t txn = 0;  // of the last of it
    StatusCallback done;
  };
  // More than any election timeout has.
  static constexpr int kTicksMax = 256;

  void Begin(Group& group);
  Group& Insert(GroupId id, raft::WriteAck write_ack, raft::Restored&& restored);
  void Reply(StatusCallback done, Status status);
  Status EraseIn(store::Txn& txn, GroupId id, Leaving& leaving) const;

  Shared& shared_;
  std::map<GroupId, StatusCallback> coming_;
  std::map<GroupId, Leaving> leaving_;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_LIFECYCLE_H_
