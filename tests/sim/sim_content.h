// SPDX-License-Identifier: Apache-2.0
//
// SimContent: the bytes of a file of SimDisk, with every version that each sector has had since it
// was last durable. Sectors that were never written are zeros and take no memory.
#ifndef METARING_TESTS_SIM_SIM_CONTENT_H_
#define METARING_TESTS_SIM_SIM_CONTENT_H_

#include <map>
#include <set>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/random.h"

namespace metaring::sim {

// One caller.
class SimContent {
 public:
  static constexpr uint64_t kSectorBytes = 512;

  uint64_t size() const { return size_; }
  Bytes Read(uint64_t offset, size_t length) const;
  void Write(uint64_t offset, ByteView data);
  // Extends with zeros, durably.
  void Allocate(uint64_t size);
  void Sync();
  // From now on nothing becomes durable any more, although Sync is called.
  void LoseSyncs() { syncs_lost_ = true; }
  // Each sector becomes one of its versions.
  void Crash(Random& random);
  void Damage(uint64_t offset, uint8_t mask);

 private:
  // The first is the durable one, the last what a reader sees. Never empty.
  using Versions = std::vector<Bytes>;

  void Settle(uint64_t sector, size_t version);

  std::map<uint64_t, Versions> sectors_;  // by number
  std::set<uint64_t> dirty_;              // those with more than one version
  uint64_t size_ = 0;
  uint64_t durable_size_ = 0;
  bool syncs_lost_ = false;
};

}  // namespace metaring::sim

#endif  // METARING_TESTS_SIM_SIM_CONTENT_H_
