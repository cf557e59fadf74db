// SPDX-License-Identifier: Apache-2.0
//
// Random operations on the content of one file, against a string in memory: whatever the order of
// writes, truncations, holes, mappings, copies and new descriptors, the file is the string. The
// seeds are fixed and named in each failure, so a failure can be repeated.
#include <linux/falloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

constexpr size_t kFileBytesMax = 600'000;  // several blocks of any size that filesystems have
constexpr size_t kTransferMax = 150'000;
constexpr int kSteps = 600;

class FileAndModel {
 public:
  explicit FileAndModel(unsigned seed) : random_(seed) { Reopen(); }

  // One operation; its name and arguments, for messages.
  std::string Step() {
    const size_t at = Below(kFileBytesMax);
    const size_t length = 1 + Below(std::min(kTransferMax, kFileBytesMax - at));
    switch (Below(12)) {
      case 0:
      case 1:
      case 2:
        return Write(at, length);
      case 3:
        return WriteMapped(length);
      case 4:
        return Truncate(Below(3) == 0 ? Below(50) : at);
      case 5:
        return Fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length);
      case 6:
        return Fallocate(FALLOC_FL_ZERO_RANGE, at, length);
      case 7:
        return Fallocate(0, at, length);
      case 8:
        return Copy(at, length);
      case 9:
        return Append(length / 10 + 1);
      case 10:
        return Reopen();
      default:
        return Sync();
    }
  }

  // Where file and string differ; empty: nowhere.
  std::string Difference() {
    const struct stat st = Fstat(*fd_);
    if (static_cast<size_t>(st.st_size) != model_.size()) {
      return "size " + std::to_string(st.st_size) + ", expected " + std::to_string(model_.size());
    }
    const bool part = Below(3) != 0;  // all of it now and then
    const size_t at = part ? Below(model_.size() + 1) : 0;
    const size_t length = part ? Below(kTransferMax) : kFileBytesMax;
    return Compare(at, GetAt(*fd_, static_cast<off_t>(at), length), length);
  }

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  std::string Random(size_t length) {
    std::string data(length, static_cast<char>('a' + Below(26)));
    for (size_t i = 0; i < length; i += 97) data[i] = static_cast<char>(random_());
    return data;
  }
  static std::string Named(const char* what, size_t at, size_t length) {
    return std::string(what) + " " + std::to_string(length) + " at " + std::to_string(at);
  }
  std::string Compare(size_t at, const std::string& found, size_t length) const {
    const std::string wanted = at < model_.size() ? model_.substr(at, length) : "";
    if (found == wanted) return "";
    const auto differ = std::mismatch(found.begin(), found.end(), wanted.begin(), wanted.end());
    return "read of " + std::to_string(found.size()) + " at " + std::to_string(at) +
           " differs from byte " +
           std::to_string(at + static_cast<size_t>(differ.first - found.begin()));
  }
  void Put(size_t at, const std::string& data) {
    if (model_.size() < at + data.size()) model_.resize(at + data.size());
    model_.replace(at, data.size(), data);
  }

  std::string Write(size_t at, size_t length) {
    const std::string data = Random(length);
    EXPECT_EQ(pwrite(*fd_, data.data(), length, static_cast<off_t>(at)),
              static_cast<ssize_t>(length));
    Put(at, data);
    return Named("write", at, length);
  }
  std::string Append(size_t length) {
    if (model_.size() + length > kFileBytesMax) return "nothing";
    const std::string data = Random(length);
    Fd fd(open("f", O_WRONLY | O_APPEND));
    EXPECT_EQ(write(fd, data.data(), length), static_cast<ssize_t>(length));
    Put(model_.size(), data);
    return "append " + std::to_string(length);
  }
  std::string WriteMapped(size_t length) {
    if (model_.empty()) return "nothing";
    const size_t at = Below(model_.size());
    length = std::min(length, model_.size() - at);
    void* const memory = mmap(nullptr, model_.size(), PROT_READ | PROT_WRITE, MAP_SHARED, *fd_, 0);
    EXPECT_NE(memory, MAP_FAILED);
    if (memory == MAP_FAILED) return "mmap";
    const std::string data = Random(length);
    std::memcpy(static_cast<char*>(memory) + at, data.data(), length);
    if (Below(2) == 0) {
      WORKS(msync(memory, model_.size(), MS_SYNC));
    }
    WORKS(munmap(memory, model_.size()));
    Put(at, data);
    return Named("mapped write", at, length);
  }
  std::string Truncate(size_t size) {
    if (Below(2) == 0) {
      WORKS(ftruncate(*fd_, static_cast<off_t>(size)));
    } else {
      WORKS(truncate("f", static_cast<off_t>(size)));
    }
    model_.resize(size);
    return "truncate to " + std::to_string(size);
  }
  std::string Fallocate(int mode, size_t at, size_t length) {
    const int done = fallocate(*fd_, mode, static_cast<off_t>(at), static_cast<off_t>(length));
    if (done != 0 && errno == EOPNOTSUPP) return "nothing";
    WORKS(done);
    const bool keeps = (mode & FALLOC_FL_KEEP_SIZE) != 0;
    if (!keeps && model_.size() < at + length) model_.resize(at + length);
    if (mode != 0 && at < model_.size()) {
      const size_t zeros = std::min(length, model_.size() - at);
      model_.replace(at, zeros, zeros, '\0');
    }
    return Named(mode == 0 ? "allocate" : (keeps ? "punch" : "zero"), at, length);
  }
  std::string Copy(size_t at, size_t length) {
    if (model_.empty()) return "nothing";
    const size_t from = Below(model_.size());
    length = std::min(length, model_.size() - from);
    // Within one file the ranges must not overlap.
    if (from < at + length && at < from + length) return "nothing";
    auto from_offset = static_cast<off_t>(from);
    auto to_offset = static_cast<off_t>(at);
    const ssize_t copied = copy_file_range(*fd_, &from_offset, *fd_, &to_offset, length, 0);
    if (copied < 0 && (errno == EOPNOTSUPP || errno == EXDEV)) return "nothing";
    WORKS(copied);
    if (copied > 0) Put(at, model_.substr(from, static_cast<size_t>(copied)));
    return Named("copy", at, length) + " from " + std::to_string(from);
  }
  std::string Reopen() {
    const bool direct = fd_ && Below(4) == 0;
    fd_.reset();
    fd_ = std::make_unique<Fd>(open("f", O_RDWR | O_CREAT, 0644));
    if (!direct) return "reopen";
    // What a descriptor past the page cache sees is the file too, as far as whole blocks go.
    Fd through(open("f", O_RDONLY | O_DIRECT));
    if (through < 0) return "reopen";
    const std::unique_ptr<char, decltype(&std::free)> buffer(
        static_cast<char*>(std::aligned_alloc(4096, 65'536)), std::free);
    WORKS(fsync(*fd_));
    const ssize_t got = pread(through, buffer.get(), 65'536, 0);
    if (got < 0) return "reopen";
    EXPECT_EQ(Compare(0, std::string(buffer.get(), static_cast<size_t>(got)), 65'536), "");
    return "direct read";
  }
  std::string Sync() {
    WORKS(Below(2) == 0 ? fsync(*fd_) : fdatasync(*fd_));
    return "sync";
  }

  std::mt19937 random_;
  std::unique_ptr<Fd> fd_;
  std::string model_;
};

class RandomIo : public Posix {};

TEST_F(RandomIo, TheFileIsTheString) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    FileAndModel file(seed);
    std::string history;
    for (int step = 0; step < kSteps; ++step) {
      history += file.Step() + "; ";
      const std::string difference = file.Difference();
      ASSERT_EQ(difference, "") << "seed " << seed << ", step " << step << ": ..."
                                << history.substr(history.size() -
                                                  std::min<size_t>(history.size(), 600));
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", step " << step;
    }
    WORKS(unlink("f"));
  }
}

}  // namespace
}  // namespace metaring::posix
