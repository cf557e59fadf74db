// SPDX-License-Identifier: Apache-2.0
//
// flock(2), fcntl(2) record locks and open file description locks.
#include <sys/file.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Flock : public Posix {};
class RecordLock : public Posix {};

// The outcome of a call in another process, with a descriptor of its own.
std::string Elsewhere(const std::function<int(int fd)>& call) {
  const int error = InChild([&] {
    Fd fd(open("f", O_RDWR));
    return call(fd) == -1 ? errno : 0;
  });
  return ErrorSymbol(error);
}

struct flock Range(short type, off_t start, off_t length, short whence = SEEK_SET) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = whence;
  lock.l_start = start;
  lock.l_len = length;
  return lock;
}

int SetLock(int fd, short type, off_t start, off_t length, int command = F_SETLK) {
  struct flock lock = Range(type, start, length);
  return fcntl(fd, command, &lock);
}

std::string Lockable(short type, off_t start, off_t length) {
  const std::string outcome = Elsewhere([&](int fd) { return SetLock(fd, type, start, length); });
  return outcome == "EACCES" ? "EAGAIN" : outcome;  // POSIX allows both
}

TEST_F(Flock, ExclusiveExcludesOtherProcesses) {
  Put("f");
  Fd fd(open("f", O_RDWR));
  WORKS(flock(fd, LOCK_EX));
  EXPECT_EQ(Elsewhere([](int other) { return flock(other, LOCK_EX | LOCK_NB); }), "EAGAIN");
  EXPECT_EQ(Elsewhere([](int other) { return flock(other, LOCK_SH | LOCK_NB); }), "EAGAIN");
  WORKS(flock(fd, LOCK_UN));
  EXPECT_EQ(Elsewhere([](int other) { return flock(other, LOCK_EX | LOCK_NB); }), "success");
}

TEST_F(Flock, SharedAdmitsShared) {
  Put("f");
  Fd fd(open("f", O_RDONLY));
  WORKS(flock(fd, LOCK_SH));
  EXPECT_EQ(Elsewhere([](int other) { return flock(other, LOCK_SH | LOCK_NB); }), "success");
  EXPECT_EQ(Elsewhere([](int other) { return flock(other, LOCK_EX | LOCK_NB); }), "EAGAIN");
}

TEST_F(Flock, BelongsToTheOpenFile) {
  Put("f");
  Fd one(open("f", O_RDWR)), two(open("f", O_RDWR));
  WORKS(flock(one, LOCK_EX));
  FAILS(EWOULDBLOCK, flock(two, LOCK_EX | LOCK_NB));
  Fd same(dup(one));
  WORKS(flock(same, LOCK_EX | LOCK_NB));
  one.Close();
  FAILS(EWOULDBLOCK, flock(two, LOCK_EX | LOCK_NB));
  same.Close();
  WORKS(flock(two, LOCK_EX | LOCK_NB));
}

TEST_F(Flock, ConvertsBetweenSharedAndExclusive) {
  Put("f");
  Fd fd(open("f", O_RDWR));
  WORKS(flock(fd, LOCK_SH));
  WORKS(flock(fd, LOCK_EX | LOCK_NB));
  EXPECT_EQ(Elsewhere([](int other) { return flock(other, LOCK_SH | LOCK_NB); }), "EAGAIN");
  WORKS(flock(fd, LOCK_SH));
  EXPECT_EQ(Elsewhere([](int other) { return flock(other, LOCK_SH | LOCK_NB); }), "success");
}

