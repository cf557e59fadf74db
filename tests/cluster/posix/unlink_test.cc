// SPDX-License-Identifier: Apache-2.0
//
// unlink(2), unlinkat(2), and files that are open when their last name goes.
#include <sys/mman.h>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Unlink : public Posix {};
class OpenUnlinked : public Posix {};

TEST_F(Unlink, RemovesEveryKindButDirectories) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, "x");
    if (kind == Kind::kDirectory) {
      FAILS(EISDIR, unlink("x"));
      MUST_WORK(rmdir("x"));
      continue;
    }
    WORKS(unlink("x")) << NameOf(kind);
    EXPECT_FALSE(Exists("x"));
  }
}

TEST_F(Unlink, FailsOnMissingNames) {
  Put("f");
  FAILS(ENOENT, unlink("missing"));
  FAILS(ENOENT, unlink("missing/f"));
  FAILS(ENOENT, unlink(""));
  FAILS(ENOTDIR, unlink("f/x"));
  FAILS(ENOTDIR, unlink("f/"));
}

TEST_F(Unlink, RemovesASymlinkAndNotItsTarget) {
  Put("f");
  MUST_WORK(symlink("f", "l"));
  MUST_WORK(unlink("l"));
  EXPECT_TRUE(Exists("f"));
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(symlink("d", "l"));
  FAILS(ENOTDIR, unlink("l/"));
  WORKS(unlink("l"));
}

TEST_F(Unlink, MarksTheTimesOfTheParentAndCtimeOfWhatRemains) {
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(link("f", "d/g"));
  const Watch file("d/g"), parent("."), other("d");
  MUST_WORK(unlink("f"));
  file.Expect(kCtime);
  parent.Expect(kMtime | kCtime);
  other.Expect(kNone);
}

TEST_F(Unlink, NeedsWriteAndSearchPermissionInTheParentOnly) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0755));
  Put("d/f", "", 0600);
  FAILS(EACCES, As(kAlice, [] { return unlink("d/f"); }));
  WORKS(chmod("d", 0776));
  FAILS(EACCES, As(kAlice, [] { return unlink("d/f"); }));
  WORKS(chmod("d", 0777));
  WORKS(As(kAlice, [] { return unlink("d/f"); }));
}

TEST_F(Unlink, TheNameCanBeTakenAgainAtOnce) {
  Put("f", "old");
  const ino_t ino = Lstat("f").st_ino;
  Fd fd(open("f", O_RDONLY));
  MUST_WORK(unlink("f"));
  Put("f", "new");
  EXPECT_NE(Lstat("f").st_ino, ino) << "the number of a file still open was given again";
  EXPECT_EQ(GetAt(fd, 0, 10), "old");
  EXPECT_EQ(Get("f"), "new");
}

TEST_F(OpenUnlinked, ReadsWritesAndCountsNoLinks) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(write(fd, "before", 6), 6);
  MUST_WORK(unlink("f"));
  EXPECT_EQ(Fstat(fd).st_nlink, 0u);
  EXPECT_EQ(Fstat(fd).st_size, 6);
  EXPECT_EQ(GetAt(fd, 0, 100), "before");
  EXPECT_EQ(pwrite(fd, "and after", 9, 6), 9);
  EXPECT_EQ(GetAt(fd, 0, 100), "beforeand after");
  EXPECT_EQ(Fstat(fd).st_size, 15);
  WORKS(fsync(fd));
  WORKS(fdatasync(fd));
}

TEST_F(OpenUnlinked, TakesLargeContent) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  MUST_WORK(unlink("f"));
  const std::string content(3'000'000, 'L');
  EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  WORKS(fsync(fd));
  EXPECT_EQ(GetAt(fd, 0, content.size() + 1), content);
  EXPECT_GE(Fstat(fd).st_blocks * 512, static_cast<off_t>(content.size()));
}

TEST_F(OpenUnlinked, CanBeTruncatedChangedAndTimed) {
  Put("f", "content", 0644);
  Fd fd(open("f", O_RDWR));
  MUST_WORK(unlink("f"));
  WORKS(ftruncate(fd, 3));
  EXPECT_EQ(GetAt(fd, 0, 10), "con");
  WORKS(ftruncate(fd, 5));
  EXPECT_EQ(GetAt(fd, 0, 10), std::string("con\0\0", 5));
  WORKS(fchmod(fd, 0600));
  EXPECT_EQ(Fstat(fd).st_mode & 07777, 0600u);
  const timespec times[2] = {{1, 2}, {3, 4}};
  WORKS(futimens(fd, times));
  EXPECT_TRUE(Fstat(fd).st_mtim == times[1]);
  if (Root()) {
    WORKS(fchown(fd, 12, 34));
    EXPECT_EQ(Fstat(fd).st_uid, 12u);
  }
}

