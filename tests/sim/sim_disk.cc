// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_disk.h"

#include <algorithm>

namespace metaring::sim {

class SimFile : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<SimDisk::Content> content)
      : disk_(disk), content_(std::move(content)) {}

  Result<Bytes> ReadAt(uint64_t offset, size_t length) const override {
    MutexLock lock(disk_.mutex_);
    if (offset >= content_->now.size()) return Bytes();
    return content_->now.substr(offset, length);
  }

  Status WriteAt(uint64_t offset, ByteView data) override {
    MutexLock lock(disk_.mutex_);
    RETURN_IF_ERROR(disk_.Step());
    RETURN_IF_ERROR(Grow(offset + data.size()));
    content_->now.replace(offset, data.size(), data);
    return {};
  }

  Status Sync() override {
    MutexLock lock(disk_.mutex_);
    RETURN_IF_ERROR(disk_.Step());
    content_->durable = content_->now;
    ++disk_.syncs_;
    return {};
  }

  Status Allocate(uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    RETURN_IF_ERROR(disk_.Step());
    RETURN_IF_ERROR(Grow(size));
    content_->durable = content_->now;
    return {};
  }

  Result<uint64_t> Size() const override {
    MutexLock lock(disk_.mutex_);
    return content_->now.size();
  }

 private:
  Status Grow(uint64_t size) REQUIRES(disk_.mutex_) {
    if (size <= content_->now.size()) return {};
    const uint64_t used = disk_.UsedBytes();
    if (size - content_->now.size() > disk_.capacity_ - std::min(used, disk_.capacity_)) {
      return Fail(ErrorCode::kNoSpace, "the simulated disk is full");
    }
    content_->now.resize(size, '\0');
    return {};
  }

  SimDisk& disk_;
  const std::shared_ptr<SimDisk::Content> content_;
};

Status SimDisk::Step() {
  ++calls_;
  if (!fail_at_ || calls_ < *fail_at_) return {};
  return Fail(fail_code_, "the simulated disk fails");
}

uint64_t SimDisk::UsedBytes() const {
  uint64_t used = 0;
  for (const auto& [name, content] : names_) used += content->now.size();
  return used;
}

Result<std::unique_ptr<File>> SimDisk::Open(const std::string& name) {
  MutexLock lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return Fail(ErrorCode::kNotFound, "open " + name + ": no such file");
  return std::make_unique<SimFile>(*this, found->second);
}

Result<std::unique_ptr<File>> SimDisk::Create(const std::string& name) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Step());
  const auto [place, made] = names_.emplace(name, nullptr);
  if (!made) return Fail(ErrorCode::kExists, "create " + name + ": file exists");
  place->second = std::make_shared<Content>();
  return std::make_unique<SimFile>(*this, place->second);
}

Status SimDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Step());
  const auto found = names_.find(from);
  if (found == names_.end()) return Fail(ErrorCode::kNotFound, "rename " + from + ": no such file");
  auto content = found->second;
  names_.erase(found);
  names_[to] = std::move(content);
  return {};
}

Status SimDisk::Remove(const std::string& name) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Step());
  if (names_.erase(name) == 0)
    return Fail(ErrorCode::kNotFound, "remove " + name + ": no such file");
  return {};
}

Result<std::vector<std::string>> SimDisk::List() const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, content] : names_) names.push_back(name);
  return names;
}

Status SimDisk::SyncDirectory() {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Step());
  durable_names_ = names_;
  return {};
}

void SimDisk::CrashContent(Content& content, Random& random) {
  // A size that was not synced may be lost as well.
  if (content.now.size() > content.durable.size() && random.OneIn(2)) {
    content.now.resize(content.durable.size());
  }
  content.durable.resize(content.now.size(), '\0');
  const uint64_t mood = random.Below(3);  // all lost, all kept, or each sector by itself
  for (size_t at = 0; at < content.now.size(); at += kSectorBytes) {
    const bool lost = mood == 0 || (mood == 2 && random.OneIn(2));
    if (lost) continue;
    const size_t length = std::min(kSectorBytes, content.now.size() - at);
    content.durable.replace(at, length, content.now, at, length);
  }
  content.now = content.durable;
}

void SimDisk::Crash(Random& random) {
  MutexLock lock(mutex_);
  // A prefix of the directory's changes survives in journalling filesystems: all or none of it
  // here.
  if (random.OneIn(2)) names_ = durable_names_;
  for (auto& [name, content] : names_) CrashContent(*content, random);
  durable_names_ = names_;
  fail_at_.reset();
}

void SimDisk::FailNthCall(uint64_t n, ErrorCode code) {
  MutexLock lock(mutex_);
  fail_at_ = calls_ + n;
  fail_code_ = code;
}

bool SimDisk::HasFailed() const {
  MutexLock lock(mutex_);
  return fail_at_ && calls_ >= *fail_at_;
}

void SimDisk::SetCapacity(uint64_t bytes) {
  MutexLock lock(mutex_);
  capacity_ = bytes;
}

void SimDisk::Damage(const std::string& name, uint64_t offset, uint8_t mask) {
  MutexLock lock(mutex_);
  Content& content = *names_.at(name);
  for (Bytes* bytes : {&content.now, &content.durable}) {
    if (offset < bytes->size()) (*bytes)[offset] = static_cast<char>((*bytes)[offset] ^ mask);
  }
}

uint64_t SimDisk::syncs() const {
  MutexLock lock(mutex_);
  return syncs_;
}

}  // namespace metaring::sim
