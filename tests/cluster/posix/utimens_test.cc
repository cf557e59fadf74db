// SPDX-License-Identifier: Apache-2.0
//
// utimensat(2), futimens(3): nanoseconds, UTIME_NOW, UTIME_OMIT, distant times, who may.
#include <ctime>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Utimens : public Posix {};

constexpr timespec kNow = {0, UTIME_NOW};
constexpr timespec kOmit = {0, UTIME_OMIT};

int Set(const char* path, timespec atime, timespec mtime, int flags = 0) {
  const timespec times[2] = {atime, mtime};
  return utimensat(AT_FDCWD, path, times, flags);
}

void ExpectTimes(const char* path, timespec atime, timespec mtime) {
  const struct stat st = Lstat(path);
  EXPECT_EQ(st.st_atim.tv_sec, atime.tv_sec);
  EXPECT_EQ(st.st_atim.tv_nsec, atime.tv_nsec);
  EXPECT_EQ(st.st_mtim.tv_sec, mtime.tv_sec);
  EXPECT_EQ(st.st_mtim.tv_nsec, mtime.tv_nsec);
}

TEST_F(Utimens, KeepsNanosecondsOnEveryKind) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    SCOPED_TRACE(NameOf(kind));
    MakeKind(kind, NameOf(kind));
    const timespec atime = {1'000'000'000, 123'456'789}, mtime = {1'700'000'001, 999'999'999};
    WORKS(Set(NameOf(kind), atime, mtime, AT_SYMLINK_NOFOLLOW));
    ExpectTimes(NameOf(kind), atime, mtime);
  }
}

