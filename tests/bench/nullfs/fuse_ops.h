// SPDX-License-Identifier: Apache-2.0
//
// nullfs as libfuse's low-level operations: each takes its inode from the node id, asks the Tree
// and replies, in the calling thread.
//
// What is left out is what a filesystem that keeps everything in memory has nothing to do for:
// FLUSH is answered ENOSYS once and never sent again (unless asked for, to measure what it costs),
// and pages and entries stay cached over an open, because nobody else changes the tree.
#ifndef METARING_TESTS_BENCH_NULLFS_FUSE_OPS_H_
#define METARING_TESTS_BENCH_NULLFS_FUSE_OPS_H_

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include <fuse_lowlevel.h>

#include "tests/bench/nullfs/tree.h"

namespace metaring::nullfs {

struct Options {
  double attr_timeout = 1;
  double entry_timeout = 1;
  double negative_timeout = 0;  // 0: missing names are not cached
  int flush = 0;                // as fuse_opt sets it: 1 lets the kernel send FLUSH
};

// What the operations get as userdata. Outlives the session.
struct Filesystem {
  Options options;
  Tree tree;
  fuse_conn_info_opts* connection = nullptr;  // from the command line; freed by its owner
};

fuse_lowlevel_ops Operations(const Options& options);

}  // namespace metaring::nullfs

#endif  // METARING_TESTS_BENCH_NULLFS_FUSE_OPS_H_
