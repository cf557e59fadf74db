// SPDX-License-Identifier: Apache-2.0
//
// truncate(2), ftruncate(2).
#include <sys/resource.h>

#include <climits>
#include <csignal>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Truncate : public Posix {};

std::string Pattern(size_t length) {
  std::string out(length, '\0');
  for (size_t i = 0; i < length; ++i) out[i] = static_cast<char>(1 + (i * 7 + i / 251) % 255);
  return out;
}

// Around the page, the small-content limit and the block of common filesystems.
constexpr off_t kSizes[] = {0,    1,      511,    4095,   4096,    4097,
                            8191, 65'535, 65'536, 65'537, 131'072, 200'001};

TEST_F(Truncate, FromEverySizeToEverySize) {
  const std::string pattern = Pattern(200'001);
  for (const off_t from : kSizes) {
    for (const off_t to : kSizes) {
      Put("f", pattern.substr(0, from));
      MUST_WORK(truncate("f", to));
      std::string expected = pattern.substr(0, from);
      expected.resize(to, '\0');
      EXPECT_EQ(Lstat("f").st_size, to);
      EXPECT_TRUE(Get("f") == expected) << from << " to " << to;
    }
  }
}

TEST_F(Truncate, ShrinkThenGrowReadsZeros) {
  const std::string pattern = Pattern(200'001);
  for (const off_t keep : kSizes) {
    Fd fd(open("f", O_CREAT | O_RDWR | O_TRUNC, 0644));
    ASSERT_EQ(write(fd, pattern.data(), pattern.size()), static_cast<ssize_t>(pattern.size()));
    MUST_WORK(ftruncate(fd, keep));
    MUST_WORK(ftruncate(fd, pattern.size()));
    std::string expected = pattern.substr(0, keep);
    expected.resize(pattern.size(), '\0');
    EXPECT_TRUE(GetAt(fd, 0, pattern.size()) == expected) << keep;
    WORKS(fsync(fd));
    EXPECT_TRUE(Get("f") == expected) << keep;
  }
}

TEST_F(Truncate, ShrinkThenWritePastTheEndReadsZerosBetween) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  const std::string pattern = Pattern(100'000);
  ASSERT_EQ(write(fd, pattern.data(), pattern.size()), 100'000);
  WORKS(fsync(fd));
  MUST_WORK(ftruncate(fd, 10));
  EXPECT_EQ(pwrite(fd, "end", 3, 90'000), 3);
  EXPECT_EQ(GetAt(fd, 0, 200'000), pattern.substr(0, 10) + std::string(89'990, '\0') + "end");
}

TEST_F(Truncate, GrowingAllocatesNothing) {
  Put("f");
  MUST_WORK(truncate("f", off_t{1} << 33));
  EXPECT_EQ(Lstat("f").st_size, off_t{1} << 33);
  EXPECT_LE(Lstat("f").st_blocks, 16);
  Fd fd(open("f", O_RDONLY));
  EXPECT_EQ(GetAt(fd, (off_t{1} << 33) - 10, 100), std::string(10, '\0'));
}

TEST_F(Truncate, ShrinkingFreesBlocks) {
  Put("f", Pattern(1 << 20));
  Fd fd(open("f", O_RDWR));
  WORKS(fsync(fd));
  EXPECT_GE(Fstat(fd).st_blocks, 2048);
  WORKS(ftruncate(fd, 0));
  EXPECT_EQ(Fstat(fd).st_blocks, 0);
}

TEST_F(Truncate, MarksMtimeAndCtimeWhenTheSizeChanges) {
  Put("f", "hello");
  for (const off_t size : {2, 100, 0}) {
    const Watch file("f"), parent(".");
    MUST_WORK(truncate("f", size));
    file.Expect(kMtime | kCtime, "truncate");
    parent.Expect(kNone);
  }
  Fd fd(open("f", O_WRONLY));
  const Watch file("f");
  MUST_WORK(ftruncate(fd, 7));
  file.Expect(kMtime | kCtime, "ftruncate");
}

TEST_F(Truncate, FtruncateToTheSameSizeMarksTheTimes) {
  Put("f", "hello");
  Fd fd(open("f", O_WRONLY));
  const Watch file("f");
  MUST_WORK(ftruncate(fd, 5));
  file.Expect(kMtime | kCtime);
}

TEST_F(Truncate, LeavesTheDescriptorsOffset) {
  Put("f", "hello");
  Fd fd(open("f", O_RDWR));
  ASSERT_EQ(lseek(fd, 4, SEEK_SET), 4);
  MUST_WORK(ftruncate(fd, 0));
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
  EXPECT_EQ(write(fd, "x", 1), 1);
  EXPECT_EQ(Get("f"), std::string("\0\0\0\0x", 5));
}

TEST_F(Truncate, RefusesWhatIsNotARegularFile) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(mkfifo("p", 0644));
  FAILS(EISDIR, truncate("d", 0));
  FAILS(EINVAL, truncate("p", 0));
  Fd directory(open("d", O_RDONLY));
  FAILS(EINVAL, ftruncate(directory, 0));
  int pipe_ends[2];
  MUST_WORK(pipe(pipe_ends));
  FAILS(EINVAL, ftruncate(pipe_ends[1], 0));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_F(Truncate, RefusesNegativeAndAbsurdLengths) {
  Put("f", "hello");
  Fd fd(open("f", O_RDWR));
  FAILS(EINVAL, truncate("f", -1));
  FAILS(EINVAL, ftruncate(fd, -1));
  FAILS(EINVAL, truncate("f", LONG_MIN));
  FAILS(EFBIG, truncate("f", LONG_MAX));
  FAILS(EFBIG, ftruncate(fd, LONG_MAX));
  EXPECT_EQ(Get("f"), "hello");
}

TEST_F(Truncate, FailsOnMissingNames) {
  Put("f");
  FAILS(ENOENT, truncate("missing", 0));
  FAILS(ENOENT, truncate("", 0));
  FAILS(ENOTDIR, truncate("f/x", 0));
  FAILS(EBADF, ftruncate(-1, 0));
}

TEST_F(Truncate, NeedsWritePermission) {
  NEEDS_ROOT();
  Put("f", "hello", 0444);
  FAILS(EACCES, As(kAlice, [] { return truncate("f", 0); }));
  MUST_WORK(mkdir("d", 0700));
  Put("d/f", "", 0666);
  FAILS(EACCES, As(kAlice, [] { return truncate("d/f", 0); }));
  MUST_WORK(chmod("f", 0222));
  WORKS(As(kAlice, [] { return truncate("f", 2); }));
  EXPECT_EQ(Get("f"), "he");
}

TEST_F(Truncate, FollowsSymlinks) {
  Put("f", "hello");
  MUST_WORK(symlink("f", "l"));
  WORKS(truncate("l", 1));
  EXPECT_EQ(Get("f"), "h");
}

TEST_F(Truncate, RespectsTheProcessLimit) {
  Put("f", "hello");
  EXPECT_EQ(InChild([] {
              signal(SIGXFSZ, SIG_IGN);
              const rlimit limit = {100, 100};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
              if (truncate("f", 101) != -1 || errno != EFBIG) return 2;
              if (truncate("f", 100) != 0) return 3;
              Fd fd(open("f", O_WRONLY));
              if (pwrite(fd, "xx", 2, 99) != 1) return 4;
              return pwrite(fd, "x", 1, 100) == -1 && errno == EFBIG ? 0 : 5;
            }),
            0);
  EXPECT_EQ(Lstat("f").st_size, 100);
}

TEST_F(Truncate, IsSeenByOtherDescriptorsAtOnce) {
  Put("f", Pattern(100'000));
  Fd one(open("f", O_RDWR)), two(open("f", O_RDONLY));
  EXPECT_EQ(GetAt(two, 0, 100'000).size(), 100'000u);
  MUST_WORK(ftruncate(one, 50));
  EXPECT_EQ(Fstat(two).st_size, 50);
  EXPECT_EQ(GetAt(two, 0, 100'000).size(), 50u);
  MUST_WORK(truncate("f", 10));
  EXPECT_EQ(Fstat(one).st_size, 10);
}

}  // namespace
}  // namespace metaring::posix
