// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::rpc {
namespace {

ssize_t Receive(Stream::End& end, char* out, size_t size) {
  if (end.drained) {
    errno = EAGAIN;
    return -1;
  }
  ssize_t got = 0;
  do {
    got = ::recv(end.fd, out, size, 0);
  } while (got < 0 && errno == EINTR);
  end.drained = got > 0 && static_cast<size_t>(got) < size;
  return got;
}

ssize_t Transmit(const Stream::End& end, const char* data, size_t size) {
  ssize_t sent = 0;
  do {
    sent = ::send(end.fd, data, size, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

bool WouldBlock() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

int BioRead(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got =
      Receive(*static_cast<Stream::End*>(BIO_get_data(bio)), out, static_cast<size_t>(size));
  if (got < 0 && WouldBlock()) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

int BioWrite(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent =
      Transmit(*static_cast<Stream::End*>(BIO_get_data(bio)), data, static_cast<size_t>(size));
  if (sent < 0 && WouldBlock()) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long BioControl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

const BIO_METHOD* Method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "metaring");
    CHECK(method != nullptr);
    BIO_meth_set_read(method, BioRead);
    BIO_meth_set_write(method, BioWrite);
    BIO_meth_set_ctrl(method, BioControl);
    return method;
  }();
  return kMethod;
}

// The alerts by which a peer turns down a handshake (RFC 8446, 6.2).
bool IsRefusal(int reason) {
  constexpr std::array kRefusals = {
      SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,   SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
      SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
      SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      SSL_R_TLSV1_ALERT_UNKNOWN_CA,          SSL_R_TLSV1_ALERT_ACCESS_DENIED,
      SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,    SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED};
  return std::find(kRefusals.begin(), kRefusals.end(), reason) != kRefusals.end();
}

// Verdicts that come good by themselves: a clock is behind, or memory was short.
bool PassesWithTime(long verdict) {
  return verdict == X509_V_ERR_CERT_NOT_YET_VALID || verdict == X509_V_ERR_CRL_NOT_YET_VALID ||
         verdict == X509_V_ERR_OUT_OF_MEM;
}

}  // namespace

Stream::Stream(int fd, SslPtr ssl) : end_{fd}, ssl_(std::move(ssl)) {
  if (ssl_ == nullptr) return;
  BIO* bio = BIO_new(Method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, &end_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

Stream::~Stream() = default;

void Stream::NoteSslError(int kind) {
  if (!error_.empty()) return;  // the first says why
  if (kind == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
    error_ = errno == 0 ? "closed by the peer" : std::strerror(errno);
    return;
  }
  if (IsRefusal(ERR_GET_REASON(ERR_peek_error()))) rejection_ = Rejection::kByPeer;
  error_ = OpensslReason();
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict == X509_V_OK) return;
  if (!PassesWithTime(verdict)) rejection_ = Rejection::kOfPeer;
  error_ += std::string(": ") + X509_verify_cert_error_string(verdict);
}

Progress Stream::AfterSsl(int result, size_t bytes) {
  if (result > 0) return {Outcome::kDone, bytes};
  switch (const int kind = SSL_get_error(ssl_.get(), result); kind) {
    case SSL_ERROR_WANT_READ:
      return {Outcome::kWantRead};
    case SSL_ERROR_WANT_WRITE:
      return {Outcome::kWantWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {Outcome::kEnd};
    default:
      NoteSslError(kind);
      return {Outcome::kFailed};
  }
}

Progress Stream::Handshake() {
  ERR_clear_error();
  errno = 0;
  return AfterSsl(SSL_do_handshake(ssl_.get()), 0);
}

Progress Stream::Read(std::span<char> space) {
  errno = 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &got);
    return AfterSsl(result, got);
  }
  const ssize_t got = Receive(end_, space.data(), space.size());
  if (got > 0) return {Outcome::kDone, static_cast<size_t>(got)};
  if (got == 0) return {Outcome::kEnd};
  if (WouldBlock()) return {Outcome::kWantRead};
  error_ = std::strerror(errno);
  return {Outcome::kFailed};
}

Progress Stream::Write(ByteView data) {
  errno = 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    size_t sent = 0;
    const int result = SSL_write_ex(ssl_.get(), data.data(), data.size(), &sent);
    return AfterSsl(result, sent);
  }
  const ssize_t sent = Transmit(end_, data.data(), data.size());
  if (sent >= 0) return {Outcome::kDone, static_cast<size_t>(sent)};
  if (WouldBlock()) return {Outcome::kWantWrite};
  error_ = std::strerror(errno);
  return {Outcome::kFailed};
}

void Stream::SayGoodbye() {
  if (ssl_ != nullptr && error_.empty() && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ERR_clear_error();
}

}  // namespace metaring::rpc