TEST_F(Utimens, TakesTimesBefore1970) {
  Put("f");
  for (const timespec time : {timespec{0, 0},
                              {0, 1},
                              {-1, 0},
                              {-1, 999'999'999},
                              {-1, 1},
                              {-86'400 * 365, 500'000'000},
                              {-2'147'483'648, 0}}) {
    WORKS(Set("f", time, time));
    ExpectTimes("f", time, time);
  }
}

TEST_F(Utimens, TakesTimesAfter2038) {
  Put("f");
  for (const timespec time : {timespec{2'147'483'647, 999'999'999},
                              {2'147'483'648, 0},
                              {4'294'967'295, 1},
                              {4'294'967'296, 2}}) {
    WORKS(Set("f", time, time));
    ExpectTimes("f", time, time);
  }
}

TEST_F(Utimens, TakesAnyTimeOfSixtyFourBits) {
  NEEDS_FEATURE("far_times");
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  constexpr time_t kYear2500 = 16'725'225'600, kYear1600 = -11'676'096'000;
  for (const timespec time : {timespec{kYear2500, 123'456'789}, {kYear1600, 1}}) {
    for (const char* path : {"f", "d"}) {
      WORKS(Set(path, time, time));
      ExpectTimes(path, time, time);
    }
  }
}

TEST_F(Utimens, OmitKeepsATime) {
  Put("f");
  const timespec a = {100, 1}, b = {200, 2}, c = {300, 3};
  MUST_WORK(Set("f", a, b));
  WORKS(Set("f", kOmit, c));
  ExpectTimes("f", a, c);
  WORKS(Set("f", b, kOmit));
  ExpectTimes("f", b, c);
  const Watch file("f");
  WORKS(Set("f", kOmit, kOmit));
  file.Expect(kNone);
}

TEST_F(Utimens, NowTakesTheClock) {
  Put("f");
  MUST_WORK(Set("f", {100, 0}, {200, 0}));
  timespec before = {}, after = {};
  clock_gettime(CLOCK_REALTIME_COARSE, &before);
  WORKS(Set("f", kNow, kOmit));
  clock_gettime(CLOCK_REALTIME, &after);
  const struct stat one = Lstat("f");
  EXPECT_FALSE(one.st_atim < before);
  EXPECT_FALSE(after < one.st_atim);
  EXPECT_EQ(one.st_mtim.tv_sec, 200);
  WORKS(utimensat(AT_FDCWD, "f", nullptr, 0));
  const struct stat both = Lstat("f");
  EXPECT_FALSE(both.st_atim < before);
  EXPECT_TRUE(both.st_atim == both.st_mtim);
}

TEST_F(Utimens, MarksCtime) {
  Put("f");
  MUST_WORK(Set("f", {100, 0}, {200, 0}));
  const Watch file("f"), parent(".");
  MUST_WORK(Set("f", {100, 0}, {200, 0}));
  file.Expect(kCtime);
  parent.Expect(kNone);
}

TEST_F(Utimens, ThroughADescriptorIsSeenByPath) {
  Put("f", "x");
  Fd reader(open("f", O_RDONLY)), writer(open("f", O_RDWR));
  const timespec times[2] = {{5, 6}, {7, 8}}, others[2] = {{9, 10}, {11, 12}};
  WORKS(futimens(reader, times));
  ExpectTimes("f", times[0], times[1]);
  EXPECT_EQ(pwrite(writer, "yz", 2, 0), 2);
  WORKS(futimens(writer, others));
  ExpectTimes("f", others[0], others[1]);
  WORKS(fsync(writer));
  ExpectTimes("f", others[0], others[1]);
  writer.Close();
  ExpectTimes("f", others[0], others[1]);
}

TEST_F(Utimens, NofollowSetsTheSymlink) {
  Put("f");
  MUST_WORK(symlink("f", "l"));
  MUST_WORK(Set("f", {1, 1}, {2, 2}));
  WORKS(Set("l", {30, 3}, {40, 4}, AT_SYMLINK_NOFOLLOW));
  ExpectTimes("f", {1, 1}, {2, 2});
  ExpectTimes("l", {30, 3}, {40, 4});
  WORKS(Set("l", {5, 5}, {6, 6}));
  ExpectTimes("f", {5, 5}, {6, 6});
}

TEST_F(Utimens, RefusesBadNanosecondsAndFlags) {
  Put("f");
  const Watch file("f");
  FAILS(EINVAL, Set("f", {0, 1'000'000'000}, {0, 0}));
  FAILS(EINVAL, Set("f", {0, 0}, {0, -1}));
  FAILS(EINVAL, Set("f", {0, 0}, {0, 0}, 0x4000));
  file.Expect(kNone);
}

TEST_F(Utimens, FailsOnMissingNames) {
  Put("f");
  FAILS(ENOENT, Set("missing", kNow, kNow));
  FAILS(ENOTDIR, Set("f/x", kNow, kNow));
  const timespec times[2] = {kNow, kNow};
  FAILS(EBADF, futimens(-1, times));
}

TEST_F(Utimens, NowNeedsOwnershipOrWritePermission) {
  NEEDS_ROOT();
  Put("f", "", 0644);
  MUST_WORK(chown("f", kBob.uid, kBob.gid));
  FAILS(EACCES, As(kAlice, [] { return utimensat(AT_FDCWD, "f", nullptr, 0); }));
  FAILS(EACCES, As(kAlice, [] { return Set("f", kNow, kNow); }));
  WORKS(As(kBob, [] { return Set("f", kNow, kNow); }));
  MUST_WORK(chmod("f", 0666));
  WORKS(As(kAlice, [] { return utimensat(AT_FDCWD, "f", nullptr, 0); }));
  WORKS(As(kAlice, [] { return Set("f", kNow, kNow); }));
  MUST_WORK(chmod("f", 0));
  WORKS(As(kBob, [] { return Set("f", kNow, kNow); }));
}

TEST_F(Utimens, ChosenTimesNeedOwnership) {
  NEEDS_ROOT();
  Put("f", "", 0666);
  MUST_WORK(chown("f", kBob.uid, kBob.gid));
  FAILS(EPERM, As(kAlice, [] { return Set("f", {1, 0}, {2, 0}); }));
  FAILS(EPERM, As(kAlice, [] { return Set("f", kNow, {2, 0}); }));
  FAILS(EPERM, As(kAlice, [] { return Set("f", kNow, kOmit); }));
  FAILS(EPERM, As(kAlice, [] { return Set("f", kOmit, kNow); }));
  WORKS(As(kAlice, [] { return Set("f", kOmit, kOmit); }));
  MUST_WORK(chmod("f", 0));
  WORKS(As(kBob, [] { return Set("f", {1, 0}, {2, 0}); }));
  ExpectTimes("f", {1, 0}, {2, 0});
}

TEST_F(Utimens, OnADirectorySurvivesChangesElsewhere) {
  MUST_WORK(mkdir("d", 0755));
  Put("d/f");
  const timespec a = {1000, 10}, m = {2000, 20};
  MUST_WORK(Set("d", a, m));
  ExpectTimes("d", a, m);
  Put("d/f", "changed content");
  MUST_WORK(chmod("d/f", 0600));
  ExpectTimes("d", a, m);
  Put("d/g");
  EXPECT_GT(Lstat("d").st_mtim.tv_sec, 2000);
  MUST_WORK(Set("d", a, m));  // back again, as tar does when it leaves a directory
  ExpectTimes("d", a, m);
}

}  // namespace
}  // namespace metaring::posix
