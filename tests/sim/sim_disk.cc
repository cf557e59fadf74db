// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_disk.h"

#include <algorithm>

#include "kvnode/base/check.h"

namespace metaring::sim {

class SimFile : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<SimContent> content, uint64_t life)
      : disk_(disk), content_(std::move(content)), life_(life) {}

  Result<Bytes> ReadAt(uint64_t offset, size_t length) const override {
    return disk_.ReadAt(*content_, life_, offset, length);
  }
  Status WriteAt(uint64_t offset, ByteView data) override {
    return disk_.WriteAt(*content_, life_, offset, data);
  }
  Status Sync() override { return disk_.Sync(*content_, life_); }
  // With the zeros behind it that the real one may write.
  Status WriteThrough(uint64_t offset, ByteView data) override {
    ASSIGN_OR_RETURN(const uint64_t size, Size());
    const uint64_t end = offset + data.size();
    const uint64_t blocks = (end + kWriteThroughBlockBytes - 1) / kWriteThroughBlockBytes;
    const uint64_t padded_end = std::max(end, std::min(size, blocks * kWriteThroughBlockBytes));
    Bytes padded(data);
    padded.resize(padded_end - offset);
    return File::WriteThrough(offset, padded);
  }
  Status Allocate(uint64_t size) override { return disk_.Allocate(*content_, life_, size); }
  Result<uint64_t> Size() const override { return disk_.Size(*content_, life_); }

 private:
  SimDisk& disk_;
  const std::shared_ptr<SimContent> content_;
  const uint64_t life_;
};

// -------------------------------------------------------------------------------------------------
// Files

Status SimDisk::CheckLife(uint64_t life) const {
  if (life == life_) return {};
  return Fail(ErrorCode::kIo, "the file was opened before the crash");
}

Result<Bytes> SimDisk::ReadAt(const SimContent& content, uint64_t life, uint64_t offset,
                              size_t length) const {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckLife(life));
  return content.Read(offset, length);
}

Status SimDisk::WriteAt(SimContent& content, uint64_t life, uint64_t offset, ByteView data) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckLife(life));
  const bool power = calls_total_ + 1 < power_cut_at_;
  const Status entered = Enter(Call::kWrite);
  // The write during which power fails gets to the disk in part, too.
  if (!entered && (power || calls_total_ == power_cut_at_)) {
    content.Write(offset, data.substr(0, data.size() / 2));
  }
  RETURN_IF_ERROR(entered);
  RETURN_IF_ERROR(CheckSpace(content, offset + data.size()));
  content.Write(offset, data);
  return {};
}

Status SimDisk::Sync(SimContent& content, uint64_t life) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckLife(life));
  const Status entered = Enter(Call::kSync);
  if (!entered) content.LoseSyncs();
  RETURN_IF_ERROR(entered);
  content.Sync();
  return {};
}

Status SimDisk::Allocate(SimContent& content, uint64_t life, uint64_t size) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckLife(life));
  RETURN_IF_ERROR(Enter(Call::kAllocate));
  RETURN_IF_ERROR(CheckSpace(content, size));
  content.Allocate(size);
  return {};
}

Result<uint64_t> SimDisk::Size(const SimContent& content, uint64_t life) const {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckLife(life));
  return content.size();
}

// -------------------------------------------------------------------------------------------------
// Names

Result<std::unique_ptr<File>> SimDisk::Open(const std::string& name) {
  MutexLock lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return Fail(ErrorCode::kNotFound, "open " + name + ": no such file");
  return std::make_unique<SimFile>(*this, found->second, life_);
}

// A change is repeated on the durable names if the crash lets it survive; there its file may be
// missing, when the change that it builds on was lost.
void SimDisk::Apply(Change change) {
  change(names_);
  pending_.push_back(std::move(change));
}

