// SPDX-License-Identifier: Apache-2.0
//
// read(2), write(2), pread(2), pwrite(2), lseek(2), O_APPEND, mmap(2), fsync(2), statvfs(3).
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <climits>
#include <random>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Io : public Posix {};
class Mmap : public Posix {};
class Sync : public Posix {};

TEST_F(Io, WhatIsWrittenIsRead) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(write(fd, "hello ", 6), 6);
  EXPECT_EQ(write(fd, "world", 5), 5);
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 11);
  EXPECT_EQ(lseek(fd, 6, SEEK_SET), 6);
  char buffer[16] = {};
  EXPECT_EQ(read(fd, buffer, sizeof buffer), 5);
  EXPECT_EQ(read(fd, buffer, sizeof buffer), 0);
  EXPECT_EQ(lseek(fd, -5, SEEK_END), 6);
  EXPECT_EQ(Get("f"), "hello world");
}

TEST_F(Io, PositionedCallsLeaveTheOffset) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(pwrite(fd, "abcdef", 6, 10), 6);
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
  char buffer[4];
  EXPECT_EQ(pread(fd, buffer, 4, 12), 4);
  EXPECT_EQ(std::string(buffer, 4), "cdef");
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
  EXPECT_EQ(pread(fd, buffer, 4, 16), 0);
  EXPECT_EQ(pread(fd, buffer, 4, off_t{1} << 40), 0);
  FAILS(EINVAL, pread(fd, buffer, 4, -1));
  FAILS(EINVAL, pwrite(fd, buffer, 4, -1));
  FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
  FAILS(EINVAL, lseek(fd, 0, 77));
}

TEST_F(Io, AppendsFromTwoDescriptorsAddUp) {
  Fd one(open("f", O_CREAT | O_WRONLY | O_APPEND, 0644)), two(open("f", O_WRONLY | O_APPEND));
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string record = "record " + std::to_string(i) + "\n";
    EXPECT_EQ(write(i % 2 == 0 ? one : two, record.data(), record.size()),
              static_cast<ssize_t>(record.size()));
    expected += record;
  }
  EXPECT_EQ(Get("f"), expected);
}

TEST_F(Io, AppendIgnoresTheOffset) {
  Put("f", "base");
  Fd fd(open("f", O_RDWR | O_APPEND));
  ASSERT_EQ(lseek(fd, 0, SEEK_SET), 0);
  EXPECT_EQ(write(fd, "+1", 2), 2);
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 6);
  MUST_WORK(truncate("f", 2));
  EXPECT_EQ(write(fd, "+2", 2), 2);
  EXPECT_EQ(Get("f"), "ba+2");
}

TEST_F(Io, AppendsFromProcessesAreNotTorn) {
  constexpr int kProcesses = 4, kRecords = 100, kBytes = 32;
  Put("f");
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    children.push_back(fork());
    if (children.back() == 0) {
      Fd fd(open("f", O_WRONLY | O_APPEND));
      const std::string record(kBytes, static_cast<char>('a' + p));
      for (int i = 0; i < kRecords; ++i) {
        if (write(fd, record.data(), kBytes) != kBytes) _exit(1);
      }
      _exit(0);
    }
  }
  for (const pid_t pid : children) {
    int status = 1;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  const std::string content = Get("f");
  ASSERT_EQ(content.size(), static_cast<size_t>(kProcesses * kRecords * kBytes));
  for (size_t at = 0; at < content.size(); at += kBytes) {
    EXPECT_EQ(content.substr(at, kBytes), std::string(kBytes, content[at])) << at;
  }
}

