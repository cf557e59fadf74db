// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_fs_worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <numeric>
#include <utility>

#include "kvnode/base/random.h"

namespace metaring::ctl {
namespace {

constexpr const char* kXattrName = "user.bench";
constexpr size_t kXattrBytes = 32;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kChangedMode = 0600;

int ErrnoIf(bool failed) {
  return failed ? errno : 0;
}

// The order in which a thread visits its files: another one for each phase.
std::vector<uint32_t> RandomOrder(uint32_t count, uint64_t seed) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  Random random(seed);
  for (uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

bool InOrderOfNames(Phase phase) {
  return phase == Phase::kMkdir || phase == Phase::kCreate;
}

TreeState Renamed(const TreeState& state, Phase phase) {
  TreeState to = state;
  if (phase == Phase::kRename) to.name = state.name == 'f' ? 'r' : 'f';
  if (phase == Phase::kRenameAcross) {
    to.place = std::strcmp(state.place, "/files/") == 0 ? "/other/" : "/files/";
  }
  return to;
}

}  // namespace

TreeState TreeState::After(Phase phase) const {
  TreeState after = Renamed(*this, phase);
  switch (phase) {
    case Phase::kMkdir:
      after.dirs = true;
      break;
    case Phase::kRmdir:
      after.dirs = false;
      break;
    case Phase::kCreate:
      after.files = true;
      break;
    case Phase::kWrite:
      after.content = true;
      break;
    case Phase::kSetxattr:
      after.xattrs = true;
      break;
    case Phase::kUnlink:
      after.files = after.content = after.xattrs = false;
      break;
    default:
      break;
  }
  return after;
}

FsWorker::FsWorker(const FsBenchOptions& options, const BenchTree& tree, const TreeState& state,
                   unsigned thread)
    : options_(options),
      state_(state),
      thread_(thread),
      work_(tree.WorkOf(thread)),
      thread_part_(std::to_string(thread) + '-') {
  path_.reserve(work_.size() + 32);
  path2_.reserve(work_.size() + 32);
}

FsWorker::~FsWorker() {
  if (directory_fd_ >= 0) close(directory_fd_);
  if (other_fd_ >= 0) close(other_fd_);
}

const char* FsWorker::SetPath(std::string& path, const char* place, char letter, uint32_t i) const {
  char digits[10];  // of 32 bits
  const char* const end = std::to_chars(digits, digits + sizeof digits, i).ptr;
  path.assign(work_);
  path.append(place);
  path.push_back(letter);
  path.append(thread_part_);
  path.append(digits, static_cast<size_t>(end - digits));
  return path.c_str();
}

int FsWorker::OpenDirectory(const char* place) {
  path_ = work_ + place;
  return open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Error FsWorker::Failed(Phase phase, int error_number) const {
  return ErrnoError(error_number, std::string(InfoOf(phase).name) + ": " + path_);
}

Status FsWorker::Prepare(Phase phase) {
  buffer_.assign(std::max<size_t>(options_.write_bytes, kXattrBytes), 'x');
  order_ = RandomOrder(options_.files,
                       options_.seed ^ (uint64_t{thread_} << 32) ^ static_cast<uint64_t>(phase));
  if (InOrderOfNames(phase)) std::iota(order_.begin(), order_.end(), 0);
  if (!options_.fsync) return {};
  const bool on_dirs = phase == Phase::kMkdir || phase == Phase::kRmdir;
  directory_fd_ = OpenDirectory(on_dirs ? "/dirs/" : state_.place);
  if (directory_fd_ < 0) return Fail(Failed(phase, errno));
  if (phase == Phase::kRenameAcross) {
    other_fd_ = OpenDirectory(Renamed(state_, phase).place);
    if (other_fd_ < 0) return Fail(Failed(phase, errno));
  }
  return {};
}

Status FsWorker::Run(Phase phase, Lane& lane) {
  if (phase == Phase::kReaddirStat) return List(lane);
  for (const uint32_t i : order_) {
    if (lane.Stopping()) return {};
    const uint64_t begin = MonotonicNanosNow();
    const int error_number = Do(phase, i);
    lane.Record(MonotonicNanosNow() - begin);
    if (error_number != 0) return Fail(Failed(phase, error_number));
  }
  return {};
}

int FsWorker::Do(Phase phase, uint32_t i) {
  switch (phase) {
    case Phase::kMkdir:
      if (mkdir(DirPath(i), 0755) != 0) return errno;
      return SyncDirectory(directory_fd_);
    case Phase::kRmdir:
      if (rmdir(DirPath(i)) != 0) return errno;
      return SyncDirectory(directory_fd_);
    case Phase::kUnlink:
      if (unlink(FilePath(i)) != 0) return errno;
      return SyncDirectory(directory_fd_);
    case Phase::kCreate:
      return Create(i);
    case Phase::kStatCold:
    case Phase::kStatHot:
      return Stat(FilePath(i));
    case Phase::kStatMissing:
      return StatMissing(i);
    case Phase::kSetxattr:
      return Setxattr(i);
    case Phase::kGetxattr:
      return Getxattr(i);
    case Phase::kChmod:
      return Chmod(i);
    case Phase::kWrite:
      return Write(i);
    case Phase::kRead:
      return Read(i);
    case Phase::kRename:
    case Phase::kRenameAcross:
      return Rename(i, Renamed(state_, phase));
    case Phase::kReaddirStat:
      break;  // List
  }
  return EINVAL;
}

int FsWorker::SyncDirectory(int fd) const {
  return options_.fsync ? ErrnoIf(fsync(fd) != 0) : 0;
}

// An attribute change by path is made durable as a program would: by a descriptor opened for it.
int FsWorker::SyncFile(const char* path) const {
  if (!options_.fsync) return 0;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error_number = ErrnoIf(fsync(fd) != 0);
  close(fd);
  return error_number;
}

int FsWorker::Create(uint32_t i) {
  const int fd = open(FilePath(i), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kFileMode);
  if (fd < 0) return errno;
  if (close(fd) != 0) return errno;
  return SyncDirectory(directory_fd_);
}

int FsWorker::Stat(const char* path) const {
  struct stat st {};
  return ErrnoIf(stat(path, &st) != 0);
}

int FsWorker::StatMissing(uint32_t i) {
  const int error_number = Stat(SetPath(path_, state_.place, 'm', i));
  if (error_number == ENOENT) return 0;
  return error_number == 0 ? EEXIST : error_number;
}

int FsWorker::Setxattr(uint32_t i) {
  const char* path = FilePath(i);
  if (setxattr(path, kXattrName, buffer_.data(), kXattrBytes, 0) != 0) return errno;
  return SyncFile(path);
}

int FsWorker::Getxattr(uint32_t i) {
  const ssize_t size = getxattr(FilePath(i), kXattrName, buffer_.data(), buffer_.size());
  if (size < 0) return errno;
  return size == static_cast<ssize_t>(kXattrBytes) ? 0 : EIO;
}

int FsWorker::Chmod(uint32_t i) {
  const char* path = FilePath(i);
  if (chmod(path, kChangedMode) != 0) return errno;
  return SyncFile(path);
}

int FsWorker::Write(uint32_t i) {
  const int fd = open(FilePath(i), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t written = write(fd, buffer_.data(), options_.write_bytes);
  int error_number = written < 0 ? errno : 0;
  if (written >= 0 && written != static_cast<ssize_t>(options_.write_bytes)) error_number = ENOSPC;
  if (error_number == 0 && options_.fsync) error_number = ErrnoIf(fsync(fd) != 0);
  const int close_error = ErrnoIf(close(fd) != 0);
  return error_number != 0 ? error_number : close_error;
}

int FsWorker::Read(uint32_t i) {
  const int fd = open(FilePath(i), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t got = read(fd, buffer_.data(), options_.write_bytes);
  int error_number = got < 0 ? errno : 0;
  if (got >= 0 && got != static_cast<ssize_t>(options_.write_bytes)) error_number = EIO;
  close(fd);
  return error_number;
}

int FsWorker::Rename(uint32_t i, const TreeState& to) {
  const char* target = SetPath(path2_, to.place, to.name, i);
  if (rename(FilePath(i), target) != 0) return errno;
  const int error_number = SyncDirectory(directory_fd_);
  if (error_number != 0 || other_fd_ < 0) return error_number;
  return SyncDirectory(other_fd_);
}

// One operation is one entry: its share of readdir and its fstatat. With a shared directory one
// thread lists it, else the work would grow with the square of the threads.
Status FsWorker::List(Lane& lane) {
  if (options_.shared && thread_ != 0) return {};
  path_ = work_ + state_.place;
  DIR* dir = opendir(path_.c_str());
  if (dir == nullptr) return Fail(Failed(Phase::kReaddirStat, errno));
  uint64_t entries = 0;
  int error_number = 0;
  while (error_number == 0 && !lane.Stopping()) {
    const uint64_t begin = MonotonicNanosNow();
    errno = 0;
    const dirent* entry = readdir(dir);
    error_number = errno;
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    struct stat st {};
    error_number = ErrnoIf(fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0);
    ++entries;
    lane.Record(MonotonicNanosNow() - begin);
  }
  closedir(dir);
  if (error_number != 0) return Fail(Failed(Phase::kReaddirStat, error_number));
  const uint64_t expected = uint64_t{options_.files} * (options_.shared ? options_.threads : 1);
  if (entries == expected || lane.Stopping()) return {};
  return Fail(ErrorCode::kCorrupt, "readdir-stat: " + path_ + " lists " + std::to_string(entries) +
                                       " entries, but has " + std::to_string(expected));
}

}  // namespace metaring::ctl
