// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/batch.h"

namespace metaring::log {

size_t Batch::PieceBytes(size_t index) const {
  const size_t end = index + 1 < pieces_.size() ? pieces_[index + 1].offset : buffer_.size();
  return end - pieces_[index].offset;
}

uint64_t Batch::syncs() const {
  // Segments are started before anything is written, so every piece holds something.
  return pieces_.size();
}

void Batch::Add(RecordKind kind, Lsn begin, GroupId group, uint8_t type, ByteView payload) {
  if (pieces_.empty()) pieces_.push_back({begin, 0, {}});
  AppendUnsealed(buffer_, kind, begin, group, type, payload);
  end_ = Plus(begin, RecordBytes(payload.size()));
  if (kind == RecordKind::kData) ++records_;
}

void Batch::StartSegment(Lsn start, std::string spare) {
  pieces_.push_back({start, buffer_.size(), std::move(spare)});
  end_ = start;
}

void Batch::Clear() {
  if (buffer_.capacity() > kKeptBytes) buffer_ = Bytes();
  buffer_.clear();
  pieces_.clear();
  records_ = 0;
}

void SegmentWriter::Attach(const Segment& segment, std::unique_ptr<File> file) {
  segment_ = segment;
  file_ = std::move(file);
}

Status SegmentWriter::WritePiece(Batch& batch, size_t index) {
  const ByteView data(batch.PieceData(index), batch.PieceBytes(index));
  return file_->WriteThrough(segment_.OffsetOf(batch.pieces()[index].begin), data);
}

Status SegmentWriter::Write(Batch& batch, Lsn synced) {
  const std::vector<Batch::Piece>& pieces = batch.pieces();
  // A segment must exist before the record that leads into it (see FollowChain).
  std::vector<std::unique_ptr<File>> started;
  for (const Batch::Piece& piece : pieces) {
    if (piece.spare.empty()) continue;
    ASSIGN_OR_RETURN(auto file, files_.StartSegment(piece.spare, piece.begin));
    started.push_back(std::move(file));
  }
  auto next_file = started.begin();
  for (size_t i = 0; i < pieces.size(); ++i) {
    Seal(batch.PieceData(i), batch.PieceBytes(i), synced);
    if (!pieces[i].spare.empty()) {
      Attach({pieces[i].begin, files_.file_bytes()}, std::move(*next_file++));
    }
    RETURN_IF_ERROR(WritePiece(batch, i));
  }
  return {};
}

}  // namespace metaring::log
