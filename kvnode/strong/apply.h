// SPDX-License-Identifier: Apache-2.0
//
// Applying: committed entries become state. All groups of a round share one Txn, and each group's
// applied index, term and hard state stand in that same Txn (pitfall 6).
#ifndef METARING_KVNODE_STRONG_APPLY_H_
#define METARING_KVNODE_STRONG_APPLY_H_

#include <deque>
#include <memory>
#include <vector>

#include "kvnode/strong/shared.h"

namespace metaring::strong {

// What an entry does to the state. Total: an error is an outcome that all replicas share, but for
// kIo, which is the store's end.
Result<state::TransactReply> ApplyEntry(store::Txn& txn, GroupId group, ApplyCache& cache,
                                        raft::LogIndex index, EntryKind kind, ByteView payload);

// The group's record as of now. The one place where the applied index is put into the Txn.
void PutProgress(store::Txn& txn, const Group& group);

// One caller.
class Applier {
 public:
  explicit Applier(Shared& shared) : shared_(shared) {}

  // The group has entries to apply, or its record is due.
  void Want(Group& group);
  // Applies as much as a round may. What is left asks for another round.
  void Run();
  // The group is going.
  void Forget(const Group& group);

 private:
  Status RunIn(store::Txn& txn);
  Status ApplySome(store::Txn& txn, Group& group, uint64_t& bytes);
  Status ApplyOne(store::Txn& txn, Group& group, raft::LogIndex index, uint64_t& bytes);
  Result<ApplyCache*> CacheOf(const store::View& view, Group& group);
  void AnswerProposal(Group& group, raft::LogIndex index, Result<state::TransactReply> reply);

  Shared& shared_;
  std::deque<GroupId> queue_;
  std::vector<Group*> changed_;  // in the open Txn
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_APPLY_H_