TEST_F(Flock, WaitsUntilTheHolderEnds) {
  Put("f");
  int ready[2];
  MUST_WORK(pipe(ready));
  const pid_t holder = fork();
  if (holder == 0) {
    Fd fd(open("f", O_RDWR));
    if (flock(fd, LOCK_EX) != 0 || write(ready[1], "l", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  Fd fd(open("f", O_RDWR));
  FAILS(EWOULDBLOCK, flock(fd, LOCK_EX | LOCK_NB));
  const pid_t killer = fork();
  if (killer == 0) {
    kill(holder, SIGKILL);
    _exit(0);
  }
  WORKS(flock(fd, LOCK_EX));
  waitpid(holder, nullptr, 0);
  waitpid(killer, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(Flock, WorksOnDirectories) {
  MUST_WORK(mkdir("d", 0755));
  Fd one(open("d", O_RDONLY)), two(open("d", O_RDONLY));
  WORKS(flock(one, LOCK_EX | LOCK_NB));
  FAILS(EWOULDBLOCK, flock(two, LOCK_EX | LOCK_NB));
}

TEST_F(RecordLock, ConflictsByRangeAndType) {
  Put("f", "0123456789");
  Fd fd(open("f", O_RDWR));
  WORKS(SetLock(fd, F_WRLCK, 2, 3));
  WORKS(SetLock(fd, F_RDLCK, 8, 2));
  EXPECT_EQ(Lockable(F_WRLCK, 0, 2), "success");
  EXPECT_EQ(Lockable(F_WRLCK, 0, 3), "EAGAIN");
  EXPECT_EQ(Lockable(F_RDLCK, 4, 1), "EAGAIN");
  EXPECT_EQ(Lockable(F_WRLCK, 5, 3), "success");
  EXPECT_EQ(Lockable(F_RDLCK, 5, 0), "success");
  EXPECT_EQ(Lockable(F_WRLCK, 9, 1), "EAGAIN");
  EXPECT_EQ(Lockable(F_WRLCK, 100, 0), "success");
}

TEST_F(RecordLock, GetlkTellsTheHolder) {
  Put("f", "0123456789");
  Fd fd(open("f", O_RDWR));
  WORKS(SetLock(fd, F_WRLCK, 2, 3));
  const pid_t self = getpid();
  EXPECT_EQ(InChild([&] {
              Fd other(open("f", O_RDWR));
              struct flock lock = Range(F_WRLCK, 0, 0);
              if (fcntl(other, F_GETLK, &lock) != 0) return 1;
              if (lock.l_type != F_WRLCK || lock.l_start != 2 || lock.l_len != 3) return 2;
              if (lock.l_pid != self) return 3;
              lock = Range(F_RDLCK, 5, 0);
              return fcntl(other, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK ? 0 : 4;
            }),
            0);
}

TEST_F(RecordLock, SplitsAndMerges) {
  Put("f", "0123456789");
  Fd fd(open("f", O_RDWR));
  WORKS(SetLock(fd, F_WRLCK, 0, 10));
  WORKS(SetLock(fd, F_UNLCK, 4, 2));
  EXPECT_EQ(Lockable(F_WRLCK, 4, 2), "success");
  EXPECT_EQ(Lockable(F_WRLCK, 3, 1), "EAGAIN");
  EXPECT_EQ(Lockable(F_WRLCK, 6, 1), "EAGAIN");
  WORKS(SetLock(fd, F_RDLCK, 0, 4));
  EXPECT_EQ(Lockable(F_RDLCK, 0, 4), "success");
  EXPECT_EQ(Lockable(F_RDLCK, 6, 1), "EAGAIN");
}

TEST_F(RecordLock, GoesWithAnyCloseOfTheProcess) {
  Put("f");
  Fd fd(open("f", O_RDWR));
  WORKS(SetLock(fd, F_WRLCK, 0, 0));
  EXPECT_EQ(Lockable(F_WRLCK, 0, 1), "EAGAIN");
  Fd another(open("f", O_RDONLY));
  another.Close();
  EXPECT_EQ(Lockable(F_WRLCK, 0, 1), "success");
}

TEST_F(RecordLock, GoesWithTheProcess) {
  Put("f");
  EXPECT_EQ(Lockable(F_WRLCK, 0, 0), "success");
  Fd fd(open("f", O_RDWR));
  WORKS(SetLock(fd, F_WRLCK, 0, 0));
}

TEST_F(RecordLock, IsNotInheritedByFork) {
  Put("f");
  Fd fd(open("f", O_RDWR));
  WORKS(SetLock(fd, F_WRLCK, 0, 0));
  EXPECT_EQ(InChild([&] { return SetLock(fd, F_WRLCK, 0, 0) == -1 ? 0 : 1; }), 0);
}

TEST_F(RecordLock, NeedsTheAccessMode) {
  Put("f");
  Fd reader(open("f", O_RDONLY)), writer(open("f", O_WRONLY));
  FAILS(EBADF, SetLock(reader, F_WRLCK, 0, 1));
  FAILS(EBADF, SetLock(writer, F_RDLCK, 0, 1));
  WORKS(SetLock(reader, F_RDLCK, 0, 1));
  FAILS(EINVAL, SetLock(reader, F_RDLCK, -5, 1));
}

TEST_F(RecordLock, WaitsForTheHolderAndThenHolds) {
  Put("f");
  int ready[2], go[2];
  MUST_WORK(pipe(ready));
  MUST_WORK(pipe(go));
  const pid_t holder = fork();
  if (holder == 0) {
    Fd fd(open("f", O_RDWR));
    char byte = 0;
    if (SetLock(fd, F_WRLCK, 0, 0) != 0 || write(ready[1], "l", 1) != 1) _exit(1);
    _exit(read(go[0], &byte, 1) == 1 ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  Fd fd(open("f", O_RDWR));
  FAILS(EAGAIN, SetLock(fd, F_WRLCK, 0, 0));
  EXPECT_EQ(write(go[1], "g", 1), 1);
  WORKS(SetLock(fd, F_WRLCK, 0, 0, F_SETLKW));
  EXPECT_EQ(Lockable(F_RDLCK, 0, 1), "EAGAIN");
  int status = 1;
  waitpid(holder, &status, 0);
  EXPECT_EQ(status, 0);
  for (const int end : {ready[0], ready[1], go[0], go[1]}) close(end);
}

TEST_F(RecordLock, OpenFileDescriptionLocksConflictWithinAProcess) {
  Put("f");
  Fd one(open("f", O_RDWR)), two(open("f", O_RDWR));
  WORKS(SetLock(one, F_WRLCK, 0, 10, F_OFD_SETLK));
  FAILS(EAGAIN, SetLock(two, F_WRLCK, 5, 10, F_OFD_SETLK));
  WORKS(SetLock(two, F_WRLCK, 10, 10, F_OFD_SETLK));
  one.Close();
  WORKS(SetLock(two, F_WRLCK, 0, 10, F_OFD_SETLK));
}

TEST_F(RecordLock, AndFlockDoNotMeet) {
  Put("f");
  Fd fd(open("f", O_RDWR));
  WORKS(flock(fd, LOCK_EX));
  EXPECT_EQ(Lockable(F_WRLCK, 0, 0), "success");
}

}  // namespace
}  // namespace metaring::posix
