// SPDX-License-Identifier: Apache-2.0
//
// TestVolume: a formatted volume over the embedded Kv, in memory or on LMDB in a temporary
// directory, with a clock that stands still until it is moved.
#ifndef METARING_TESTS_UNIT_FUSEFS_OPS_TEST_VOLUME_H_
#define METARING_TESTS_UNIT_FUSEFS_OPS_TEST_VOLUME_H_

#include <memory>
#include <string>

#include "fusefs/meta/volume.h"
#include "fusefs/ops/ops.h"
#include "kvnode/base/clock.h"
#include "kvnode/client/embedded.h"
#include "tests/sim/sim_disk.h"

namespace metaring::fusefs {

enum class TestStore { kMemory, kLmdb };

// Not movable: the context refers to its parts.
class TestVolume {
 public:
  explicit TestVolume(const VolumeOptions& options = {}, TestStore store = TestStore::kMemory);
  ~TestVolume();
  TestVolume(const TestVolume&) = delete;
  TestVolume& operator=(const TestVolume&) = delete;

  const Context& ctx() const { return *ctx_; }
  client::Kv& kv() { return *kv_; }
  ManualClock& clock() { return clock_; }
  Volume& volume() { return volume_; }
  // Moves the clock by a second and gives the time.
  Time Tick();

  // Keys that start with `prefix`.
  size_t CountKeys(const Bytes& prefix = {});

  // Shorthands that must succeed.
  Node MakeFile(std::string name, Ino parent = kRootIno, uint32_t mode = 0644);
  Node MakeDirectory(std::string name, Ino parent = kRootIno, uint32_t mode = 0755);
  // A whole file's content, holes as zeros.
  Bytes Read(const Node& node);
  // Writes at an offset as a mount does: whole blocks, then the size.
  Node Write(const Node& node, int64_t offset, const Bytes& data);

 private:
  ManualClock clock_;
  sim::SimDisk disk_;
  std::string directory_;
  std::unique_ptr<client::Embedded> embedded_;
  std::unique_ptr<client::Kv> kv_;
  Volume volume_;
  std::unique_ptr<InoAllocator> inos_;
  std::unique_ptr<Context> ctx_;
};

// What Write does, for any node and with errors.
Result<Node> WriteAt(const Context& ctx, const Node& node, int64_t offset, const Bytes& data);
Result<Bytes> ReadAll(const Context& ctx, const Node& node);

}  // namespace metaring::fusefs

#endif  // METARING_TESTS_UNIT_FUSEFS_OPS_TEST_VOLUME_H_
