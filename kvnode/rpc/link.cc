// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/link.h"

#include <algorithm>
#include <utility>

namespace metaring::rpc {
namespace {

using Clock = std::chrono::steady_clock;

// What one flush writes before others have their turn.
constexpr size_t kFlushBytes = 262'144;

}  // namespace

void Link::Open(asio::ip::tcp::socket socket, SslPtr ssl) {
  asio::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const bool encrypted = ssl != nullptr;
  io_.emplace(std::move(socket), std::move(ssl));
  last_frame_ = Clock::now();
  handshake_end_ = last_frame_ + limits_.handshake_deadline;
  if (!encrypted) return BecomeReady();
  ArmTimer();
  Shake();
}

void Link::Shake() {
  const Progress progress = io_->stream.Handshake();
  switch (progress.outcome) {
    case Outcome::kDone:
      return BecomeReady();
    case Outcome::kWantRead:
      return AwaitReadable();
    case Outcome::kWantWrite:
      return AwaitWritable();
    default:
      return Break(progress.outcome);
  }
}

void Link::BecomeReady() {
  ready_ = true;
  last_frame_ = Clock::now();
  if (Status status = OnReady(io_->stream.session()); !status) return Close(status.error());
  if (!io_) return;
  ArmTimer();
  Flush();
  if (io_) Turn();
}

void Link::AwaitReadable() {
  if (awaiting_readable_) return;
  awaiting_readable_ = true;
  io_->socket.async_wait(asio::socket_base::wait_read, [self = Self()](const auto&) {
    self->awaiting_readable_ = false;
    if (!self->io_) return;
    self->io_->stream.SetReadable();
    if (self->ready_) {
      self->Turn();
    } else {
      self->Shake();
    }
  });
}

void Link::AwaitWritable() {
  if (awaiting_writable_) return;
  awaiting_writable_ = true;
  io_->socket.async_wait(asio::socket_base::wait_write, [self = Self()](const auto&) {
    self->awaiting_writable_ = false;
    if (!self->io_) return;
    if (self->ready_) {
      self->Flush();
    } else {
      self->Shake();
    }
  });
}

void Link::PostTurn() {
  if (turn_posted_) return;
  turn_posted_ = true;
  asio::post(loop_.context, [self = Self()] {
    self->turn_posted_ = false;
    if (self->io_) self->Turn();
  });
}

// Reads until the space is full or nothing is there for now; says how it ended.
Outcome Link::ReadSome() {
  std::span<char> space = reader_.Space(loop_.scratch);
  const bool began = !reader_.in_frame();
  size_t filled = 0;
  Outcome last = Outcome::kDone;
  while (filled < std::min(space.size(), kTurnBytes)) {
    const Progress progress = io_->stream.Read(space.subspan(filled));
    last = progress.outcome;
    if (last != Outcome::kDone) break;
    filled += progress.bytes;
  }
  reader_.Filled(filled);
  if (began && filled > 0) last_frame_ = Clock::now();
  NoteRead(filled);
  return last;
}

void Link::NoteRead(size_t bytes) {
  read_progress_ += bytes;
  if (read_progress_ >= kProgressBytes) read_since_.reset();
}

// False when it stopped before the last whole frame: closed, or too much waits to be sent.
bool Link::HandleFrames() {
  while (io_) {
    if (Overfull()) {
      Flush();
      if (!io_ || Overfull()) return false;
    }
    Result<std::optional<Frame>> frame = reader_.Next();
    if (!frame) {
      Close(frame.error());
      return false;
    }
    if (!*frame) return true;
    const auto& [content, skipped] = **frame;
    if (Status status = skipped ? OnSkippedFrame(content) : OnFrame(content); !status) {
      Close(status.error());
      return false;
    }
  }
  return false;
}

void Link::Turn() {
  if (stopped_reading_) return Flush();
  {
    const MutexLock lock(mutex_);
    flush_due_ = true;
  }
  const Outcome last = ReadSome();
  const bool handled = HandleFrames();
  reader_.Keep();
  if (!io_) return;
  if (!reader_.in_large_frame()) {
    read_since_.reset();
  } else if (!read_since_) {
    read_since_ = Clock::now();
    read_progress_ = 0;
    ArmTimer();
  }
  Flush();
  if (io_) AfterRead(last, !handled);
}

void Link::AfterRead(Outcome last, bool paused) {
  // A peer that ended properly, or broke off, has its last frames handled, then the link ends.
  if (last == Outcome::kEnd || last == Outcome::kFailed) return Break(last);
  paused_ = paused;
  if (paused) {
    if (!Overfull()) PostTurn();
    return;
  }
  if (last == Outcome::kDone) return PostTurn();
  if (last == Outcome::kWantWrite) AwaitWritable();
  AwaitReadable();
}

uint64_t Link::Send(Bytes frame) {
  const MutexLock lock(mutex_);
  if (closed_) return 0;
  queued_.fetch_add(frame.size(), std::memory_order_relaxed);
  bytes_pushed_ += frame.size();
  incoming_.Push(std::move(frame));
  if (!flush_due_) {
    flush_due_ = true;
    // Under the mutex: once closed_ is set, the loop may be gone.
    asio::post(loop_.context, [self = Self()] {
      if (self->io_) self->Flush();
    });
  }
  return bytes_pushed_;
}

void Link::Nudge() {
  const MutexLock lock(mutex_);
  if (closed_ || flush_due_) return;
  flush_due_ = true;
  asio::post(loop_.context, [self = Self()] {
    if (self->io_) self->Flush();
  });
}

// Writes what it has until all is gone (true), or the socket is full, the flush's share is used up,
// or the link has failed (false).
bool Link::WriteSome() {
  size_t share = kFlushBytes;
  while (!sending_.empty()) {
    if (share == 0) {
      asio::post(loop_.context, [self = Self()] {
        if (self->io_) self->Flush();
      });
      return false;
    }
    const Progress progress = io_->stream.Write(sending_.Front());
    if (progress.outcome == Outcome::kDone) {
      sending_.Pop(progress.bytes);
      NoteWritten(progress.bytes);
      share -= std::min(share, progress.bytes);
      continue;
    }
    if (progress.outcome == Outcome::kWantWrite) {
      AwaitWritable();
    } else if (progress.outcome == Outcome::kWantRead) {
      AwaitReadable();
    } else {
      Break(progress.outcome);
    }
    return false;
  }
  return true;
}

void Link::NoteWritten(size_t bytes) {
  bytes_written_ += bytes;
  queued_.fetch_sub(bytes, std::memory_order_relaxed);
  write_progress_ += bytes;
  if (write_progress_ >= kProgressBytes) write_since_.reset();
}

void Link::Flush() {
  if (!ready_ || awaiting_writable_) return;
  for (;;) {
    {
      const MutexLock lock(mutex_);
      sending_.TakeAll(incoming_);
      if (sending_.empty()) {
        flush_due_ = false;
        break;
      }
    }
    if (!WriteSome()) {
      if (io_ && !write_since_) {
        write_since_ = Clock::now();
        write_progress_ = 0;
        ArmTimer();
      }
      break;
    }
  }
  if (!io_) return;
  if (sending_.empty()) {
    write_since_.reset();
    OnIdle();
  }
  if (io_ && paused_ && queued_bytes() <= limits_.queue_bytes_max / 2) {
    paused_ = false;
    read_since_.reset();  // the turn sets it anew
    PostTurn();
  }
}

std::optional<Link::TimePoint> Link::NextDeadline() const {
  if (!ready_) return handshake_end_;
  std::optional<TimePoint> next;
  if (limits_.idle_deadline.count() > 0) next = last_frame_ + limits_.idle_deadline;
  const auto count = [&](TimePoint since) {
    const TimePoint end = since + limits_.progress_deadline;
    next = next ? std::min(*next, end) : end;
  };
  if (write_since_) count(*write_since_);
  if (AwaitsFrame()) count(*read_since_);
  return next;
}

// The timer is set anew only for an earlier moment: a deadline that has moved on is found out when
// the old one passes.
void Link::ArmTimer() {
  const std::optional<TimePoint> next = NextDeadline();
  if (!next || (armed_for_ && *armed_for_ <= *next)) return;
  armed_for_ = next;
  io_->timer.expires_at(*next);
  io_->timer.async_wait([self = Self()](const asio::error_code& error) {
    if (error || !self->io_) return;
    self->armed_for_.reset();
    self->OnTimer();
  });
}

void Link::OnTimer() {
  const TimePoint now = Clock::now();
  if (!ready_ && now >= handshake_end_) {
    return Close(Error{ErrorCode::kDeadlineExceeded, "the handshake took too long"});
  }
  if (write_since_ && now >= *write_since_ + limits_.progress_deadline) {
    return Close(Error{ErrorCode::kDeadlineExceeded, "the peer does not read"});
  }
  if (AwaitsFrame() && now >= *read_since_ + limits_.progress_deadline) {
    return Close(Error{ErrorCode::kDeadlineExceeded, "a large message does not come"});
  }
  const bool waits = IsWaitedFor() || !sending_.empty();
  if (ready_ && limits_.idle_deadline.count() > 0 && now >= last_frame_ + limits_.idle_deadline) {
    if (!waits) return Close(Error{ErrorCode::kDeadlineExceeded, "idle for too long"});
    last_frame_ = now;
  }
  ArmTimer();
}

void Link::Break(Outcome outcome) {
  Close(Error{ErrorCode::kUnavailable,
              outcome == Outcome::kEnd ? "the peer has closed" : io_->stream.error()});
}

void Link::Close(const Error& why) {
  if (closed()) return;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    incoming_.Clear();
  }
  closed_flag_.store(true, std::memory_order_release);
  Rejection rejection = Rejection::kNone;
  if (io_) {
    rejection = io_->stream.rejection();
    if (sending_.empty()) io_->stream.SayGoodbye();
    asio::error_code ignored;
    io_->socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    io_->socket.close(ignored);
    io_.reset();
  }
  OnClosed(why, rejection);
}

}  // namespace metaring::rpc