TEST_F(Io, RandomWritesMatchAModel) {
  constexpr size_t kSize = 500'000;
  std::mt19937 random(20'170);
  std::string model;
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  for (int i = 0; i < 300; ++i) {
    const size_t offset = random() % kSize, length = 1 + random() % (i % 10 == 0 ? 100'000 : 3000);
    if (i % 17 == 16) {
      MUST_WORK(ftruncate(fd, offset));
      model.resize(offset, '\0');
      continue;
    }
    const std::string data(length, static_cast<char>(random()));
    ASSERT_EQ(pwrite(fd, data.data(), length, offset), static_cast<ssize_t>(length));
    if (model.size() < offset + length) model.resize(offset + length, '\0');
    model.replace(offset, length, data);
    if (i % 50 == 49) {
      WORKS(i % 100 == 99 ? fsync(fd) : fdatasync(fd));
    }
    if (i % 20 == 0) {
      ASSERT_TRUE(GetAt(fd, 0, 2 * kSize) == model) << i;
    }
  }
  EXPECT_TRUE(GetAt(fd, 0, 2 * kSize) == model);
  fd.Close();
  EXPECT_TRUE(Get("f") == model);
}

TEST_F(Io, VectorsAreGatheredAndScattered) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  char a[] = "one", b[] = "two!", c[8] = {}, d[8] = {};
  const iovec out[2] = {{a, 3}, {b, 4}}, in[2] = {{c, 2}, {d, 5}};
  EXPECT_EQ(pwritev(fd, out, 2, 0), 7);
  EXPECT_EQ(preadv(fd, in, 2, 0), 7);
  EXPECT_STREQ(c, "on");
  EXPECT_STREQ(d, "etwo!");
}

TEST_F(Io, OffsetsBeyondFourGigabytes) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  for (const off_t offset :
       {off_t{1} << 31, off_t{1} << 32, (off_t{1} << 32) + 4095, off_t{1} << 40}) {
    EXPECT_EQ(pwrite(fd, "far", 3, offset), 3);
    EXPECT_EQ(Fstat(fd).st_size, offset + 3);
    EXPECT_EQ(GetAt(fd, offset - 2, 10), std::string("\0\0far", 5));
  }
  WORKS(fsync(fd));
  EXPECT_LT(Fstat(fd).st_blocks, 8192);
  EXPECT_EQ(GetAt(fd, (off_t{1} << 32), 3), "far");
}

TEST_F(Io, OffsetsBeyondTheLargestFileAreTooBig) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  FAILS(EFBIG, pwrite(fd, "x", 1, LONG_MAX - 1));
  FAILS(EFBIG, pwrite(fd, "x", 1, off_t{1} << 61));
  EXPECT_EQ(Fstat(fd).st_size, 0);
}

TEST_F(Io, TwoDescriptorsSeeEachOthersWrites) {
  Fd writer(open("f", O_CREAT | O_WRONLY, 0644)), reader(open("f", O_RDONLY));
  for (int i = 0; i < 50; ++i) {
    const std::string text = std::to_string(i);
    ASSERT_EQ(pwrite(writer, text.data(), text.size(), i * 1000), ssize_t(text.size()));
    EXPECT_EQ(GetAt(reader, i * 1000, 10), text);
    EXPECT_EQ(Lstat("f").st_size, static_cast<off_t>(i * 1000 + text.size()));
  }
}

TEST_F(Io, BlocksAreCountedOnceWritten) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  const std::string megabyte(1 << 20, 'm');
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(pwrite(fd, megabyte.data(), megabyte.size(), 0), 1 << 20);
    WORKS(fsync(fd));
  }
  EXPECT_GE(Fstat(fd).st_blocks * 512, 1 << 20);
  EXPECT_LE(Fstat(fd).st_blocks * 512, 1 << 21);
}

