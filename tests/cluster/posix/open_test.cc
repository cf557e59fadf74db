// SPDX-License-Identifier: Apache-2.0
//
// open(2), openat(2), creat(2): creation, O_EXCL, O_TRUNC, O_NOFOLLOW, O_DIRECTORY, O_PATH,
// O_TMPFILE.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Open : public Posix {};

TEST_F(Open, CreatesARegularEmptyFileWithTheModeAsked) {
  for (const mode_t mode : {0, 0644, 0600, 0755, 0777, 0151, 0001}) {
    Fd fd(open("f", O_CREAT | O_EXCL | O_RDWR, mode));
    MUST_WORK(static_cast<int>(fd));
    const struct stat st = Fstat(fd);
    EXPECT_EQ(st.st_mode, S_IFREG | mode);
    EXPECT_EQ(st.st_size, 0);
    EXPECT_EQ(st.st_nlink, 1u);
    EXPECT_EQ(st.st_uid, geteuid());
    EXPECT_EQ(st.st_blocks, 0);
    EXPECT_EQ(Lstat("f").st_ino, st.st_ino);
    WORKS(unlink("f"));
  }
}

TEST_F(Open, AppliesTheUmask) {
  umask(0127);
  Fd fd(open("f", O_CREAT | O_WRONLY, 0777));
  EXPECT_EQ(ModeOf("f"), 0650u);
}

TEST_F(Open, OfAReadOnlyModeGivesAWritableDescriptorToItsCreator) {
  Fd fd(open("f", O_CREAT | O_EXCL | O_RDWR, 0400));
  MUST_WORK(static_cast<int>(fd));
  EXPECT_EQ(write(fd, "abc", 3), 3);
  EXPECT_EQ(GetAt(fd, 0, 10), "abc");
}

TEST_F(Open, AnUnprivilegedCreatorOfModeZeroMayWriteButNotOpenAgain) {
  NEEDS_ROOT();
  WORKS(As(kAlice, [] {
    Fd fd(open("f", O_CREAT | O_EXCL | O_RDWR, 0));
    return write(fd, "abc", 3) == 3 ? 0 : -1;
  }));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY); }));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_WRONLY); }));
  EXPECT_EQ(Get("f"), "abc");
}

TEST_F(Open, ExclusiveFailsOnEveryKindOfObject) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(EEXIST, open(NameOf(kind), O_CREAT | O_EXCL | O_RDWR, 0644)) << NameOf(kind);
  }
}

TEST_F(Open, CreateOfAnExistingFileKeepsItsModeContentAndTimes) {
  Put("f", "hello", 0640);
  const Watch file("f"), parent(".");
  Fd fd(open("f", O_CREAT | O_RDWR, 0777));
  MUST_WORK(static_cast<int>(fd));
  EXPECT_EQ(GetAt(fd, 0, 100), "hello");
  EXPECT_EQ(ModeOf("f"), 0640u);
  parent.Expect(kNone);
}

TEST_F(Open, CreateMarksTheTimesOfFileAndParent) {
  const Watch parent(".");
  Fd fd(open("f", O_CREAT | O_WRONLY, 0644));
  parent.Expect(kMtime | kCtime);
  const struct stat file = Fstat(fd), directory = Lstat(".");
  EXPECT_FALSE(file.st_mtim < directory.st_mtim && file.st_ctim < directory.st_ctim &&
               directory.st_mtim.tv_sec - file.st_mtim.tv_sec > 1);
  EXPECT_TRUE(file.st_atim == file.st_mtim);
  EXPECT_TRUE(file.st_mtim == file.st_ctim);
}

TEST_F(Open, OfAMissingFileFails) {
  FAILS(ENOENT, open("f", O_RDONLY));
  FAILS(ENOENT, open("f", O_RDWR | O_TRUNC));
  FAILS(ENOENT, open("d/f", O_CREAT | O_RDWR, 0644));
  FAILS(ENOENT, open("", O_RDONLY));
}

TEST_F(Open, BelowAFileFails) {
  Put("f");
  FAILS(ENOTDIR, open("f/g", O_RDONLY));
  FAILS(ENOTDIR, open("f/g", O_CREAT | O_RDWR, 0644));
  FAILS(ENOTDIR, open("f/", O_RDONLY));
}

TEST_F(Open, OfADirectoryForWritingFails) {
  MUST_WORK(mkdir("d", 0755));
  FAILS(EISDIR, open("d", O_WRONLY));
  FAILS(EISDIR, open("d", O_RDWR));
  FAILS(EISDIR, open("d", O_RDONLY | O_CREAT, 0644));
  FAILS(EISDIR, open("d", O_RDONLY | O_TRUNC));
  FAILS(EISDIR, open("missing/", O_CREAT | O_WRONLY, 0644));
  EXPECT_FALSE(Exists("missing"));
}

