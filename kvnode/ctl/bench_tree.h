// SPDX-License-Identifier: Apache-2.0
//
// The tree that `kvctl bench fs` works in: a fresh directory below the one that the user named, so
// that nothing of the user's is touched and everything of ours can be removed.
//
//   DIR/kvctl-bench-XXXXXX/all/{files,other,dirs}/      with --shared, for all threads
//   DIR/kvctl-bench-XXXXXX/t<thread>/{files,other,dirs}/  else
#ifndef METARING_KVNODE_CTL_BENCH_TREE_H_
#define METARING_KVNODE_CTL_BENCH_TREE_H_

#include <cstdint>
#include <string>

#include "kvnode/base/result.h"

namespace metaring::ctl {

// Owns the fresh directory: the destructor removes it unless Keep was called. One caller.
class BenchTree {
 public:
  // kNotFound, kPermissionDenied, kInvalidArgument (not a directory) and others, each with the
  // path.
  static Result<BenchTree> Make(const std::string& directory, unsigned threads, bool shared);
  BenchTree(const BenchTree&) = delete;
  BenchTree& operator=(const BenchTree&) = delete;
  BenchTree(BenchTree&& other) noexcept;
  BenchTree& operator=(BenchTree&&) = delete;
  ~BenchTree();

  const std::string& root() const { return root_; }
  // Where a thread works, without a slash at the end.
  std::string WorkOf(unsigned thread) const;
  void Keep() { root_owned_ = false; }
  // Removes the tree now. The error names the tree: it is still there, in part.
  Status Remove();

 private:
  BenchTree(std::string root, bool shared);
  std::string root_;
  bool shared_;
  bool root_owned_ = true;
};

// Makes the kernel forget names and attributes, if this user may (root, Linux): what is dirty below
// `directory` is written back first, because it would stay. False when it could not.
bool DropKernelCaches(const std::string& directory);

// "ext4", "fuse", ... or the magic number in hex: what statfs(2) says of the directory.
std::string FilesystemType(const std::string& directory);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BENCH_TREE_H_
