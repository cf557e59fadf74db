// SPDX-License-Identifier: Apache-2.0
//
// Link: one connection, of either side: handshake, frames in, frames out, deadlines. What a frame
// means is for who derives from it: the server's connection, or the client's.
//
// Reading goes in turns: a turn reads what is there, at most kTurnBytes (or as much of one large
// frame), handles its frames, then writes all that was answered meanwhile at once. If there may be
// more, the next turn goes to the end of the thread's queue, behind every other connection that is
// ready. While more bytes wait to be sent than the bound, nothing is read.
//
// Writing: frames from any thread go to an outbox under the mutex; the IO thread takes them all and
// writes without it. One flush is asked for, not one a frame.
#ifndef METARING_KVNODE_RPC_LINK_H_
#define METARING_KVNODE_RPC_LINK_H_

#include <asio.hpp>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"
#include "kvnode/rpc/frame.h"
#include "kvnode/rpc/io_loop.h"
#include "kvnode/rpc/outbox.h"
#include "kvnode/rpc/stream.h"

namespace metaring::rpc {

struct LinkLimits {
  FrameLimits frames;
  size_t queue_bytes_max = 0;  // over it, nothing is read until half of it is gone
  std::chrono::nanoseconds handshake_deadline{};
  std::chrono::nanoseconds idle_deadline{};      // zero: none
  std::chrono::nanoseconds progress_deadline{};  // see Link::kProgressBytes
};

// Open, Close, StopReading and all hooks: on the loop's thread. Send and the rest: any thread.
class Link : public std::enable_shared_from_this<Link> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // Within each progress deadline the peer must take this much of what is sent, or all there is;
  // and send this much of a frame that has memory here, or the rest of it.
  static constexpr size_t kProgressBytes = 65'536;

  Link(IoLoop& loop, const LinkLimits& limits) : loop_(loop), limits_(limits) {}
  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Begins with a connected socket; `ssl` may be null: plain text.
  void Open(asio::ip::tcp::socket socket, SslPtr ssl);
  // Ends it. Further calls do nothing.
  void Close(const Error& why);
  // What is queued still goes out; OnIdle() tells when it has.
  void StopReading() { stopped_reading_ = true; }

  // Queues a frame. The place in the stream where it ends, to compare with bytes_written(); 0 when
  // the link is closed, and the frame is dropped.
  uint64_t Send(Bytes frame);
  // Has OnIdle called soon, when it applies.
  void Nudge();
  bool closed() const { return closed_flag_.load(std::memory_order_acquire); }
  uint64_t bytes_written() const { return bytes_written_; }  // on the loop's thread

 protected:
  // The handshake is done; an error closes.
  virtual Status OnReady(const SSL* session) = 0;
  // A frame's content, valid during the call. An error closes.
  virtual Status OnFrame(ByteView frame) = 0;
  // Whether a large frame may take so much memory, until it was given to OnFrame. If not it is
  // skipped, as are those over the limit: then this has its beginning (frame.h). An error closes.
  virtual bool MayTake(size_t) { return true; }
  virtual Status OnSkippedFrame(ByteView head) = 0;
  // Nothing is queued for sending.
  virtual void OnIdle() {}
  // Requests are being worked on: the idle deadline does not count.
  virtual bool IsWaitedFor() const { return false; }
  // Called once. `rejection`: whose certificate was not accepted, if that is why.
  virtual void OnClosed(const Error& why, Rejection rejection) = 0;

  IoLoop& loop() { return loop_; }
  size_t queued_bytes() const { return queued_.load(std::memory_order_relaxed); }

 private:
  // What belongs to the reactor; gone when closed, so that the rest may outlive the loop.
  struct Io {
    Io(asio::ip::tcp::socket connected, SslPtr ssl)
        : socket(std::move(connected)),
          timer(socket.get_executor()),
          stream(socket.native_handle(), std::move(ssl)) {}
    asio::ip::tcp::socket socket;
    asio::steady_timer timer;
    Stream stream;
  };

  std::shared_ptr<Link> Self() { return shared_from_this(); }
  void Shake();
  void BecomeReady();
  void AwaitReadable();
  void AwaitWritable();
  void Turn();
  Outcome ReadSome();
  void NoteRead(size_t bytes);
  bool HandleFrames();
  void AfterRead(Outcome last, bool paused);
  void PostTurn();
  void Flush();
  bool WriteSome();
  void NoteWritten(size_t bytes);
  bool Overfull() const { return queued_bytes() > limits_.queue_bytes_max; }
  // A large frame is coming, and it is not for this side that it does not.
  bool AwaitsFrame() const { return read_since_ && !paused_ && !stopped_reading_; }
  std::optional<TimePoint> NextDeadline() const;
  void ArmTimer();
  void OnTimer();
  void Break(Outcome outcome);

  // Constant.
  IoLoop& loop_;
  const LinkLimits limits_;

  // Of the loop's thread.
  std::optional<Io> io_;
  FrameReader reader_{limits_.frames, [this](size_t bytes) { return MayTake(bytes); }};
  Outbox sending_;
  bool ready_ = false;  // handshake done; then stays
  bool stopped_reading_ = false;
  bool paused_ = false;  // reading, until enough was written
  bool turn_posted_ = false;
  bool awaiting_readable_ = false;
  bool awaiting_writable_ = false;
  TimePoint handshake_end_{};
  TimePoint last_frame_{};                // or the beginning of one
  std::optional<TimePoint> write_since_;  // when the progress that is asked for began
  size_t write_progress_ = 0;
  std::optional<TimePoint> read_since_;  // too, of the large frame that is coming
  size_t read_progress_ = 0;
  std::optional<TimePoint> armed_for_;
  uint64_t bytes_written_ = 0;

  // Self-synchronised. closed_flag_ is closed_, for who may read it late.
  std::atomic<bool> closed_flag_{false};
  std::atomic<size_t> queued_{0};  // bytes in both outboxes

  Mutex mutex_;
  Outbox incoming_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  bool flush_due_ GUARDED_BY(mutex_) = true;  // somebody will flush: nobody else needs to ask
  uint64_t bytes_pushed_ GUARDED_BY(mutex_) = 0;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_LINK_H_
