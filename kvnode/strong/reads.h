// SPDX-License-Identifier: Apache-2.0
//
// Reads: who may read, and when. A read by lease needs nothing but a look at the gate; one by
// ReadIndex joins a round of confirmations that all waiting reads of all groups share (raft/
// confirm.h). Either then waits until what it must see is applied. The read itself, and the look
// at the gate after it, are the caller's (read_table.h).
#ifndef METARING_KVNODE_STRONG_READS_H_
#define METARING_KVNODE_STRONG_READS_H_

#include <cstdint>

#include "kvnode/strong/shared.h"

namespace metaring::strong {

// One caller.
class Reads {
 public:
  explicit Reads(Shared& shared) : shared_(shared) {}

  void Read(Group& group, ReadMode mode, ReadCallback done);
  // Output::reads.
  void Confirmed(Group& group, const raft::ConfirmedReads& confirmed);
  // Answers what may be read now. Called when something was applied, or a gate has moved.
  void Serve(Group& group);
  // A tick of a group with waiting reads: rounds that nobody answered are repeated.
  void Tick(Group& group);

  void ReceiveQuestion(NodeId from, const Confirmation& question);
  void ReceiveConfirmation(NodeId from, const Confirmation& confirmation);
  // Puts the round that reads have joined into the outbox.
  void Ask();

 private:
  static constexpr uint32_t kRepeatTicks = 2;

  void Join(Group& group);
  void Answer(WaitingRead& read, Result<ReadTicket> ticket);

  Shared& shared_;
  raft::ConfirmRounds rounds_;
  bool asking_ = false;  // the open round has a group
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_READS_H_