TEST_F(OpenUnlinked, ReadOnlyDescriptorStillReads) {
  Put("f", std::string(100'000, 'r'));
  Fd fd(open("f", O_RDONLY));
  MUST_WORK(unlink("f"));
  EXPECT_EQ(GetAt(fd, 0, 200'000), std::string(100'000, 'r'));
}

TEST_F(OpenUnlinked, IsSharedByItsDescriptors) {
  Fd one(open("f", O_CREAT | O_RDWR, 0644));
  Fd two(open("f", O_RDWR));
  MUST_WORK(unlink("f"));
  EXPECT_EQ(write(one, "shared", 6), 6);
  EXPECT_EQ(GetAt(two, 0, 10), "shared");
  one.Close();
  EXPECT_EQ(GetAt(two, 0, 10), "shared");
  EXPECT_EQ(pwrite(two, "S", 1, 0), 1);
  EXPECT_EQ(GetAt(two, 0, 10), "Shared");
}

TEST_F(OpenUnlinked, CanBeOpenedAgainThroughProc) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(write(fd, "x", 1), 1);
  MUST_WORK(unlink("f"));
  Fd again(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR));
  MUST_WORK(static_cast<int>(again));
  EXPECT_EQ(GetAt(again, 0, 10), "x");
  fd.Close();
  EXPECT_EQ(GetAt(again, 0, 10), "x");
}

TEST_F(OpenUnlinked, CanBeMapped) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  MUST_WORK(ftruncate(fd, 8192));
  MUST_WORK(unlink("f"));
  char* map = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ASSERT_NE(static_cast<void*>(map), MAP_FAILED);
  map[5000] = 'm';
  WORKS(msync(map, 8192, MS_SYNC));
  EXPECT_EQ(GetAt(fd, 5000, 1), "m");
  fd.Close();
  EXPECT_EQ(map[5000], 'm');
  WORKS(munmap(map, 8192));
}

TEST_F(OpenUnlinked, AReplacedFileLivesOnToo) {
  Put("old", "old content");
  Put("new", "new content");
  Fd fd(open("old", O_RDWR));
  const ino_t ino = Fstat(fd).st_ino;
  MUST_WORK(rename("new", "old"));
  EXPECT_EQ(Fstat(fd).st_nlink, 0u);
  EXPECT_EQ(Fstat(fd).st_ino, ino);
  EXPECT_EQ(GetAt(fd, 0, 100), "old content");
  EXPECT_EQ(pwrite(fd, "OLD", 3, 0), 3);
  EXPECT_EQ(GetAt(fd, 0, 100), "OLD content");
  EXPECT_EQ(Get("old"), "new content");
}

TEST_F(OpenUnlinked, ManyAtOnce) {
  constexpr int kFiles = 200;
  std::vector<int> fds;
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "f" + std::to_string(i);
    fds.push_back(open(name.c_str(), O_CREAT | O_RDWR, 0644));
    EXPECT_EQ(write(fds.back(), name.data(), name.size()), static_cast<ssize_t>(name.size()));
    MUST_WORK(unlink(name.c_str()));
  }
  EXPECT_TRUE(List(".").empty());
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(GetAt(fds[i], 0, 100), "f" + std::to_string(i));
    WORKS(close(fds[i]));
  }
}

TEST_F(OpenUnlinked, TheRemovedNameOfALinkedFileDoesNotMatter) {
  Put("a", "linked");
  MUST_WORK(link("a", "b"));
  Fd fd(open("a", O_RDWR));
  MUST_WORK(unlink("a"));
  EXPECT_EQ(Fstat(fd).st_nlink, 1u);
  EXPECT_EQ(pwrite(fd, "L", 1, 0), 1);
  EXPECT_EQ(Get("b"), "Linked");
  MUST_WORK(unlink("b"));
  EXPECT_EQ(Fstat(fd).st_nlink, 0u);
  EXPECT_EQ(GetAt(fd, 0, 100), "Linked");
}

TEST_F(OpenUnlinked, ADirectoryDescriptorOutlivesItsTree) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(mkdir("d/e", 0755));
  Put("d/e/f", "deep");
  Fd file(open("d/e/f", O_RDONLY)), directory(open("d/e", O_RDONLY | O_DIRECTORY));
  MUST_WORK(unlink("d/e/f"));
  MUST_WORK(rmdir("d/e"));
  MUST_WORK(rmdir("d"));
  EXPECT_EQ(GetAt(file, 0, 10), "deep");
  FAILS(ENOENT, openat(directory, "f", O_RDONLY));
}

}  // namespace
}  // namespace metaring::posix
