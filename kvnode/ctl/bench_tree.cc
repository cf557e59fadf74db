// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace metaring::ctl {
namespace {

// A dentry that was used since the last look is only marked by the first pass of the shrinker.
constexpr int kDropPasses = 3;

Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return {};
  return Fail(ErrnoError(errno, path));
}

}  // namespace

BenchTree::BenchTree(std::string root, bool shared) : root_(std::move(root)), shared_(shared) {}

BenchTree::BenchTree(BenchTree&& other) noexcept
    : root_(std::move(other.root_)),
      shared_(other.shared_),
      root_owned_(std::exchange(other.root_owned_, false)) {}

BenchTree::~BenchTree() {
  if (root_owned_) (void)Remove();
}

Result<BenchTree> BenchTree::Make(const std::string& directory, unsigned threads, bool shared) {
  struct stat st {};
  if (stat(directory.c_str(), &st) != 0) return Fail(ErrnoError(errno, directory));
  if (!S_ISDIR(st.st_mode))
    return Fail(ErrorCode::kInvalidArgument, directory + ": not a directory");
  std::string root = directory + "/kvctl-bench-XXXXXX";
  if (mkdtemp(root.data()) == nullptr) {
    return Fail(ErrnoError(errno, directory + ": making a directory in it"));
  }
  BenchTree tree(std::move(root), shared);
  for (unsigned t = 0; t < (shared ? 1 : threads); ++t) {
    const std::string work = tree.WorkOf(t);
    RETURN_IF_ERROR(MakeDirectory(work));
    for (const char* part : {"/files", "/other", "/dirs"}) {
      RETURN_IF_ERROR(MakeDirectory(work + part));
    }
  }
  return tree;
}

std::string BenchTree::WorkOf(unsigned thread) const {
  return shared_ ? root_ + "/all" : fmt::format("{}/t{}", root_, thread);
}

Status BenchTree::Remove() {
  root_owned_ = false;
  std::error_code error;
  std::filesystem::remove_all(root_, error);
  if (!error) return {};
  return Fail(ErrnoError(error.value(), root_ + ": removing it"));
}

bool DropKernelCaches(const std::string& directory) {
  const int drop = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
  if (drop < 0) return false;
  const int dir = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    syncfs(dir);
    close(dir);
  }
  bool dropped = true;
  for (int pass = 0; pass < kDropPasses; ++pass) dropped = write(drop, "2", 1) == 1 && dropped;
  close(drop);
  return dropped;
}

std::string FilesystemType(const std::string& directory) {
  struct statfs fs {};
  if (statfs(directory.c_str(), &fs) != 0) return "unknown";
  struct Known {
    uint32_t magic;
    const char* name;
  };
  // statfs(2), "filesystem types".
  static constexpr Known kKnown[] = {
      {0x65735546, "fuse"},    {0xef53, "ext4"},     {0x58465342, "xfs"},    {0x9123683e, "btrfs"},
      {0x01021994, "tmpfs"},   {0x00c36400, "ceph"}, {0x6969, "nfs"},        {0xfe534d42, "smb2"},
      {0x794c7630, "overlay"}, {0x2fc12fc1, "zfs"},  {0x0bd00bd0, "lustre"}, {0x01021997, "9p"},
  };
  const auto magic = static_cast<uint32_t>(fs.f_type);
  for (const Known& known : kKnown) {
    if (known.magic == magic) return known.name;
  }
  return fmt::format("{:#x}", magic);
}

}  // namespace metaring::ctl