TEST_F(Open, DirectoryFlagRefusesAnythingElse) {
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(mkfifo("p", 0644));
  MUST_WORK(symlink("f", "lf"));
  MUST_WORK(symlink("d", "ld"));
  FAILS(ENOTDIR, open("f", O_RDONLY | O_DIRECTORY));
  FAILS(ENOTDIR, open("p", O_RDONLY | O_DIRECTORY));
  FAILS(ENOTDIR, open("lf", O_RDONLY | O_DIRECTORY));
  Fd direct(open("d", O_RDONLY | O_DIRECTORY));
  Fd through(open("ld", O_RDONLY | O_DIRECTORY));
  WORKS(static_cast<int>(direct));
  WORKS(static_cast<int>(through));
  FAILS(ELOOP, open("ld", O_RDONLY | O_NOFOLLOW));
  char byte = 0;
  FAILS(EISDIR, read(direct, &byte, 1));
  FAILS(EBADF, write(direct, "x", 1));
}

TEST_F(Open, NofollowRefusesOnlyALastSymlink) {
  MUST_WORK(mkdir("d", 0755));
  Put("d/f", "x");
  MUST_WORK(symlink("d", "l"));
  MUST_WORK(symlink("d/f", "lf"));
  FAILS(ELOOP, open("lf", O_RDONLY | O_NOFOLLOW));
  FAILS(ELOOP, open("lf", O_RDONLY | O_NOFOLLOW | O_CREAT, 0644));
  Fd fd(open("l/f", O_RDONLY | O_NOFOLLOW));
  WORKS(static_cast<int>(fd));
}

TEST_F(Open, CreateThroughADanglingSymlinkMakesItsTarget) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(symlink("d/target", "l"));
  Fd fd(open("l", O_CREAT | O_WRONLY, 0644));
  WORKS(static_cast<int>(fd));
  EXPECT_TRUE(S_ISREG(Lstat("d/target").st_mode));
  EXPECT_TRUE(S_ISLNK(Lstat("l").st_mode));
}

TEST_F(Open, TruncateEmptiesTheFileAndMarksItsTimes) {
  Put("f", std::string(200'000, 'x'));
  const Watch file("f"), parent(".");
  Fd fd(open("f", O_WRONLY | O_TRUNC));
  MUST_WORK(static_cast<int>(fd));
  file.Expect(kMtime | kCtime);
  parent.Expect(kNone);
  EXPECT_EQ(Fstat(fd).st_size, 0);
  EXPECT_EQ(Fstat(fd).st_blocks, 0);
}

TEST_F(Open, TruncateNeedsWritePermission) {
  NEEDS_ROOT();
  Put("f", "content", 0444);
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY | O_TRUNC); }));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_WRONLY | O_TRUNC); }));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_WRONLY | O_TRUNC | O_CREAT, 0644); }));
  EXPECT_EQ(Get("f"), "content");
}

TEST_F(Open, OfASocketFails) {
  MakeKind(Kind::kSocket, "s");
  FAILS(ENXIO, open("s", O_RDONLY));
  FAILS(ENXIO, open("s", O_RDWR));
}

TEST_F(Open, NonblockingWriteOnlyOnAFifoWithoutAReaderFails) {
  MUST_WORK(mkfifo("p", 0644));
  FAILS(ENXIO, open("p", O_WRONLY | O_NONBLOCK));
  Fd reader(open("p", O_RDONLY | O_NONBLOCK));
  WORKS(static_cast<int>(reader));
  Fd writer(open("p", O_WRONLY | O_NONBLOCK));
  WORKS(static_cast<int>(writer));
}

TEST_F(Open, PathDescriptorsNameButDoNotRead) {
  Put("f", "hello", 0600);
  Fd path(open("f", O_PATH));
  MUST_WORK(static_cast<int>(path));
  char byte = 0;
  FAILS(EBADF, read(path, &byte, 1));
  FAILS(EBADF, fchmod(path, 0777));
  EXPECT_EQ(Fstat(path).st_ino, Lstat("f").st_ino);
  MUST_WORK(symlink("f", "l"));
  Fd link(open("l", O_PATH | O_NOFOLLOW));
  MUST_WORK(static_cast<int>(link));
  EXPECT_TRUE(S_ISLNK(Fstat(link).st_mode));
}

TEST_F(Open, AccessModeIsEnforcedOnTheDescriptor) {
  Put("f", "hello");
  char byte = 0;
  Fd reader(open("f", O_RDONLY)), writer(open("f", O_WRONLY));
  FAILS(EBADF, write(reader, "x", 1));
  FAILS(EBADF, read(writer, &byte, 1));
  FAILS(EINVAL, ftruncate(reader, 0));
}

TEST_F(Open, CreatHasTheMeaningOfItsThreeFlags) {
  Put("f", "hello");
  Fd fd(creat("f", 0600));
  MUST_WORK(static_cast<int>(fd));
  EXPECT_EQ(Fstat(fd).st_size, 0);
  EXPECT_EQ(ModeOf("f"), 0644u);
  char byte = 0;
  FAILS(EBADF, read(fd, &byte, 1));
}

