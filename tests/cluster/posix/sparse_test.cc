// SPDX-License-Identifier: Apache-2.0
//
// Holes: lseek(2) SEEK_HOLE and SEEK_DATA, fallocate(2), posix_fallocate(3), copy_file_range(2),
// sendfile(2).
#include <sys/sendfile.h>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

constexpr off_t kMiB = 1 << 20;

class Sparse : public Posix {};
class Fallocate : public Posix {};
class CopyRange : public Posix {};

// For operations that a filesystem may refuse as a whole.
#define WORKS_IF_SUPPORTED(...)                                         \
  {                                                                     \
    const std::string outcome = OutcomeOf(__VA_ARGS__);                 \
    if (outcome == "EOPNOTSUPP") GTEST_SKIP() << "EOPNOTSUPP is given"; \
    ASSERT_EQ(outcome, "success") << #__VA_ARGS__;                      \
  }

TEST_F(Sparse, HolesReadAsZerosAndTakeNoSpace) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(pwrite(fd, "begin", 5, 0), 5);
  EXPECT_EQ(pwrite(fd, "end", 3, 64 * kMiB), 3);
  WORKS(fsync(fd));
  EXPECT_EQ(Fstat(fd).st_size, 64 * kMiB + 3);
  EXPECT_LT(Fstat(fd).st_blocks * 512, kMiB);
  EXPECT_EQ(GetAt(fd, 5, 100'000), std::string(100'000, '\0'));
  EXPECT_EQ(GetAt(fd, 64 * kMiB - 5, 100), std::string(5, '\0') + "end");
}

TEST_F(Sparse, SeekFindsDataAndHoles) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  const std::string data(kMiB, 'd');
  ASSERT_EQ(pwrite(fd, data.data(), kMiB, 4 * kMiB), kMiB);
  ASSERT_EQ(pwrite(fd, data.data(), kMiB, 16 * kMiB), kMiB);
  MUST_WORK(ftruncate(fd, 32 * kMiB));
  for (int synced = 0; synced < 2; ++synced) {
    EXPECT_EQ(lseek(fd, 0, SEEK_HOLE), 0);
    EXPECT_EQ(lseek(fd, 0, SEEK_DATA), 4 * kMiB);
    EXPECT_EQ(lseek(fd, 4 * kMiB + 5, SEEK_DATA), 4 * kMiB + 5);
    EXPECT_EQ(lseek(fd, 4 * kMiB, SEEK_HOLE), 5 * kMiB);
    EXPECT_EQ(lseek(fd, 5 * kMiB, SEEK_DATA), 16 * kMiB);
    EXPECT_EQ(lseek(fd, 16 * kMiB, SEEK_HOLE), 17 * kMiB);
    EXPECT_EQ(lseek(fd, 20 * kMiB, SEEK_HOLE), 20 * kMiB);
    FAILS(ENXIO, lseek(fd, 17 * kMiB, SEEK_DATA));
    WORKS(fsync(fd));
  }
}

TEST_F(Sparse, SeekAtAndPastTheEnd) {
  Put("f", "hello");
  Fd fd(open("f", O_RDONLY));
  EXPECT_EQ(lseek(fd, 0, SEEK_DATA), 0);
  EXPECT_EQ(lseek(fd, 2, SEEK_HOLE), 5);
  FAILS(ENXIO, lseek(fd, 5, SEEK_DATA));
  FAILS(ENXIO, lseek(fd, 5, SEEK_HOLE));
  FAILS(ENXIO, lseek(fd, 100, SEEK_DATA));
  FAILS(ENXIO, lseek(fd, -1, SEEK_HOLE));
  Put("empty");
  Fd empty(open("empty", O_RDONLY));
  FAILS(ENXIO, lseek(empty, 0, SEEK_DATA));
  FAILS(ENXIO, lseek(empty, 0, SEEK_HOLE));
}

