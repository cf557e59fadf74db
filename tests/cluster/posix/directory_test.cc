// SPDX-License-Identifier: Apache-2.0
//
// mkdir(2), mkdirat(2), rmdir(2): modes, link counts, times, errors.
#include <climits>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Mkdir : public Posix {};
class Rmdir : public Posix {};

TEST_F(Mkdir, MakesAnEmptyDirectoryWithTheModeAsked) {
  for (const mode_t mode : {0400, 0755, 0700, 0551, 0777, 01777}) {
    MUST_WORK(mkdir("d", mode));
    const struct stat st = Lstat("d");
    EXPECT_EQ(st.st_mode, S_IFDIR | mode);
    EXPECT_EQ(st.st_nlink, 2u);
    EXPECT_EQ(st.st_uid, geteuid());
    EXPECT_EQ(List("d").size(), 0u);
    MUST_WORK(rmdir("d"));
  }
}

TEST_F(Mkdir, AppliesTheUmask) {
  umask(0027);
  MUST_WORK(mkdir("d", 0777));
  EXPECT_EQ(ModeOf("d"), 0750u);
}

TEST_F(Mkdir, CountsInTheParentsLinks) {
  const nlink_t before = Lstat(".").st_nlink;
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("b", 0755));
  EXPECT_EQ(Lstat(".").st_nlink, before + 2);
  Put("f");
  EXPECT_EQ(Lstat(".").st_nlink, before + 2);
  MUST_WORK(rmdir("a"));
  EXPECT_EQ(Lstat(".").st_nlink, before + 1);
}

TEST_F(Mkdir, MarksTheTimesOfTheParent) {
  MUST_WORK(mkdir("p", 0755));
  const Watch parent("p");
  MUST_WORK(mkdir("p/d", 0755));
  parent.Expect(kMtime | kCtime);
  const struct stat st = Lstat("p/d");
  EXPECT_TRUE(st.st_atim == st.st_mtim && st.st_mtim == st.st_ctim);
}

TEST_F(Mkdir, FailsOnEveryKindOfExistingObject) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(EEXIST, mkdir(NameOf(kind), 0755)) << NameOf(kind);
  }
  FAILS(EEXIST, mkdir(".", 0755));
  FAILS(EEXIST, mkdir("..", 0755));
  FAILS(EEXIST, mkdir("/", 0755));
}

TEST_F(Mkdir, FailsWithoutAParent) {
  Put("f");
  FAILS(ENOENT, mkdir("missing/d", 0755));
  FAILS(ENOENT, mkdir("", 0755));
  FAILS(ENOTDIR, mkdir("f/d", 0755));
}

TEST_F(Mkdir, AcceptsATrailingSlash) {
  WORKS(mkdir("d/", 0755));
  WORKS(rmdir("d/"));
}

TEST_F(Mkdir, NeedsWriteAndSearchPermissionInTheParent) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("p", 0755));
  FAILS(EACCES, As(kAlice, [] { return mkdir("p/d", 0755); }));
  WORKS(chmod("p", 0776));
  FAILS(EACCES, As(kAlice, [] { return mkdir("p/d", 0755); }));
  WORKS(chmod("p", 0773));
  WORKS(As(kAlice, [] { return mkdir("p/d", 0755); }));
  EXPECT_EQ(Lstat("p/d").st_uid, kAlice.uid);
  EXPECT_EQ(Lstat("p/d").st_gid, kAlice.gid);
}

TEST_F(Mkdir, InARemovedDirectoryFails) {
  MUST_WORK(mkdir("d", 0755));
  Fd directory(open("d", O_RDONLY | O_DIRECTORY));
  MUST_WORK(rmdir("d"));
  FAILS(ENOENT, mkdirat(directory, "e", 0755));
  FAILS(ENOENT, openat(directory, "f", O_CREAT | O_WRONLY, 0644));
  FAILS(ENOENT, symlinkat("x", directory, "l"));
  FAILS(ENOENT, mknodat(directory, "p", S_IFIFO | 0644, 0));
}

TEST_F(Mkdir, NestsDeeperThanPathMax) {
  constexpr int kDepth = 300;
  const std::string name(40, 'n');
  for (int i = 0; i < kDepth; ++i) {
    MUST_WORK(mkdir(name.c_str(), 0755)) << i;
    MUST_WORK(chdir(name.c_str())) << i;
  }
  for (int i = 0; i < kDepth; ++i) {
    MUST_WORK(chdir("..")) << i;
    MUST_WORK(rmdir(name.c_str())) << i;
  }
}