TEST_F(Open, NeedsSearchAndWritePermissionToCreate) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0755));
  FAILS(EACCES, As(kAlice, [] { return open("d/f", O_CREAT | O_WRONLY, 0644); }));
  WORKS(chmod("d", 0766));
  FAILS(EACCES, As(kAlice, [] { return open("d/f", O_CREAT | O_WRONLY, 0644); }));
  WORKS(chmod("d", 0773));
  WORKS(As(kAlice, [] { return open("d/f", O_CREAT | O_WRONLY, 0644); }));
  EXPECT_EQ(Lstat("d/f").st_uid, kAlice.uid);
  EXPECT_EQ(Lstat("d/f").st_gid, kAlice.gid);
}

TEST_F(Open, OpenatIsRelativeToItsDirectoryWhereverItMoved) {
  MUST_WORK(mkdir("d", 0755));
  Fd directory(open("d", O_RDONLY | O_DIRECTORY));
  MUST_WORK(rename("d", "e"));
  Fd fd(openat(directory, "f", O_CREAT | O_EXCL | O_WRONLY, 0644));
  WORKS(static_cast<int>(fd));
  EXPECT_TRUE(Exists("e/f"));
  FAILS(ENOTDIR, openat(fd, "g", O_CREAT | O_WRONLY, 0644));
  FAILS(EBADF, openat(-1, "g", O_RDONLY));
}

TEST_F(Open, DirectIoIsAcceptedAndReadsWhatWasWritten) {
  constexpr size_t kBytes = 1 << 16;
  Fd fd(open("f", O_CREAT | O_RDWR | O_DIRECT, 0644));
  MUST_WORK(static_cast<int>(fd));
  alignas(4096) static char out[kBytes], in[kBytes];
  for (size_t i = 0; i < kBytes; ++i) out[i] = static_cast<char>(i * 31 >> 8);
  EXPECT_EQ(pwrite(fd, out, kBytes, 0), static_cast<ssize_t>(kBytes));
  EXPECT_EQ(pread(fd, in, kBytes, 0), static_cast<ssize_t>(kBytes));
  EXPECT_EQ(std::string(in, kBytes), std::string(out, kBytes));
  EXPECT_EQ(Get("f"), std::string(out, kBytes));
  EXPECT_EQ(pread(fd, in, 4096, kBytes), 0);
}

TEST_F(Open, TmpfileHasNoNameOrIsRefused) {
  Fd fd(open(".", O_TMPFILE | O_RDWR, 0600));
  if (fd < 0) {
    EXPECT_EQ(ErrorSymbol(errno), "EOPNOTSUPP");
    return;
  }
  EXPECT_EQ(Fstat(fd).st_nlink, 0u);
  EXPECT_TRUE(List(".").empty());
  EXPECT_EQ(write(fd, "abc", 3), 3);
  WORKS(linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, "f",
               AT_SYMLINK_FOLLOW));
  EXPECT_EQ(Get("f"), "abc");
}

TEST_F(Open, NoatimeIsForTheOwner) {
  NEEDS_ROOT();
  Put("f", "x");
  FAILS(EPERM, As(kAlice, [] { return open("f", O_RDONLY | O_NOATIME); }));
  WORKS(chown("f", kAlice.uid, kAlice.gid));
  WORKS(As(kAlice, [] { return open("f", O_RDONLY | O_NOATIME); }));
}

TEST_F(Open, SetuidAndStickyBitsMayBeGivenAtCreation) {
  Fd fd(open("f", O_CREAT | O_WRONLY, 07755));
  EXPECT_EQ(ModeOf("f") & 04755u, 04755u);
}

TEST_F(Open, OfARunningProgramForWritingFails) {
  Put("p", Get("/bin/sleep"), 0755);
  int ready[2];
  MUST_WORK(pipe2(ready, O_CLOEXEC));
  const pid_t pid = fork();
  if (pid == 0) {
    execl("./p", "p", "60", nullptr);
    _exit(1);
  }
  close(ready[1]);
  char byte = 0;
  EXPECT_EQ(read(ready[0], &byte, 1), 0);  // closed by exec
  FAILS(ETXTBSY, open("p", O_WRONLY));
  FAILS(ETXTBSY, truncate("p", 0));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(ready[0]);
  Fd fd(open("p", O_WRONLY));
  WORKS(static_cast<int>(fd));
}

TEST_F(Open, OfAFileOpenForWritingCannotBeExecuted) {
  Put("p", Get("/bin/true"), 0755);
  Fd fd(open("p", O_WRONLY));
  EXPECT_EQ(InChild([] {
              execl("./p", "p", nullptr);
              return errno;
            }),
            ETXTBSY);
  fd.Close();
  EXPECT_EQ(InChild([] {
              execl("./p", "p", nullptr);
              return errno;
            }),
            0);
}

}  // namespace
}  // namespace metaring::posix