TEST_F(Fallocate, GrowsTheFileWithZeros) {
  Put("f", "hello");
  Fd fd(open("f", O_RDWR));
  WORKS_IF_SUPPORTED(fallocate(fd, 0, 0, 100'000));
  EXPECT_EQ(Fstat(fd).st_size, 100'000);
  EXPECT_EQ(GetAt(fd, 0, 10), std::string("hello\0\0\0\0\0", 10));
  EXPECT_EQ(GetAt(fd, 99'990, 100), std::string(10, '\0'));
  WORKS(fallocate(fd, 0, 0, 50));
  EXPECT_EQ(Fstat(fd).st_size, 100'000);
}

TEST_F(Fallocate, KeepSizeKeepsTheSize) {
  Put("f", "hello");
  Fd fd(open("f", O_RDWR));
  WORKS_IF_SUPPORTED(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * kMiB));
  EXPECT_EQ(Fstat(fd).st_size, 5);
  EXPECT_EQ(Get("f"), "hello");
}

TEST_F(Fallocate, MarksTheTimesWhenItGrows) {
  Put("f", "hello");
  Fd fd(open("f", O_RDWR));
  const Watch file("f");
  WORKS_IF_SUPPORTED(fallocate(fd, 0, 0, 100));
  file.Expect(kMtime | kCtime);
}

TEST_F(Fallocate, PunchedHolesReadAsZerosAndFreeSpace) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  const std::string data(8 * kMiB, 'd');
  ASSERT_EQ(write(fd, data.data(), data.size()), 8 * kMiB);
  WORKS(fsync(fd));
  const blkcnt_t before = Fstat(fd).st_blocks;
  WORKS_IF_SUPPORTED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * kMiB, 4 * kMiB));
  EXPECT_EQ(Fstat(fd).st_size, 8 * kMiB);
  std::string expected = data;
  expected.replace(2 * kMiB, 4 * kMiB, 4 * kMiB, '\0');
  EXPECT_TRUE(GetAt(fd, 0, 9 * kMiB) == expected);
  WORKS(fsync(fd));
  EXPECT_LE(Fstat(fd).st_blocks, before - 4 * kMiB / 512);
  EXPECT_EQ(lseek(fd, 2 * kMiB, SEEK_DATA), 6 * kMiB);
}

TEST_F(Fallocate, PunchingPartsOfBlocksZeroesExactlyThem) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  std::string model(300'000, 'p');
  ASSERT_EQ(write(fd, model.data(), model.size()), 300'000);
  const std::pair<off_t, off_t> ranges[] = {
      {10, 20}, {4090, 10}, {60'000, 100'001}, {131'072, 65'536}, {299'990, 100'000}};
  for (const auto& [offset, length] : ranges) {
    WORKS_IF_SUPPORTED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
    for (off_t i = offset; i < offset + length && i < 300'000; ++i) model[i] = '\0';
    EXPECT_TRUE(GetAt(fd, 0, 400'000) == model) << offset;
  }
  EXPECT_EQ(Fstat(fd).st_size, 300'000);
}

TEST_F(Fallocate, ZeroRangeZeroesAndMayGrow) {
  Put("f", std::string(100'000, 'z'));
  Fd fd(open("f", O_RDWR));
  WORKS_IF_SUPPORTED(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 50'000, 100'000));
  EXPECT_EQ(Fstat(fd).st_size, 100'000);
  EXPECT_EQ(GetAt(fd, 49'999, 2), std::string("z\0", 2));
  WORKS(fallocate(fd, FALLOC_FL_ZERO_RANGE, 90'000, 60'000));
  EXPECT_EQ(Fstat(fd).st_size, 150'000);
  EXPECT_EQ(GetAt(fd, 50'000, 200'000), std::string(100'000, '\0'));
}

TEST_F(Fallocate, RefusesBadArguments) {
  Put("f", "hello");
  MUST_WORK(mkfifo("p", 0644));
  Fd fd(open("f", O_RDWR)), reader(open("f", O_RDONLY)), fifo(open("p", O_RDWR));
  FAILS(EINVAL, fallocate(fd, 0, -1, 10));
  FAILS(EINVAL, fallocate(fd, 0, 0, 0));
  FAILS(EINVAL, fallocate(fd, 0, 0, -5));
  FAILS(EBADF, fallocate(reader, 0, 0, 10));
  FAILS(ESPIPE, fallocate(fifo, 0, 0, 10));
  FAILS(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
  FAILS(EFBIG, fallocate(fd, 0, INT64_MAX - 10, 100));
  EXPECT_EQ(Get("f"), "hello");
}

TEST_F(Fallocate, PosixFallocateMakesWritableSpace) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(posix_fallocate(fd, 1000, 200'000), 0);
  EXPECT_EQ(Fstat(fd).st_size, 201'000);
  EXPECT_EQ(pwrite(fd, "in", 2, 100'000), 2);
  EXPECT_EQ(posix_fallocate(fd, 0, 201'000), 0);
  EXPECT_EQ(GetAt(fd, 99'999, 4), std::string("\0in\0", 4));
}

TEST_F(CopyRange, CopiesBetweenFilesAndMovesBothOffsets) {
  std::string content;
  for (int i = 0; i < 50'000; ++i) content += std::to_string(i);
  Put("from", content);
  Fd in(open("from", O_RDONLY)), out(open("to", O_CREAT | O_RDWR, 0644));
  size_t copied = 0;
  while (copied < content.size()) {
    const ssize_t n = copy_file_range(in, nullptr, out, nullptr, content.size() - copied, 0);
    WORKS(n);
    if (n <= 0) break;
    copied += n;
  }
  EXPECT_EQ(lseek(in, 0, SEEK_CUR), static_cast<off_t>(content.size()));
  EXPECT_EQ(lseek(out, 0, SEEK_CUR), static_cast<off_t>(content.size()));
  EXPECT_TRUE(Get("to") == content);
  EXPECT_EQ(copy_file_range(in, nullptr, out, nullptr, 10, 0), 0);
}

TEST_F(CopyRange, TakesOffsetsAndCopiesUnsyncedContent) {
  Fd in(open("from", O_CREAT | O_RDWR, 0644)), out(open("to", O_CREAT | O_RDWR, 0644));
  ASSERT_EQ(write(in, "0123456789", 10), 10);
  ASSERT_EQ(write(out, "abcdefghij", 10), 10);
  off_t from = 2, to = 5;
  EXPECT_EQ(copy_file_range(in, &from, out, &to, 3, 0), 3);
  EXPECT_EQ(from, 5);
  EXPECT_EQ(to, 8);
  EXPECT_EQ(GetAt(out, 0, 20), "abcde234ij");
  EXPECT_EQ(Get("to"), "abcde234ij");
}

TEST_F(CopyRange, WithinOneFileRefusesOverlap) {
  Put("f", std::string(100'000, 'a'));
  Fd fd(open("f", O_RDWR));
  off_t from = 0, to = 50'000;
  FAILS(EINVAL, copy_file_range(fd, &from, fd, &to, 60'000, 0));
  EXPECT_EQ(pwrite(fd, "mark", 4, 0), 4);
  EXPECT_EQ(copy_file_range(fd, &from, fd, &to, 1000, 0), 1000);
  EXPECT_EQ(GetAt(fd, 50'000, 5), "marka");
}

TEST_F(CopyRange, RefusesBadArguments) {
  Put("f", "x");
  MUST_WORK(mkdir("d", 0755));
  Fd fd(open("f", O_RDWR)), reader(open("f", O_RDONLY)), directory(open("d", O_RDONLY));
  Fd append(open("f", O_RDWR | O_APPEND));
  FAILS(EBADF, copy_file_range(fd, nullptr, reader, nullptr, 1, 0));
  FAILS(EBADF, copy_file_range(fd, nullptr, append, nullptr, 1, 0));
  FAILS(EISDIR, copy_file_range(directory, nullptr, fd, nullptr, 1, 0));
  FAILS(EINVAL, copy_file_range(reader, nullptr, fd, nullptr, 1, 1));
}

TEST_F(CopyRange, MarksTheTimesOfTheTarget) {
  Put("from", "content");
  Put("to", "");
  Fd in(open("from", O_RDONLY)), out(open("to", O_WRONLY));
  const Watch target("to");
  EXPECT_EQ(copy_file_range(in, nullptr, out, nullptr, 7, 0), 7);
  target.Expect(kMtime | kCtime);
  EXPECT_EQ(Get("to"), "content");
}

TEST_F(CopyRange, SendfileReadsAndWrites) {
  Put("from", std::string(200'000, 's'));
  Fd in(open("from", O_RDONLY)), out(open("to", O_CREAT | O_RDWR, 0644));
  off_t offset = 100;
  while (offset < 200'000) {
    const ssize_t n = sendfile(out, in, &offset, 200'000);
    WORKS(n);
    if (n <= 0) break;
  }
  EXPECT_EQ(Get("to"), std::string(199'900, 's'));
}

}  // namespace
}  // namespace metaring::posix
