// SPDX-License-Identifier: Apache-2.0
//
// FsWorker: one thread's part of `kvctl bench fs`: the paths of its files and one method per phase.
#ifndef METARING_KVNODE_CTL_BENCH_FS_WORKER_H_
#define METARING_KVNODE_CTL_BENCH_FS_WORKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kvnode/base/result.h"
#include "kvnode/ctl/bench_fs.h"
#include "kvnode/ctl/bench_tree.h"
#include "kvnode/ctl/lanes.h"

namespace metaring::ctl {

// Where the files are and what they have. Moves from phase to phase.
struct TreeState {
  bool dirs = false;
  bool files = false;
  bool content = false;
  bool xattrs = false;
  char name = 'f';  // first letter of the files' names; each rename in place changes it
  const char* place = "/files/";  // or "/other/"
  // What a phase makes of the state that it found.
  TreeState After(Phase phase) const;
};

// One caller: its lane's thread.
class FsWorker {
 public:
  FsWorker(const FsBenchOptions& options, const BenchTree& tree, const TreeState& state,
           unsigned thread);
  ~FsWorker();
  FsWorker(const FsWorker&) = delete;
  FsWorker& operator=(const FsWorker&) = delete;

  // Opens what the phase needs. Untimed.
  Status Prepare(Phase phase);
  // All operations of the phase, each timed into the lane. Ends early when the lane is stopping.
  Status Run(Phase phase, Lane& lane);

 private:
  // One operation each, on file or directory `i`: 0 or an errno.
  int Do(Phase phase, uint32_t i);
  int Create(uint32_t i);
  int Stat(const char* path) const;
  int StatMissing(uint32_t i);
  int Setxattr(uint32_t i);
  int Getxattr(uint32_t i);
  int Chmod(uint32_t i);
  int Write(uint32_t i);
  int Read(uint32_t i);
  int Rename(uint32_t i, const TreeState& to);
  Status List(Lane& lane);

  int SyncDirectory(int fd) const;
  int SyncFile(const char* path) const;
  const char* FilePath(uint32_t i) { return SetPath(path_, state_.place, state_.name, i); }
  const char* DirPath(uint32_t i) { return SetPath(path_, "/dirs/", 'd', i); }
  const char* SetPath(std::string& path, const char* place, char letter, uint32_t i) const;
  int OpenDirectory(const char* place);
  Error Failed(Phase phase, int error_number) const;

  const FsBenchOptions& options_;
  const TreeState state_;
  const unsigned thread_;
  const std::string work_;
  const std::string thread_part_;  // "<thread>-", in each name
  std::string path_;               // of the current operation
  std::string path2_;              // its second path
  std::string buffer_;
  std::vector<uint32_t> order_;
  // With options_.fsync: the directory that the phase changes, and the second one of rename-across.
  int directory_fd_ = -1;
  int other_fd_ = -1;
};

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BENCH_FS_WORKER_H_