Result<std::unique_ptr<File>> SimDisk::Create(const std::string& name) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Enter(Call::kCreate));
  if (names_.contains(name)) return Fail(ErrorCode::kExists, "create " + name + ": file exists");
  const auto content = std::make_shared<SimContent>();
  Apply([name, content](Names& names) { names[name] = content; });
  return std::make_unique<SimFile>(*this, content, life_);
}

Status SimDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Enter(Call::kRename));
  const auto found = names_.find(from);
  if (found == names_.end()) return Fail(ErrorCode::kNotFound, "rename " + from + ": no such file");
  Apply([from, to, content = found->second](Names& names) {
    const auto source = names.find(from);
    if (source == names.end() || source->second != content) return;
    names.erase(source);
    names[to] = content;
  });
  return {};
}

Status SimDisk::Remove(const std::string& name) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Enter(Call::kRemove));
  const auto found = names_.find(name);
  if (found == names_.end()) return Fail(ErrorCode::kNotFound, "remove " + name + ": no such file");
  Apply([name, content = found->second](Names& names) {
    const auto target = names.find(name);
    if (target != names.end() && target->second == content) names.erase(target);
  });
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
  RETURN_IF_ERROR(Enter(Call::kSyncDirectory));
  durable_names_ = names_;
  pending_.clear();
  return {};
}

// -------------------------------------------------------------------------------------------------
// Faults

Status SimDisk::Enter(Call call) {
  const auto index = static_cast<size_t>(call);
  ++calls_[index];
  ++calls_total_;
  if (calls_total_ >= power_cut_at_) return Fail(ErrorCode::kIo, "the power is cut");
  Fault& fault = faults_[index];
  if (fault.at_call != calls_[index]) return {};
  fault.at_call = 0;
  return Fail(fault.code, "fault on command");
}

void SimDisk::Crash(Random& random) {
  MutexLock lock(mutex_);
  enum { kAllLost, kAllKept, kEachByItself };
  const uint64_t mood = random.Below(kEachByItself + 1);
  for (const Change& change : pending_) {
    if (mood == kAllKept || (mood == kEachByItself && random.OneIn(2))) change(durable_names_);
  }
  names_ = durable_names_;
  pending_.clear();
  for (const auto& [name, content] : names_) content->Crash(random);
  ++life_;
  power_cut_at_ = UINT64_MAX;
  faults_ = {};
}

void SimDisk::CutPowerAtCall(uint64_t n) {
  MutexLock lock(mutex_);
  power_cut_at_ = calls_total_ + n;
}

bool SimDisk::power_is_cut() const {
  MutexLock lock(mutex_);
  return calls_total_ >= power_cut_at_;
}

void SimDisk::FailNthCall(Call call, uint64_t n, ErrorCode code) {
  MutexLock lock(mutex_);
  const auto index = static_cast<size_t>(call);
  faults_[index] = {calls_[index] + n, code};
}

Status SimDisk::CheckSpace(const SimContent& content, uint64_t size) const {
  if (size <= content.size()) return {};
  const uint64_t used = UsedBytes();
  if (used <= capacity_ && size - content.size() <= capacity_ - used) return {};
  return Fail(ErrorCode::kNoSpace, "the simulated disk is full");
}

uint64_t SimDisk::UsedBytes() const {
  uint64_t used = 0;
  for (const auto& [name, content] : names_) used += content->size();
  return used;
}

void SimDisk::SetCapacity(uint64_t bytes) {
  MutexLock lock(mutex_);
  capacity_ = bytes;
}

uint64_t SimDisk::used_bytes() const {
  MutexLock lock(mutex_);
  return UsedBytes();
}

void SimDisk::Damage(const std::string& name, uint64_t offset, uint8_t mask) {
  MutexLock lock(mutex_);
  const auto found = names_.find(name);
  CHECK(found != names_.end());
  found->second->Damage(offset, mask);
}

uint64_t SimDisk::calls(Call call) const {
  MutexLock lock(mutex_);
  return calls_[static_cast<size_t>(call)];
}

}  // namespace metaring::sim
