// SPDX-License-Identifier: Apache-2.0
//
// stat(2), fstat(2), lstat(2), statx(2): the fields, and the marking of times by input and output;
// access(2).
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <set>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Stat : public Posix {};
class Access : public Posix {};

bool AtimeIsKept() {
  struct statvfs vfs = {};
  return statvfs(".", &vfs) == 0 && (vfs.f_flag & ST_NOATIME) == 0;
}

TEST_F(Stat, AllFormsAgree) {
  Put("f", "hello", 0640);
  struct stat by_path = {}, by_fd = {}, by_link = {};
  Fd fd(open("f", O_RDONLY));
  MUST_WORK(symlink("f", "l"));
  WORKS(stat("f", &by_path));
  WORKS(fstat(fd, &by_fd));
  WORKS(stat("l", &by_link));
  for (const struct stat* st : {&by_fd, &by_link}) {
    EXPECT_EQ(st->st_ino, by_path.st_ino);
    EXPECT_EQ(st->st_dev, by_path.st_dev);
    EXPECT_EQ(st->st_mode, by_path.st_mode);
    EXPECT_EQ(st->st_size, by_path.st_size);
    EXPECT_TRUE(st->st_ctim == by_path.st_ctim);
  }
}

TEST_F(Stat, BlocksAndBlockSizeAreSane) {
  Put("empty");
  Put("f", std::string(1 << 20, 'b'));
  Fd fd(open("f", O_RDONLY));
  WORKS(fsync(fd));
  const struct stat st = Lstat("f");
  EXPECT_GE(st.st_blocks * 512, 1 << 20);
  EXPECT_LE(st.st_blocks * 512, (1 << 20) + (1 << 18));
  EXPECT_GE(st.st_blksize, 512);
  EXPECT_EQ(st.st_blksize & (st.st_blksize - 1), 0);
  EXPECT_EQ(Lstat("empty").st_blocks, 0);
  EXPECT_GT(Lstat(".").st_size + 1, 0);
}

TEST_F(Stat, InodeNumbersAreDistinctAndStable) {
  std::set<ino_t> numbers = {Lstat(".").st_ino};
  for (int i = 0; i < 100; ++i) {
    const std::string name = "f" + std::to_string(i);
    Put(name);
    EXPECT_TRUE(numbers.insert(Lstat(name).st_ino).second);
  }
  const ino_t ino = Lstat("f7").st_ino;
  MUST_WORK(rename("f7", "g"));
  EXPECT_EQ(Lstat("g").st_ino, ino);
}

TEST_F(Stat, StatxGivesWhatIsAskedFor) {
  Put("f", "hello", 0604);
  struct statx sx = {};
  MUST_WORK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
  const struct stat st = Lstat("f");
  EXPECT_EQ(sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
  EXPECT_EQ(sx.stx_ino, st.st_ino);
  EXPECT_EQ(sx.stx_mode, st.st_mode);
  EXPECT_EQ(sx.stx_size, 5u);
  EXPECT_EQ(sx.stx_nlink, 1u);
  EXPECT_EQ(sx.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
  EXPECT_EQ(makedev(sx.stx_dev_major, sx.stx_dev_minor), st.st_dev);
  Fd fd(open("f", O_RDONLY));
  WORKS(statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_SIZE, &sx));
  EXPECT_EQ(sx.stx_size, 5u);
  FAILS(EINVAL, statx(AT_FDCWD, "f", 0x8000'0000, STATX_SIZE, &sx));
}

TEST_F(Stat, FailsOnMissingNames) {
  struct stat st;
  Put("f");
  FAILS(ENOENT, stat("missing", &st));
  FAILS(ENOENT, lstat("", &st));
  FAILS(ENOTDIR, stat("f/x", &st));
  FAILS(ENOTDIR, stat("f/", &st));
  FAILS(ENOTDIR, stat("f/.", &st));
  FAILS(EBADF, fstat(-1, &st));
  MUST_WORK(symlink("missing", "l"));
  FAILS(ENOENT, stat("l", &st));
  WORKS(lstat("l", &st));
}

TEST_F(Stat, NeedsSearchPermissionAndNoOther) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0711));
  Put("d/f", "", 0);
  static struct stat st;
  WORKS(As(kAlice, [] { return stat("d/f", &st); }));
  MUST_WORK(chmod("d", 0766));
  FAILS(EACCES, As(kAlice, [] { return stat("d/f", &st); }));
  FAILS(EACCES, As(kAlice, [] { return stat("d/missing", &st); }));
}

TEST_F(Stat, AMissingNameAppearsWhenItIsMade) {
  struct stat st;
  for (int i = 0; i < 20; ++i) {
    FAILS(ENOENT, stat("f", &st));
    FAILS(ENOENT, stat("d/f", &st));
    Put("f");
    MUST_WORK(mkdir("d", 0755));
    Put("d/f");
    WORKS(stat("f", &st));
    WORKS(stat("d/f", &st));
    MUST_WORK(unlink("d/f"));
    MUST_WORK(rmdir("d"));
    MUST_WORK(unlink("f"));
  }
}

TEST_F(Stat, WriteMarksMtimeAndCtime) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(write(fd, "hello", 5), 5);
  {
    const Watch file("f"), parent(".");
    EXPECT_EQ(pwrite(fd, "J", 1, 0), 1);
    file.Expect(kMtime | kCtime, "overwrite");
    parent.Expect(kNone);
  }
  const Watch file("f");
  EXPECT_EQ(write(fd, "", 0), 0);
  file.Expect(kNone, "empty write");
}