TEST_F(Mmap, SharedWritesReachTheFile) {
  Put("f", std::string(100'000, '.'));
  Fd fd(open("f", O_RDWR));
  char* map = static_cast<char*>(mmap(nullptr, 100'000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ASSERT_NE(static_cast<void*>(map), MAP_FAILED);
  map[0] = 'A';
  map[70'000] = 'B';
  map[99'999] = 'C';
  EXPECT_EQ(GetAt(fd, 70'000, 1), "B");
  WORKS(msync(map, 100'000, MS_SYNC));
  WORKS(munmap(map, 100'000));
  fd.Close();
  const std::string content = Get("f");
  EXPECT_EQ(content[0], 'A');
  EXPECT_EQ(content[70'000], 'B');
  EXPECT_EQ(content[99'999], 'C');
  EXPECT_EQ(content[1], '.');
}

TEST_F(Mmap, SharedReadsSeeWrites) {
  Put("f", std::string(8192, '.'));
  Fd fd(open("f", O_RDWR));
  const char* map = static_cast<char*>(mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0));
  ASSERT_NE(static_cast<const void*>(map), MAP_FAILED);
  EXPECT_EQ(map[4096], '.');
  EXPECT_EQ(pwrite(fd, "W", 1, 4096), 1);
  EXPECT_EQ(map[4096], 'W');
  WORKS(munmap(const_cast<char*>(map), 8192));
}

TEST_F(Mmap, PrivateWritesStayPrivate) {
  Put("f", "content");
  Fd fd(open("f", O_RDONLY));
  char* map = static_cast<char*>(mmap(nullptr, 7, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
  ASSERT_NE(static_cast<void*>(map), MAP_FAILED);
  map[0] = 'X';
  EXPECT_EQ(Get("f"), "content");
  WORKS(munmap(map, 7));
}

TEST_F(Mmap, WritesMarkTheTimesByTheNextSync) {
  Put("f", std::string(4096, '.'));
  Fd fd(open("f", O_RDWR));
  char* map = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ASSERT_NE(static_cast<void*>(map), MAP_FAILED);
  const timespec before = Lstat("f").st_mtim;
  Tick();
  map[0] = 'M';
  WORKS(msync(map, 4096, MS_SYNC));
  EXPECT_TRUE(before < Lstat("f").st_mtim);
  WORKS(munmap(map, 4096));
}

TEST_F(Mmap, OutlivesItsDescriptor) {
  Put("f", std::string(4096, '.'));
  Fd fd(open("f", O_RDWR));
  char* map = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ASSERT_NE(static_cast<void*>(map), MAP_FAILED);
  fd.Close();
  map[1] = 'L';
  WORKS(munmap(map, 4096));
  EXPECT_EQ(Get("f").substr(0, 3), ".L.");
}

TEST_F(Mmap, NeedsTheAccessModeOfItsDescriptor) {
  Put("f", "content");
  Fd fd(open("f", O_RDONLY));
  EXPECT_EQ(mmap(nullptr, 7, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_EQ(ErrorSymbol(errno), "EACCES");
}

TEST_F(Sync, WorksOnFilesDirectoriesAndTheWhole) {
  Put("f", "x");
  MUST_WORK(mkdir("d", 0755));
  Fd file(open("f", O_RDWR)), reader(open("f", O_RDONLY)), directory(open("d", O_RDONLY));
  EXPECT_EQ(write(file, "y", 1), 1);
  WORKS(fsync(file));
  WORKS(fdatasync(file));
  WORKS(fsync(reader));
  WORKS(fsync(directory));
  WORKS(fdatasync(directory));
  WORKS(syncfs(directory));
  FAILS(EBADF, fsync(-1));
  int ends[2];
  MUST_WORK(pipe(ends));
  FAILS(EINVAL, fsync(ends[0]));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Sync, SynchronousDescriptorsWrite) {
  Fd fd(open("f", O_CREAT | O_WRONLY | O_SYNC, 0644)), data(open("f", O_WRONLY | O_DSYNC));
  EXPECT_EQ(write(fd, "sync", 4), 4);
  EXPECT_EQ(pwrite(data, "D", 1, 0), 1);
  EXPECT_EQ(Get("f"), "Dync");
}

TEST_F(Sync, StatvfsIsSane) {
  struct statvfs vfs = {};
  MUST_WORK(statvfs(".", &vfs));
  EXPECT_GE(vfs.f_bsize, 512u);
  EXPECT_GE(vfs.f_frsize, 512u);
  EXPECT_GT(vfs.f_blocks, 0u);
  EXPECT_LE(vfs.f_bfree, vfs.f_blocks);
  EXPECT_LE(vfs.f_bavail, vfs.f_bfree);
  EXPECT_GT(vfs.f_files, 0u);
  EXPECT_LE(vfs.f_ffree, vfs.f_files);
  EXPECT_EQ(vfs.f_namemax, 255u);
  Put("f");
  Fd fd(open("f", O_RDONLY));
  struct statvfs again = {};
  WORKS(fstatvfs(fd, &again));
  EXPECT_EQ(again.f_frsize, vfs.f_frsize);
  FAILS(ENOENT, statvfs("missing", &again));
}

}  // namespace
}  // namespace metaring::posix
