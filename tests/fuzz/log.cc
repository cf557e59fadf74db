// SPDX-License-Identifier: Apache-2.0
//
// log: segments and recovery. A log is written, stopped, damaged and opened again in any order. It
// opens or it is refused; what it gives back is what was appended, in order; and as long as nothing
// was damaged nothing that was synced is missing, and no start is refused.
//
//   input = step*
//   step  = 0 type(u8) size(u16 BE)           append a payload of this size
//         | 1                                 sync
//         | 2                                 close and open
//         | 3 seed(u8)                        the machine stops; open
//         | 4 place(u16 BE) mask(u8)          flip bits, then open; the place is in 8 bytes
//         | 5 place(u16 BE) size(u8) bytes    write anything, then open
//         | 6                                 let go of what was synced
#include "kvnode/log/log.h"

#include <algorithm>
#include <map>

#include "kvnode/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/sim/sim_disk.h"

namespace metaring::fuzz {
namespace {

using log::GroupId;
using log::Log;
using log::Lsn;

constexpr uint64_t kSegmentBytes = 64 << 10;
constexpr size_t kStepsMax = 24;

class World {
 public:
  // False: the log does not open any more.
  bool Open() {
    log_.reset();
    auto opened = OpenLog(disk_, Options());
    if (!opened) {
      CHECK(damaged_);
      const ErrorCode code = opened.error().code;
      CHECK(code == ErrorCode::kCorrupt || code == ErrorCode::kFormatMismatch);
      return false;
    }
    log_ = std::move(*opened);
    return Replay();
  }

  void Append(uint8_t type, size_t size) {
    const Bytes payload(size, static_cast<char>(next_++));
    const auto end = log_->Append(GroupId(type % 3), type, payload, log::SpaceUse::kNormal);
    CHECK(end.has_value() == (size <= Options().payload_bytes_max));
    if (end) appended_[end->value()] = payload;
  }

  void Sync() {
    if (appended_.empty()) return;
    const Lsn end(appended_.rbegin()->first);
    CHECK(log_->Sync(end) && log_->durable() >= end);
    synced_ = std::max(synced_, end.value());
  }

  void Crash(uint8_t seed) {
    Random random(seed);
    disk_.Crash(random);
  }

  void LetGo() { CHECK(log_->TruncateBefore(Lsn(synced_))); }

  void Flip(size_t place, uint8_t mask) {
    if (mask == 0) return;
    log_.reset();
    const auto [name, offset] = PlaceOf(place);
    if (name.empty()) return;
    damaged_ = true;
    disk_.Damage(name, offset, mask);
  }

  void Write(size_t place, ByteView bytes) {
    log_.reset();
    const auto [name, offset] = PlaceOf(place);
    if (name.empty() || bytes.empty()) return;
    damaged_ = forged_ = true;
    CHECK((*disk_.Open(name))->WriteAt(offset, bytes));
  }

 private:
  static log::LogOptions Options() {
    log::LogOptions options;
    options.segment_bytes = kSegmentBytes;
    options.payload_bytes_max = 20'000;
    options.queued_bytes_max = 100'000;
    return options;
  }

  // A multiple of 8 in one of the files.
  std::pair<std::string, uint64_t> PlaceOf(size_t place) const {
    const auto names = *disk_.List();
    const size_t file = place * 8 / kSegmentBytes;
    if (file >= names.size()) return {"", 0};
    return {names[file], place * 8 % kSegmentBytes};
  }

  bool Replay() {
    std::map<uint64_t, Bytes> found;
    const Status replayed = log_->Replay(log_->begin(), [&](const log::Record& record) {
      found[record.end.value()] = Bytes(record.payload);
      return Status();
    });
    if (!replayed) {
      CHECK(damaged_);
      return false;
    }
    for (const auto& [end, payload] : found) {
      const auto known = appended_.find(end);
      CHECK(forged_ || (known != appended_.end() && known->second == payload));
    }
    for (const auto& [end, payload] : appended_) {
      if (end <= log_->begin().value() || end > synced_) continue;
      CHECK(damaged_ || found.count(end) == 1);
    }
    // What was cut is written anew at the same positions.
    appended_ = std::move(found);
    synced_ = std::min(synced_, log_->durable().value());
    return true;
  }

  sim::SimDisk disk_;
  std::unique_ptr<Log> log_;
  std::map<uint64_t, Bytes> appended_;  // by their ends
  uint64_t synced_ = 0;
  uint8_t next_ = 1;
  bool damaged_ = false;
  bool forged_ = false;
};

// False: it ends here.
bool Step(World& world, Reader& reader) {
  switch (reader.U8() % 7) {
    case 0: {
      const uint8_t type = reader.U8();
      world.Append(type, reader.BigU16() % 24'000);
      return true;
    }
    case 1:
      world.Sync();
      return true;
    case 2:
      return world.Open();
    case 3:
      world.Crash(reader.U8());
      return world.Open();
    case 4: {
      const size_t place = reader.BigU16();
      world.Flip(place, reader.U8());
      return world.Open();
    }
    case 5: {
      const size_t place = reader.BigU16();
      const size_t size = reader.U8();
      world.Write(place, reader.Take(std::min(size, reader.rest().size())));
      return world.Open();
    }
    default:
      world.LetGo();
      return true;
  }
}

Bytes AppendStep(uint16_t size) {
  Bytes step("\0\1", 2);
  AppendBigU16(step, size);
  return step;
}

}  // namespace

void RunInput(ByteView input) {
  World world;
  CHECK(world.Open());
  Reader reader(input);
  for (size_t i = 0; i < kStepsMax && !reader.rest().empty(); ++i) {
    if (!Step(world, reader)) return;
  }
}

std::vector<Bytes> Seeds() {
  const Bytes some = AppendStep(10) + AppendStep(3000) + "\1" + AppendStep(19'000);
  const Bytes many = some + some + some + some;
  return {some + "\2",
          some + "\3\5" + some + "\1\3\6",
          many + "\1\6" + some + "\2",
          many + "\3\7" + many + "\1\2",
          some + "\1" + Bytes("\4\2\2\1", 4),
          many + "\1" + Bytes("\4\3\0\1", 4) + "\2",
          some + "\1" + Bytes("\5\2\0\10", 4) + "anything",
          Bytes("\0\1\377\377", 4) + "\1\2"};
}

}  // namespace metaring::fuzz
