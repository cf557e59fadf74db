// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rpc/pki.h"

#include <cstdlib>
#include <filesystem>

#include "kvnode/base/check.h"
#include "kvnode/rpc/pem_files.h"

namespace metaring::rpc {

Pki::Pki() {
  std::string pattern = (std::filesystem::temp_directory_path() / "metaring-pki-XXXXXX").string();
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  CHECK(CreateCa("test-ca", 10, FilesOf("ca"), false));
}

Pki::~Pki() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

CertificateFiles Pki::FilesOf(const std::string& name) const {
  return {PathOf(name + ".crt"), PathOf(name + ".key")};
}

void Pki::Issue(const std::string& name, Role role, const std::string& ca) const {
  CertificateRequest request{{role, name}, {}, 5};
  if (role == Role::kNode) request.names = {"localhost", "127.0.0.1"};
  CHECK(CreateCertificate(FilesOf(ca), request, FilesOf(name), true));
}

void Pki::Issue(const std::string& name, const CertificateRequest& request) const {
  CHECK(CreateCertificate(FilesOf("ca"), request, FilesOf(name), true));
}

void Pki::IssueOdd(const std::string& name, const std::vector<SubjectEntry>& subject) const {
  Issue(name, CertificateRequest{{Role::kClient, "odd"}, {}, 5});
  const auto certificate = ReadCertificate(PathOf(name + ".crt"));
  const auto signer = ReadKey(PathOf("ca.key"));
  CHECK(certificate && signer);
  X509_NAME* written = X509_NAME_new();
  for (const SubjectEntry& entry : subject) {
    CHECK(X509_NAME_add_entry_by_txt(written, entry.field, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(entry.value.data()),
                                     static_cast<int>(entry.value.size()), -1, 0) == 1);
  }
  X509_set_subject_name(certificate->get(), written);
  X509_NAME_free(written);
  CHECK(X509_sign(certificate->get(), signer->get(), EVP_sha256()) > 0);
  CHECK(WriteCertificate(certificate->get(), PathOf(name + ".crt")));
}

TlsOptions Pki::OptionsOf(const std::string& name, const std::string& ca) const {
  const CertificateFiles own = FilesOf(name);
  return {FilesOf(ca).certificate_file, own.certificate_file, own.key_file, "", false};
}

std::shared_ptr<const TlsContext> Pki::ClientContext(const std::string& name,
                                                     const std::string& ca) const {
  const auto context = TlsContext::ForClient(OptionsOf(name, ca));
  CHECK(context);
  return *context;
}

}  // namespace metaring::rpc
