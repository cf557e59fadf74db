// SPDX-License-Identifier: Apache-2.0
//
// Stream: bytes over a connected socket that does not block, in plain text or through TLS. It never
// waits: it says what it waits for, and the Link that has it asks the reactor.
//
// TLS reads and writes the socket itself (a BIO of ours: no SIGPIPE, no buffers between). A recv
// that brings less than was asked for is taken as the last for now, which saves the one that would
// only say EAGAIN; what arrives later makes the socket readable again.
#ifndef METARING_KVNODE_RPC_STREAM_H_
#define METARING_KVNODE_RPC_STREAM_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/rpc/openssl_ptr.h"

namespace metaring::rpc {

enum class Outcome { kDone, kWantRead, kWantWrite, kEnd, kFailed };

// Why a stream failed, if it was for a certificate.
enum class Rejection {
  kNone,
  kOfPeer,  // the peer's was not accepted here
  kByPeer,  // an alert of the peer refused ours, or the handshake: it has read nothing after it
};

struct Progress {
  Outcome outcome = Outcome::kDone;
  size_t bytes = 0;  // only with kDone
};

// One caller.
class Stream {
 public:
  // The descriptor stays the caller's and outlives the stream. Without `ssl`, plain text.
  Stream(int fd, SslPtr ssl);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool encrypted() const { return ssl_ != nullptr; }
  const SSL* session() const { return ssl_.get(); }

  Progress Handshake();
  // At least one byte with kDone; `space` and `data` are not empty. kEnd: the peer has closed.
  Progress Read(std::span<char> space);
  Progress Write(ByteView data);
  // Call when the socket became readable.
  void SetReadable() { end_.drained = false; }
  // Tells the peer that this is the end, if that can be done without waiting.
  void SayGoodbye();

  // After kFailed, why. Names no secret; may repeat text of the peer's certificate's problems.
  const std::string& error() const { return error_; }
  // After kFailed.
  Rejection rejection() const { return rejection_; }

  // What the BIO sees.
  struct End {
    int fd;
    bool drained = false;
  };

 private:
  Progress AfterSsl(int result, size_t bytes);
  void NoteSslError(int kind);

  End end_;
  SslPtr ssl_;
  std::string error_;
  Rejection rejection_ = Rejection::kNone;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_STREAM_H_
