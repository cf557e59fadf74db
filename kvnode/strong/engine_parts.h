// SPDX-License-Identifier: Apache-2.0
//
// The parts of an engine, and how its round goes over them.
#ifndef METARING_KVNODE_STRONG_ENGINE_PARTS_H_
#define METARING_KVNODE_STRONG_ENGINE_PARTS_H_

#include <optional>

#include "kvnode/strong/apply.h"
#include "kvnode/strong/engine.h"
#include "kvnode/strong/lifecycle.h"
#include "kvnode/strong/reads.h"
#include "kvnode/strong/replication.h"
#include "kvnode/strong/shared.h"
#include "kvnode/strong/snapshot_receive.h"
#include "kvnode/strong/snapshot_send.h"
#include "kvnode/strong/support_driver.h"
#include "kvnode/strong/truncation.h"

namespace metaring::strong {

// One caller. Callbacks of timers and of the log refer to it, so it never moves.
struct Engine::Parts {
  Parts(const EngineOptions& options, const World& world, const NodeRecord& found);
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts();

  void RunRound();
  // Takes the group out of everything but its map.
  void Forget(Group& group);
  // Whether a proposal that frees nothing has to be refused for want of space. Looked up once a
  // round.
  bool SpaceIsShort();

  Shared shared;
  Applier applier{shared};
  Reads reads{shared};
  Replication replication{shared};
  SupportDriver support{shared};
  Truncator truncator{shared, replication};
  Lifecycle lifecycle{shared};
  SnapshotSender sender{shared};
  SnapshotReceiver receiver{shared};

 private:
  void PerformAll();
  void Perform(Group& group, raft::Output&& output);
  void RoleChanged(Group& group);
  // Ends what waits for a leadership that is over, and forgets that nobody waits.
  void Settle(Group& group);
  void ArmTick();
  void OnTick();

  std::optional<bool> space_is_short_;  // as found in this round
  std::optional<TimerId> tick_;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_ENGINE_PARTS_H_
