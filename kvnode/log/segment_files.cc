// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/segment_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace metaring::log {
namespace {

constexpr char kSegmentSuffix[] = ".log";
constexpr char kSpareSuffix[] = ".spare";
constexpr char kNewSuffix[] = ".new";
constexpr size_t kNameDigits = 16;

std::string NameOf(uint64_t number, const char* suffix) {
  return fmt::format("{:016x}{}", number, suffix);
}

// The number in front of the suffix; nothing for other names.
std::optional<uint64_t> NumberOf(ByteView name, ByteView suffix) {
  if (name.size() != kNameDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  uint64_t number = 0;
  for (const char c : name.substr(0, kNameDigits)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    number = number << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return number;
}

}  // namespace

std::string Segment::FileName() const {
  return NameOf(start.value(), kSegmentSuffix);
}

std::string SegmentFiles::NewName(const char* suffix) {
  return NameOf(next_number_++, suffix);
}

Result<Segment> SegmentFiles::ReadHeader(Lsn start) const {
  const std::string name = Segment{start, 0}.FileName();
  ASSIGN_OR_RETURN(const auto file, disk_.Open(name));
  ASSIGN_OR_RETURN(const Bytes raw, file->ReadAt(0, kSegmentHeaderBytes));
  ASSIGN_OR_RETURN(const SegmentHeader header, DecodeSegmentHeader(raw, name));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (header.start != start || header.file_bytes != size || size <= kSegmentHeaderBytes ||
      size % kRecordAlignment != 0) {
    return Fail(
        ErrorCode::kCorrupt,
        fmt::format("log file {}: its header at offset 0 says start {:#x} and {} bytes, the "
                    "file has {} bytes",
                    name, header.start.value(), header.file_bytes, size));
  }
  return Segment{start, size};
}

Status SegmentFiles::FindSpare(const std::string& name, Found& found) {
  ASSIGN_OR_RETURN(auto file, disk_.Open(name));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  file.reset();
  if (size != file_bytes_) return disk_.Remove(name);
  found.spares.push_back(name);
  return {};
}

Result<SegmentFiles::Found> SegmentFiles::Find() {
  Found found;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, disk_.List());
  for (const std::string& name : names) {
    if (const auto start = NumberOf(name, kSegmentSuffix)) {
      ASSIGN_OR_RETURN(const Segment segment, ReadHeader(Lsn(*start)));
      found.segments.push_back(segment);
    } else if (const auto number = NumberOf(name, kSpareSuffix)) {
      next_number_ = std::max(next_number_.load(), *number + 1);
      RETURN_IF_ERROR(FindSpare(name, found));
    } else if (NumberOf(name, kNewSuffix)) {
      RETURN_IF_ERROR(disk_.Remove(name));
    }
  }
  return found;
}

Result<std::string> SegmentFiles::AllocateSpare() {
  const std::string unfinished = NewName(kNewSuffix);
  auto file = disk_.Create(unfinished);
  if (!file) return Fail(std::move(file).error());
  Status status = (*file)->Allocate(file_bytes_);
  file->reset();
  const std::string spare = NewName(kSpareSuffix);
  if (status) status = disk_.Rename(unfinished, spare);
  if (!status) {
    // The space must come back. A failure here changes nothing: the first error is the answer, and
    // Find removes what is left.
    (void)disk_.Remove(unfinished);
    return Fail(std::move(status).error());
  }
  RETURN_IF_ERROR(disk_.SyncDirectory());
  return spare;
}

Result<std::unique_ptr<File>> SegmentFiles::StartSegment(const std::string& spare, Lsn start) {
  ASSIGN_OR_RETURN(auto file, disk_.Open(spare));
  RETURN_IF_ERROR(file->WriteAt(0, EncodeSegmentHeader({start, file_bytes_})));
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(disk_.Rename(spare, Segment{start, file_bytes_}.FileName()));
  RETURN_IF_ERROR(disk_.SyncDirectory());
  return file;
}

Result<std::string> SegmentFiles::Recycle(const Segment& segment) {
  const std::string spare = NewName(kSpareSuffix);
  RETURN_IF_ERROR(disk_.Rename(segment.FileName(), spare));
  RETURN_IF_ERROR(disk_.SyncDirectory());
  return spare;
}

Status SegmentFiles::Remove(const Segment& segment) {
  RETURN_IF_ERROR(disk_.Remove(segment.FileName()));
  return disk_.SyncDirectory();
}

Result<std::unique_ptr<File>> SegmentFiles::Open(const Segment& segment) const {
  return disk_.Open(segment.FileName());
}

}  // namespace metaring::log
