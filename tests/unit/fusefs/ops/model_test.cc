// SPDX-License-Identifier: Apache-2.0
//
// Random operations, each done to the volume and to the model: the same answer, and after it the
// same tree. The seed is in the test's name; the same seed gives the same operations.
#include <gtest/gtest.h>

#include <algorithm>

#include "fusefs/meta/keys.h"
#include "kvnode/base/random.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/model_compare.h"
#include "tests/unit/fusefs/ops/model_tree.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

VolumeOptions Options() {
  VolumeOptions options;
  options.block_bytes = 4096;
  options.small_bytes_max = 1024;
  return options;
}

class Walk {
 public:
  Walk(TestStore store, uint64_t seed)
      : fs_(Options(), store), model_(0755, fs_.volume().created), random_(seed) {
    known_.push_back(kRootIno);
    directories_.push_back(kRootIno);
    refs_[kRootIno] = {kRootIno, {}, true};
  }

  void Run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      fs_.clock().Advance(static_cast<int64_t>(1 + random_.Below(2'000'000'000)));
      now_ = TimeFromNanos(fs_.clock().WallNanos());
      Step();
      if (step % 1000 == 999) CompareTree(fs_.ctx(), model_, 1 + random_.Below(200));
      if (step % 500 == 499) {
        EXPECT_OK(SweepVolume(fs_.ctx(), false));
      }
      if (testing::Test::HasFailure()) return;
    }
    CompareTree(fs_.ctx(), model_, 100);
    // Else the walk has not been where it was meant to be.
    EXPECT_GE(answers_["ok"], steps / 2);
    for (const std::string code : {"not_found", "exists", "not_empty", "not_directory", "no_data",
                                   "is_directory", "invalid_argument", "not_permitted", "stale"}) {
      EXPECT_GE(answers_[code], 1) << code;
    }
  }

  // Removes everything and expects an empty volume's keys.
  void RemoveAll() {
    RemoveBelow(kRootIno);
    ASSERT_OK(SweepVolume(fs_.ctx(), true));
    EXPECT_EQ(StatVolume(fs_.ctx())->inodes_used, 1u);
    EXPECT_EQ(StatVolume(fs_.ctx())->bytes_used, 0u);
    const Node root = *GetAttr(fs_.ctx(), {kRootIno, {}, true});
    EXPECT_EQ(root.inode.size, 0);
    EXPECT_EQ(root.inode.nlink, 2u);
    for (const auto& [name, value] : model_.objects().at(kRootIno).xattrs) {
      ASSERT_OK(RemoveXattr(fs_.ctx(), root.ref(), name));
    }
    const size_t of_volume = fs_.CountKeys("/~/0/");
    EXPECT_LE(of_volume, 5u);
    EXPECT_EQ(fs_.CountKeys(), of_volume + fs_.CountKeys(keys::Header(kRootIno)));
  }

 private:
  void Step() {
    switch (random_.Below(16)) {
      case 0:
      case 1:
      case 2:
        return StepMake();
      case 3:
        return StepLink();
      case 4:
        return StepUnlink();
      case 5:
        return StepRmdir();
      case 6:
      case 7:
        return StepRename();
      case 8:
        return StepChange();
      case 9:
        return StepTruncate();
      case 10:
      case 11:
      case 12:
        return StepWrite();
      case 13:
        return StepAllocate();
      case 14:
        return StepXattr();
      default:
        return StepReclaim();
    }
  }

  // --- choices ---

  // Mostly one that is alive; sometimes one that is gone, which must be answered like that.
  Ino Any(const std::vector<Ino>& from) {
    const bool alive = !random_.OneIn(16);
    Ino ino = from[random_.Below(from.size())];
    for (int i = 0; alive && i < 50 && !model_.Get(ino); ++i) {
      ino = from[random_.Below(from.size())];
    }
    return ino;
  }
  Ino AnyDirectory() { return Any(directories_); }
  Ino AnyObject() { return Any(known_); }
  std::string AnyName() { return "name" + std::to_string(random_.Below(12)); }
  bool Keep() { return random_.OneIn(3); }
  Time AnyTime() {
    return {static_cast<int64_t>(random_.Next()) >> 30,
            static_cast<int32_t>(random_.Below(1'000'000'000))};
  }
  uint32_t AnyMode() {
    return static_cast<uint32_t>(random_.OneIn(4) ? random_.Below(010000) : random_.Below(01000));
  }
  Bytes AnyBytes(size_t max) {
    Bytes bytes(1 + random_.Below(max), '\0');
    const uint64_t first = random_.Next();
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(first + i * i);
    return bytes;
  }
  Bytes AnyTarget() {
    Bytes target = AnyBytes(100);
    std::replace(target.begin(), target.end(), '\0', '/');
    return target;
  }
  int64_t AnyOffset() {
    return static_cast<int64_t>(random_.OneIn(2) ? random_.Below(2000) : random_.Below(60'000));
  }

  // --- comparing answers ---

  template <typename A, typename B>
  bool Same(const Result<A>& real, const Result<B>& expected) {
    EXPECT_EQ(CodeOf(real), CodeOf(expected));
    ++answers_[CodeOf(expected)];
    return real.has_value() && expected.has_value();
  }

  void Moved(const Node& node) {
    refs_[node.inode.ino] = node.ref();
    const auto object = model_.Get(node.inode.ino);
    ASSERT_OK(object);
    CompareAttributes(node.inode, **object);
  }

  void Lost(const Removed& removed, Ino expected) {
    EXPECT_EQ(removed.inode.ino, expected);
    const auto object = model_.Get(expected);
    EXPECT_EQ(object.has_value(), !removed.erased);
    if (removed.orphaned) orphans_.push_back(expected);
    if (removed.erased) return;
    refs_[expected].place = removed.place;
    CompareAttributes(removed.inode, **object);
  }

  // --- steps ---

  void StepMake() {
    static constexpr uint32_t kTypes[] = {S_IFREG, S_IFREG, S_IFREG, S_IFREG, S_IFDIR,
                                          S_IFDIR, S_IFLNK, S_IFIFO, S_IFCHR, S_IFSOCK};
    MakeRequest request;
    request.parent = AnyDirectory();
    request.name = AnyName();
    request.mode = kTypes[random_.Below(std::size(kTypes))] | AnyMode();
    request.rdev = random_.Below(1000);
    if (S_ISLNK(request.mode)) request.symlink_target = AnyTarget();
    request.caller.uid = static_cast<uint32_t>(random_.Below(3));
    request.caller.gid = static_cast<uint32_t>(random_.Below(3));
    const auto real = Make(fs_.ctx(), request);
    if (!Same(real, model_.CanMake(request.parent, request.name))) return;
    model_.Make(real->inode.ino, request.parent, request.name, request.mode, request.caller.uid,
                request.caller.gid, request.rdev, request.symlink_target, now_);
    known_.push_back(real->inode.ino);
    if (S_ISDIR(request.mode)) directories_.push_back(real->inode.ino);
    Moved(*real);
  }

  void StepLink() {
    const Ino target = AnyObject();
    const Ino parent = AnyDirectory();
    const std::string name = AnyName();
    const auto real = Link(fs_.ctx(), {refs_[target], parent, name});
    if (Same(real, model_.Link(target, parent, name, now_))) Moved(*real);
  }

  void StepUnlink() {
    const Ino parent = AnyDirectory();
    const std::string name = AnyName();
    const bool keep = Keep();
    const auto real =
        Unlink(fs_.ctx(), {parent, name, keep ? IfLast::kOrphan : IfLast::kErase, {}});
    const auto expected = model_.Unlink(parent, name, keep, now_);
    if (Same(real, expected)) Lost(*real, *expected);
  }

  void StepRmdir() {
    const Ino parent = AnyDirectory();
    const std::string name = AnyName();
    Same(Rmdir(fs_.ctx(), parent, name), model_.Rmdir(parent, name, now_));
  }

  void StepRename() {
    RenameRequest request;
    request.old_parent = AnyDirectory();
    request.old_name = AnyName();
    request.new_parent = random_.OneIn(2) ? request.old_parent : AnyDirectory();
    request.new_name = AnyName();
    const bool keep = Keep();
    request.if_last = keep ? IfLast::kOrphan : IfLast::kErase;
    ModelTree::Flag flag = ModelTree::Flag::kNone;
    if (random_.OneIn(4)) flag = ModelTree::Flag::kNoReplace;
    if (random_.OneIn(3)) flag = ModelTree::Flag::kExchange;
    request.no_replace = flag == ModelTree::Flag::kNoReplace;
    request.exchange = flag == ModelTree::Flag::kExchange;
    const auto real = Rename(fs_.ctx(), request);
    const auto expected = model_.Rename(request.old_parent, request.old_name, request.new_parent,
                                        request.new_name, flag, keep, now_);
    if (!Same(real, expected)) return;
    Moved(real->moved);
    if (real->exchanged) Moved(*real->exchanged);
    ASSERT_EQ(real->replaced.has_value(), expected->has_value());
    if (real->replaced) Lost(*real->replaced, **expected);
  }

  void StepChange() {
    const Ino ino = AnyObject();
    SetAttrRequest request;
    request.ref = refs_[ino];
    Status expected;
    switch (random_.Below(3)) {
      case 0:
        request.mode = AnyMode();
        expected = model_.Chmod(ino, *request.mode, now_);
        break;
      case 1:
        if (!random_.OneIn(3)) request.uid = static_cast<uint32_t>(random_.Below(5));
        if (!request.uid || random_.OneIn(2)) request.gid = static_cast<uint32_t>(random_.Below(5));
        expected = model_.Chown(ino, request.uid, request.gid, now_);
        break;
      default:
        if (!random_.OneIn(3)) request.atime = AnyTime();
        if (!request.atime || random_.OneIn(2)) request.mtime = AnyTime();
        expected = model_.SetTimes(ino, request.atime, request.mtime, now_);
    }
    const auto real = SetAttr(fs_.ctx(), request);
    if (Same(real, expected)) Moved(*real);
  }

  void StepTruncate() {
    const Ino ino = AnyObject();
    SetAttrRequest request;
    request.ref = refs_[ino];
    request.size = random_.OneIn(4) ? 0 : AnyOffset();
    const auto real = SetAttr(fs_.ctx(), request);
    if (Same(real, model_.Truncate(ino, *request.size, now_))) Moved(*real);
  }

  void StepWrite() {
    const Ino ino = AnyObject();
    const auto node = GetAttr(fs_.ctx(), refs_[ino]);
    if (!Same(node, model_.Get(ino)) || !node->inode.IsRegular()) return;
    const int64_t offset = random_.OneIn(3) ? node->inode.size : AnyOffset();
    const Bytes data = AnyBytes(random_.OneIn(3) ? 20'000 : 600);
    if (offset > 200'000) return;
    const auto real = WriteAt(fs_.ctx(), *node, offset, data);
    if (Same(real, model_.Write(ino, offset, data, now_))) Moved(*real);
  }

  void StepAllocate() {
    const Ino ino = AnyObject();
    FallocateRequest request;
    request.ref = refs_[ino];
    request.offset = AnyOffset();
    request.length = 1 + static_cast<int64_t>(random_.Below(30'000));
    request.keep_size = random_.OneIn(2);
    request.punch_hole = request.keep_size && random_.OneIn(2);
    request.zero_range = !request.punch_hole && random_.OneIn(2);
    const auto real = Fallocate(fs_.ctx(), request);
    const auto expected =
        model_.Allocate(ino, request.offset, request.length,
                        request.punch_hole || request.zero_range, request.keep_size, now_);
    if (Same(real, expected)) Moved(*real);
  }

  void StepXattr() {
    const Ino ino = AnyObject();
    const std::string name =
        (random_.OneIn(4) ? "trusted.%/" : "user.x") + std::to_string(random_.Below(6));
    if (random_.OneIn(3)) {
      const auto real = RemoveXattr(fs_.ctx(), refs_[ino], name);
      if (Same(real, model_.RemoveXattr(ino, name, now_))) Moved(*real);
      return;
    }
    const Bytes value = AnyBytes(random_.OneIn(3) ? 3000 : 200);
    const auto real = SetXattr(fs_.ctx(), {refs_[ino], name, value});
    if (Same(real, model_.SetXattr(ino, name, value, now_))) Moved(*real);
  }

  void StepReclaim() {
    if (orphans_.empty()) return;
    const size_t which = random_.Below(orphans_.size());
    const Ino ino = orphans_[which];
    orphans_.erase(orphans_.begin() + static_cast<ptrdiff_t>(which));
    EXPECT_OK(ReclaimOrphans(fs_.ctx(), {ino}));
    model_.Forget(ino);
  }

  void RemoveBelow(Ino directory) {
    const auto entries = model_.objects().at(directory).entries;
    for (const auto& [name, ino] : entries) {
      if (!model_.objects().at(ino).IsDirectory()) {
        ASSERT_OK(Unlink(fs_.ctx(), {directory, name, IfLast::kErase, {}}));
        continue;
      }
      RemoveBelow(ino);
      ASSERT_OK(Rmdir(fs_.ctx(), directory, name));
    }
  }

  TestVolume fs_;
  ModelTree model_;
  Random random_;
  Time now_;
  std::vector<Ino> known_;        // alive or not
  std::vector<Ino> directories_;  // alive or not
  std::vector<Ino> orphans_;
  std::map<Ino, InodeRef> refs_;
  std::map<std::string, int> answers_;
};

class OpsModelOnMemory : public testing::TestWithParam<uint64_t> {};
class OpsModelOnLmdb : public testing::TestWithParam<uint64_t> {};

TEST_P(OpsModelOnMemory, RandomOperationsAgreeWithTheModel) {
  Walk walk(TestStore::kMemory, GetParam());
  walk.Run(6000);
  if (!HasFailure()) walk.RemoveAll();
}
INSTANTIATE_TEST_SUITE_P(Seeds, OpsModelOnMemory, testing::Range<uint64_t>(1, 7));

TEST_P(OpsModelOnLmdb, RandomOperationsAgreeWithTheModel) {
  Walk walk(TestStore::kLmdb, GetParam());
  walk.Run(3000);
  if (!HasFailure()) walk.RemoveAll();
}
INSTANTIATE_TEST_SUITE_P(Seeds, OpsModelOnLmdb, testing::Range<uint64_t>(101, 103));

}  // namespace
}  // namespace metaring::fusefs
