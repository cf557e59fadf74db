// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/pem_files.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "kvnode/base/bytes.h"
#include "kvnode/base/check.h"

namespace metaring::rpc {
namespace {

Result<BioPtr> Open(const std::string& file) {
  errno = 0;
  BioPtr bio(BIO_new_file(file.c_str(), "r"));
  ERR_clear_error();
  if (bio == nullptr) return Fail(ErrnoError(errno, file));
  return bio;
}

tl::unexpected<Error> NotOne(const std::string& file, const char* what) {
  return Fail(ErrorCode::kInvalidArgument,
              file + (": no " + std::string(what)) + ": " + OpensslReason());
}

Status WriteAll(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(ErrnoError(errno, "write"));
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd) != 0) return Fail(ErrnoError(errno, "fsync"));
  return {};
}

Status WriteFile(BIO* memory, const std::string& file, mode_t mode) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  const std::string fresh = file + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return Fail(ErrnoError(errno, fresh));
  Status status = WriteAll(fd, {data, static_cast<size_t>(size)});
  ::close(fd);
  if (status && ::rename(fresh.c_str(), file.c_str()) != 0) status = Fail(ErrnoError(errno, file));
  if (!status) ::unlink(fresh.c_str());
  return status;
}

BioPtr Memory() {
  BioPtr bio(BIO_new(BIO_s_secmem()));
  CHECK(bio != nullptr);
  return bio;
}

}  // namespace

Result<X509Ptr> ReadCertificate(const std::string& file) {
  ASSIGN_OR_RETURN(const BioPtr bio, Open(file));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return NotOne(file, "certificate");
  return certificate;
}

Result<KeyPtr> ReadKey(const std::string& file) {
  ASSIGN_OR_RETURN(const BioPtr bio, Open(file));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return NotOne(file, "private key");
  return key;
}

Result<X509CrlPtr> ReadCrl(const std::string& file) {
  ASSIGN_OR_RETURN(const BioPtr bio, Open(file));
  X509CrlPtr crl(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
  if (crl == nullptr) return NotOne(file, "revocation list");
  return crl;
}

Status WriteCertificate(const X509* certificate, const std::string& file) {
  const BioPtr memory = Memory();
  CHECK(PEM_write_bio_X509(memory.get(), certificate) == 1);
  return WriteFile(memory.get(), file, 0644);
}

Status WriteKey(const EVP_PKEY* key, const std::string& file) {
  const BioPtr memory = Memory();
  CHECK(PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return WriteFile(memory.get(), file, 0400);
}

Status WriteCrl(const X509_CRL* crl, const std::string& file) {
  const BioPtr memory = Memory();
  CHECK(PEM_write_bio_X509_CRL(memory.get(), crl) == 1);
  return WriteFile(memory.get(), file, 0644);
}

}  // namespace metaring::rpc