TEST_F(Stat, CloseAndSyncLeaveTheTimesOfAWrite) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(write(fd, "hello", 5), 5);
  const Watch file("f");
  WORKS(fsync(fd));
  file.Expect(kNone, "fsync");
  fd.Close();
  file.Expect(kNone, "close");
  EXPECT_EQ(Lstat("f").st_size, 5);
}

TEST_F(Stat, ReadMarksAtimeWhenItIsNotLaterThanMtime) {
  if (!AtimeIsKept()) GTEST_SKIP() << "mounted noatime";
  Put("f", "hello");
  const timespec old[2] = {{1000, 0}, {2000, 0}};
  MUST_WORK(utimensat(AT_FDCWD, "f", old, 0));
  const Watch file("f");
  EXPECT_EQ(Get("f"), "hello");
  file.Expect(kAtime);
}

TEST_F(Stat, ReadingADirectoryMarksItsAtimeWhenItIsNotLaterThanMtime) {
  if (!AtimeIsKept()) GTEST_SKIP() << "mounted noatime";
  MUST_WORK(mkdir("d", 0755));
  const timespec old[2] = {{1000, 0}, {2000, 0}};
  MUST_WORK(utimensat(AT_FDCWD, "d", old, 0));
  const Watch directory("d");
  EXPECT_TRUE(List("d").empty());
  directory.Expect(kAtime);
}

TEST_F(Stat, LookingAtAnObjectMarksNothing) {
  Put("f", "hello");
  MUST_WORK(symlink("f", "l"));
  const Watch file("f"), link("l"), parent(".");
  struct stat st;
  WORKS(stat("f", &st));
  WORKS(access("f", R_OK));
  FAILS(ENOENT, stat("missing", &st));
  Fd fd(open("f", O_RDONLY));
  file.Expect(kNone);
  parent.Expect(kNone);
  link.Expect(kNone);
}

TEST_F(Stat, SizeOfASymlinkIsThatOfItsTargetAndOfFifosZero) {
  MUST_WORK(symlink("12345", "l"));
  MUST_WORK(mkfifo("p", 0644));
  EXPECT_EQ(Lstat("l").st_size, 5);
  EXPECT_EQ(Lstat("p").st_size, 0);
}

TEST_F(Access, FollowsTheMatrixOfOwnerGroupAndOthers) {
  NEEDS_ROOT();
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kBob.gid));
  for (const mode_t mode : {0000, 0124, 0241, 0412, 0653, 0365, 0536, 0707, 0070, 0777}) {
    MUST_WORK(chmod("f", mode));
    const User* users[] = {&kAliceInBobsGroup, &kBob, &kCarol};
    for (int who = 0; who < 3; ++who) {
      const mode_t bits = mode >> (6 - 3 * who) & 7;
      for (const int want : {R_OK, W_OK, X_OK}) {
        const int outcome = As(*users[who], [&] { return access("f", want); });
        EXPECT_EQ(OutcomeOf(outcome), (bits & want) != 0 ? "success" : "EACCES")
            << std::oct << mode << " user " << who << " wants " << want;
      }
    }
  }
}

TEST_F(Access, TheFirstMatchingClassDecides) {
  NEEDS_ROOT();
  Put("f", "", 0077);
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY); }));
  MUST_WORK(chmod("f", 0707));
  FAILS(EACCES, As(User{64002, 64002, {kAlice.gid}}, [] { return open("f", O_RDONLY); }));
  WORKS(As(kBob, [] { return open("f", O_RDWR); }));
}

TEST_F(Access, RootReadsAndWritesEverythingAndExecutesWhatSomeoneMay) {
  NEEDS_ROOT();
  Put("f", "", 0);
  WORKS(access("f", R_OK | W_OK));
  FAILS(EACCES, access("f", X_OK));
  MUST_WORK(chmod("f", 0001));
  WORKS(access("f", X_OK));
  MUST_WORK(mkdir("d", 0));
  WORKS(access("d", X_OK));
  FAILS(ENOENT, access("missing", F_OK));
  FAILS(EINVAL, access("f", 0100));
}

TEST_F(Access, ADirectoryIsSearchedByXAndListedByR) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0711));
  Put("d/f", "", 0644);
  WORKS(As(kAlice, [] { return open("d/f", O_RDONLY); }));
  FAILS(EACCES, As(kAlice, [] { return open("d", O_RDONLY | O_DIRECTORY); }));
  MUST_WORK(chmod("d", 0744));
  WORKS(As(kAlice, [] { return open("d", O_RDONLY | O_DIRECTORY); }));
  FAILS(EACCES, As(kAlice, [] { return open("d/f", O_RDONLY); }));
  FAILS(EACCES, As(kAlice, [] { return chdir("d"); }));
}

TEST_F(Access, SearchPermissionIsNeededOnEveryComponent) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("a/b", 0755));
  MUST_WORK(mkdir("a/b/c", 0755));
  Put("a/b/c/f", "", 0666);
  WORKS(As(kAlice, [] { return open("a/b/c/f", O_RDWR); }));
  for (const char* directory : {"a", "a/b", "a/b/c"}) {
    MUST_WORK(chmod(directory, 0644));
    FAILS(EACCES, As(kAlice, [] { return open("a/b/c/f", O_RDONLY); })) << directory;
    MUST_WORK(chmod(directory, 0755));
  }
}

}  // namespace
}  // namespace metaring::posix
