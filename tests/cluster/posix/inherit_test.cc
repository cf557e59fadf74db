// SPDX-License-Identifier: Apache-2.0
//
// What a new object takes from its directory (setgid) and what content changes take from a file
// (setuid, setgid); what the umask takes from both.
#include <sys/wait.h>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Inherit : public Posix {};
class Privilege : public Posix {};

TEST_F(Inherit, ASetgidDirectoryGivesItsGroupToEveryKind) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0777));
  MUST_WORK(chown("d", kBob.uid, kBob.gid));
  MUST_WORK(chmod("d", 02777));
  for (const Kind kind : kAllKinds) {
    const std::string path = std::string("d/") + NameOf(kind);
    MakeKind(kind, path);
    EXPECT_EQ(Lstat(path).st_gid, kBob.gid) << NameOf(kind);
    EXPECT_EQ(Lstat(path).st_uid, 0u);
  }
  EXPECT_EQ(ModeOf("d/directory"), 02644u);
  EXPECT_EQ(ModeOf("d/file"), 0644u);
  MUST_WORK(mkdir("d/directory/sub", 0755));
  EXPECT_EQ(ModeOf("d/directory/sub"), 02755u);
  EXPECT_EQ(Lstat("d/directory/sub").st_gid, kBob.gid);
}

TEST_F(Inherit, WithoutSetgidTheCreatorsGroupCounts) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0777));
  MUST_WORK(chown("d", kBob.uid, kBob.gid));
  WORKS(As(kAlice, [] { return mkdir("d/e", 0755); }));
  WORKS(As(kAlice, [] { return open("d/f", O_CREAT | O_WRONLY, 0644); }));
  EXPECT_EQ(Lstat("d/e").st_gid, kAlice.gid);
  EXPECT_EQ(Lstat("d/f").st_gid, kAlice.gid);
  EXPECT_EQ(ModeOf("d/e"), 0755u);
}

TEST_F(Inherit, AStrangerInASetgidDirectoryGetsTheGroupToo) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0777));
  MUST_WORK(chown("d", kBob.uid, kBob.gid));
  MUST_WORK(chmod("d", 02777));
  WORKS(As(kAlice, [] { return open("d/f", O_CREAT | O_WRONLY, 0644); }));
  WORKS(As(kAlice, [] { return mkdir("d/e", 0700); }));
  EXPECT_EQ(Lstat("d/f").st_uid, kAlice.uid);
  EXPECT_EQ(Lstat("d/f").st_gid, kBob.gid);
  EXPECT_EQ(ModeOf("d/e"), 02700u);
}

TEST_F(Inherit, AStrangerCannotMakeASetgidProgramOfThatGroup) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0777));
  MUST_WORK(chown("d", kBob.uid, kBob.gid));
  MUST_WORK(chmod("d", 02777));
  WORKS(As(kAlice, [] { return open("d/f", O_CREAT | O_WRONLY, 02775); }));
  EXPECT_EQ(ModeOf("d/f"), 0775u);
  WORKS(As(kAliceInBobsGroup, [] { return open("d/g", O_CREAT | O_WRONLY, 02775); }));
  EXPECT_EQ(ModeOf("d/g"), 02775u);
}

TEST_F(Inherit, RenameKeepsTheGroup) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0777));
  MUST_WORK(chown("d", kBob.uid, kBob.gid));
  MUST_WORK(chmod("d", 02777));
  Put("f");
  MUST_WORK(rename("f", "d/f"));
  EXPECT_EQ(Lstat("d/f").st_gid, 0u);
}

TEST_F(Inherit, TheUmaskTakesBitsFromEveryKindButSymlinks) {
  NEEDS_ROOT();
  umask(0137);
  for (const Kind kind : kAllKinds) {
    if (kind == Kind::kSymlink) continue;
    MakeKind(kind, NameOf(kind), 0777);
    EXPECT_EQ(ModeOf(NameOf(kind)), 0640u) << NameOf(kind);
  }
  umask(0777);
  Fd fd(open("none", O_CREAT | O_WRONLY, 0777));
  EXPECT_EQ(ModeOf("none"), 0u);
}