TEST_F(Rmdir, RemovesAnEmptyDirectory) {
  MUST_WORK(mkdir("d", 0));
  MUST_WORK(rmdir("d"));
  EXPECT_FALSE(Exists("d"));
  FAILS(ENOENT, rmdir("d"));
}

TEST_F(Rmdir, MarksTheTimesOfTheParent) {
  MUST_WORK(mkdir("p", 0755));
  MUST_WORK(mkdir("p/d", 0755));
  const Watch parent("p");
  MUST_WORK(rmdir("p/d"));
  parent.Expect(kMtime | kCtime);
}

TEST_F(Rmdir, RefusesADirectoryWithAnyKindOfEntry) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MUST_WORK(mkdir("d", 0755));
    MakeKind(kind, "d/x");
    const std::string outcome = OutcomeOf(rmdir("d"));
    EXPECT_TRUE(outcome == "ENOTEMPTY" || outcome == "EEXIST") << outcome << " " << NameOf(kind);
    MUST_WORK(kind == Kind::kDirectory ? rmdir("d/x") : unlink("d/x"));
    MUST_WORK(rmdir("d"));
  }
}

TEST_F(Rmdir, LeavesTheTimesWhenItFails) {
  MUST_WORK(mkdir("d", 0755));
  Put("d/f");
  const Watch parent("."), directory("d");
  FAILS(ENOTEMPTY, rmdir("d"));
  parent.Expect(kNone);
  directory.Expect(kNone);
}

TEST_F(Rmdir, RefusesWhatIsNotADirectory) {
  for (const Kind kind : kAllKinds) {
    if (kind == Kind::kDirectory) continue;
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(ENOTDIR, rmdir(NameOf(kind))) << NameOf(kind);
  }
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(symlink("d", "l"));
  FAILS(ENOTDIR, rmdir("l"));
  FAILS(ENOTDIR, rmdir("file/x"));
}

TEST_F(Rmdir, RefusesDotAndDotDot) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(mkdir("d/e", 0755));
  FAILS(EINVAL, rmdir("d/e/."));
  const std::string outcome = OutcomeOf(rmdir("d/e/.."));
  EXPECT_TRUE(outcome == "ENOTEMPTY" || outcome == "EEXIST") << outcome;
  FAILS(EBUSY, rmdir("/"));
}

TEST_F(Rmdir, NeedsWriteAndSearchPermissionInTheParentOnly) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("p", 0755));
  MUST_WORK(mkdir("p/d", 0700));
  FAILS(EACCES, As(kAlice, [] { return rmdir("p/d"); }));
  WORKS(chmod("p", 0776));
  FAILS(EACCES, As(kAlice, [] { return rmdir("p/d"); }));
  WORKS(chmod("p", 0777));
  WORKS(As(kAlice, [] { return rmdir("p/d"); }));
}

TEST_F(Rmdir, OfACurrentDirectoryLeavesItEmptyAndDead) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(mkdir("d/e", 0755));
  Fd back(open(".", O_RDONLY | O_DIRECTORY));
  MUST_WORK(chdir("d/e"));
  MUST_WORK(rmdir("../e"));
  EXPECT_EQ(Lstat(".").st_nlink, 0u);
  EXPECT_TRUE(List(".").empty());
  FAILS(ENOENT, open("f", O_CREAT | O_WRONLY, 0644));
  char path[PATH_MAX];
  errno = 0;
  EXPECT_EQ(getcwd(path, sizeof path), nullptr);
  EXPECT_EQ(errno, ENOENT);
  MUST_WORK(fchdir(back));
}

TEST_F(Rmdir, OfAnOpenDirectoryLeavesTheDescriptorUsable) {
  MUST_WORK(mkdir("d", 0755));
  Fd directory(open("d", O_RDONLY | O_DIRECTORY));
  const ino_t ino = Fstat(directory).st_ino;
  MUST_WORK(rmdir("d"));
  EXPECT_EQ(Fstat(directory).st_nlink, 0u);
  EXPECT_EQ(Fstat(directory).st_ino, ino);
  FAILS(ENOENT, openat(directory, "x", O_RDONLY));
  WORKS(fsync(directory));
  MUST_WORK(mkdir("d", 0755));
  EXPECT_NE(Lstat("d").st_ino, ino) << "the number of a directory still open was given again";
}

TEST_F(Rmdir, AndUnlinkatWithRemovedirAreTheSame) {
  MUST_WORK(mkdir("d", 0755));
  Put("f");
  FAILS(ENOTDIR, unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
  WORKS(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
  FAILS(EINVAL, unlinkat(AT_FDCWD, "f", 0x4000));
}

}  // namespace
}  // namespace metaring::posix