// Each way to change content, as a call on the file "f".
struct Change {
  const char* what;
  long (*change)();
};
const Change kChanges[] = {
    {"write",
     []() -> long {
       Fd fd(open("f", O_WRONLY));
       return write(fd, "x", 1) == 1 ? 0 : -1;
     }},
    {"append",
     []() -> long {
       Fd fd(open("f", O_WRONLY | O_APPEND));
       return write(fd, "x", 1) == 1 ? 0 : -1;
     }},
    {"truncate", []() -> long { return truncate("f", 1); }},
    {"ftruncate",
     []() -> long {
       Fd fd(open("f", O_WRONLY));
       return ftruncate(fd, 2);
     }},
    {"O_TRUNC",
     []() -> long {
       Fd fd(open("f", O_WRONLY | O_TRUNC));
       return fd;
     }},
};

TEST_F(Privilege, AnUnprivilegedContentChangeClearsSetuidAndSetgid) {
  NEEDS_ROOT();
  for (const Change& change : kChanges) {
    for (const User& user : {kAlice, kBob}) {
      Put("f", "content");
      MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
      MUST_WORK(chmod("f", 06777));
      const std::string what = std::string(change.what) + " by " + std::to_string(user.uid);
      WORKS(As(user, change.change)) << what;
      EXPECT_EQ(ModeOf("f"), 0777u) << what;
    }
  }
}

TEST_F(Privilege, AContentChangeByRootKeepsThem) {
  NEEDS_ROOT();
  for (const Change& change : kChanges) {
    Put("f", "content");
    MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
    MUST_WORK(chmod("f", 06777));
    WORKS(change.change());
    EXPECT_EQ(ModeOf("f"), 06777u) << change.what;
  }
}

TEST_F(Privilege, SetuidGoesAndSetgidWithoutGroupExecuteStays) {
  NEEDS_ROOT();
  Put("f", "content");
  MUST_WORK(chown("f", kAliceInBobsGroup.uid, kBob.gid));
  MUST_WORK(chmod("f", 06766));
  WORKS(As(kAliceInBobsGroup, kChanges[0].change));
  EXPECT_EQ(ModeOf("f"), 02766u);
}

TEST_F(Privilege, ReadingClearsNothing) {
  NEEDS_ROOT();
  Put("f", "content");
  MUST_WORK(chmod("f", 06777));
  WORKS(As(kAlice, []() -> long {
    Fd fd(open("f", O_RDWR));
    char byte = 0;
    return read(fd, &byte, 1) == 1 ? 0 : -1;
  }));
  EXPECT_EQ(ModeOf("f"), 06777u);
}

TEST_F(Privilege, ASetuidProgramRunsAsItsOwner) {
  NEEDS_ROOT();
  Put("p", Get("/usr/bin/id"), 0755);
  MUST_WORK(chown("p", kCarol.uid, kCarol.gid));
  MUST_WORK(chmod("p", 06755));
  int ends[2];
  MUST_WORK(pipe(ends));
  WORKS(As(kAlice, [&]() -> long {
    const pid_t pid = fork();
    if (pid == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execl("./p", "p", "-u", nullptr);
      _exit(1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return status == 0 ? 0 : -1;
  }));
  close(ends[1]);
  char buffer[64] = {};
  EXPECT_GT(read(ends[0], buffer, sizeof buffer - 1), 0);
  close(ends[0]);
  EXPECT_EQ(std::string(buffer), std::to_string(kCarol.uid) + "\n");
}

TEST_F(Privilege, ExecutionNeedsTheBit) {
  NEEDS_ROOT();
  Put("p", Get("/bin/true"), 0644);
  auto run = [] {
    execl("./p", "p", nullptr);
    return -1L;
  };
  FAILS(EACCES, As(kAlice, run));
  FAILS(EACCES, As(User{0, 0, {}}, run));
  MUST_WORK(chmod("p", 0711));
  WORKS(As(kAlice, run));
}

}  // namespace
}  // namespace metaring::posix
