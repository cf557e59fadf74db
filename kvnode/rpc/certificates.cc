// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/certificates.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/rpc/pem_files.h"

namespace metaring::rpc {
namespace {

constexpr int kSerialBits = 127;  // positive, and at most 20 bytes (RFC 5280, 4.1.2.2)
constexpr int kDaysMax = 36'500;
constexpr size_t kDnsNameBytesMax = 253;

Status Writable(const CertificateFiles& out, bool overwrite) {
  if (out.certificate_file == out.key_file) {
    return Fail(ErrorCode::kInvalidArgument, "certificate and key are one file: " + out.key_file);
  }
  for (const std::string& file : {out.certificate_file, out.key_file}) {
    if (!overwrite && ::access(file.c_str(), F_OK) == 0) {
      return Fail(ErrorCode::kExists, file + " exists");
    }
  }
  return {};
}

Status ValidDays(int days) {
  if (days >= 1 && days <= kDaysMax) return {};
  return Fail(ErrorCode::kInvalidArgument, "days_valid must be 1 to 36500");
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

bool IsDnsName(const std::string& name) {
  return !name.empty() && name.size() <= kDnsNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

Status Valid(const CertificateRequest& request) {
  RETURN_IF_ERROR(ValidDays(request.days_valid));
  if (!IsValidName(request.identity.name)) {
    return Fail(ErrorCode::kInvalidArgument, "name: 1 to 64 of letters, digits, '.', '_', '-'");
  }
  if (request.identity.role == Role::kNone) {
    return Fail(ErrorCode::kInvalidArgument, "role: node, client or admin");
  }
  if (request.identity.role == Role::kNode && request.names.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a node needs the names that it is reached by");
  }
  for (const std::string& name : request.names) {
    if (!IsAddress(name) && !IsDnsName(name)) {
      return Fail(ErrorCode::kInvalidArgument, "not a DNS name or IP address: " + Escaped(name));
    }
  }
  return {};
}

void AddEntry(X509_NAME* subject, int nid, std::string_view value) {
  CHECK(X509_NAME_add_entry_by_NID(subject, nid, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(value.data()),
                                   static_cast<int>(value.size()), -1, 0) == 1);
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  CHECK(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void SetRandomSerial(X509* certificate) {
  const BignumPtr serial(BN_new());
  CHECK(BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1);
  CHECK(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr);
}

// What every certificate has: serial, times, key, the O and CN of its subject.
X509Ptr Begin(EVP_PKEY* key, int days_valid, int minutes_back) {
  X509Ptr certificate(X509_new());
  CHECK(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  SetRandomSerial(certificate.get());
  const long begin = -60L * minutes_back;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), begin);
  X509_time_adj_ex(X509_getm_notAfter(certificate.get()), days_valid, begin, nullptr);
  CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  AddEntry(X509_get_subject_name(certificate.get()), NID_organizationName, "Metaring");
  return certificate;
}

Status SignAndWrite(X509* certificate, EVP_PKEY* key, EVP_PKEY* signer,
                    const CertificateFiles& out) {
  CHECK(X509_sign(certificate, signer, EVP_sha256()) > 0);
  RETURN_IF_ERROR(WriteKey(key, out.key_file));
  return WriteCertificate(certificate, out.certificate_file);
}

struct Ca {
  X509Ptr certificate;
  KeyPtr key;
};

Result<Ca> LoadCa(const CertificateFiles& files) {
  Ca ca;
  ASSIGN_OR_RETURN(ca.certificate, ReadCertificate(files.certificate_file));
  ASSIGN_OR_RETURN(ca.key, ReadKey(files.key_file));
  if (X509_check_ca(ca.certificate.get()) < 1 ||
      X509_check_private_key(ca.certificate.get(), ca.key.get()) != 1) {
    ERR_clear_error();
    return Fail(ErrorCode::kInvalidArgument, "not a CA and its key: " + files.certificate_file);
  }
  return ca;
}

std::string AlternativeNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ',';
    text += (IsAddress(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

Status AddRevoked(X509_CRL* crl, X509* ca, const std::string& file) {
  ASSIGN_OR_RETURN(const X509Ptr certificate, ReadCertificate(file));
  if (X509_check_issued(ca, certificate.get()) != X509_V_OK) {
    return Fail(ErrorCode::kInvalidArgument, file + " was not issued by this CA");
  }
  X509_REVOKED* known = nullptr;
  if (X509_CRL_get0_by_cert(crl, &known, certificate.get()) == 1) return {};
  X509RevokedPtr revoked(X509_REVOKED_new());
  CHECK(revoked != nullptr);
  CHECK(X509_REVOKED_set_serialNumber(revoked.get(), X509_get_serialNumber(certificate.get())));
  ASN1_TIME* now = X509_gmtime_adj(nullptr, 0);
  CHECK(X509_REVOKED_set_revocationDate(revoked.get(), now) == 1);
  ASN1_TIME_free(now);
  CHECK(X509_CRL_add0_revoked(crl, revoked.release()) == 1);
  return {};
}

Result<X509CrlPtr> OldOrNew(const std::string& file, const X509* ca) {
  if (::access(file.c_str(), F_OK) == 0) return ReadCrl(file);
  X509CrlPtr crl(X509_CRL_new());
  CHECK(crl != nullptr && X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1);
  CHECK(X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(ca)) == 1);
  return crl;
}

// From as far back as certificates, for clocks that are behind.
void SetTimes(X509_CRL* crl, int days_valid) {
  ASN1_TIME* now = X509_gmtime_adj(nullptr, -60L * CertificateRequest().minutes_back);
  CHECK(X509_CRL_set1_lastUpdate(crl, now) == 1);
  X509_time_adj_ex(now, days_valid, 0, nullptr);
  CHECK(X509_CRL_set1_nextUpdate(crl, now) == 1);
  ASN1_TIME_free(now);
}

}  // namespace

Status CreateCa(const std::string& name, int days_valid, const CertificateFiles& out,
                bool overwrite) {
  RETURN_IF_ERROR(ValidDays(days_valid));
  if (!IsValidName(name)) {
    return Fail(ErrorCode::kInvalidArgument, "name: 1 to 64 of letters, digits, '.', '_', '-'");
  }
  RETURN_IF_ERROR(Writable(out, overwrite));
  const KeyPtr key(EVP_EC_gen("P-256"));
  CHECK(key != nullptr);
  const X509Ptr ca = Begin(key.get(), days_valid, CertificateRequest().minutes_back);
  AddEntry(X509_get_subject_name(ca.get()), NID_commonName, name);
  CHECK(X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get())) == 1);
  AddExtension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  AddExtension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  return SignAndWrite(ca.get(), key.get(), key.get(), out);
}

Status CreateCertificate(const CertificateFiles& ca_files, const CertificateRequest& request,
                         const CertificateFiles& out, bool overwrite) {
  RETURN_IF_ERROR(Valid(request));
  RETURN_IF_ERROR(Writable(out, overwrite));
  ASSIGN_OR_RETURN(const Ca ca, LoadCa(ca_files));
  const KeyPtr key(EVP_EC_gen("P-256"));
  CHECK(key != nullptr);
  const X509Ptr leaf = Begin(key.get(), request.days_valid, request.minutes_back);
  X509* const issuer = ca.certificate.get();
  X509_NAME* const subject = X509_get_subject_name(leaf.get());
  AddEntry(subject, NID_organizationalUnitName, RoleName(request.identity.role));
  AddEntry(subject, NID_commonName, request.identity.name);
  CHECK(X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer)) == 1);
  const bool node = request.identity.role == Role::kNode;
  AddExtension(leaf.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(leaf.get(), issuer, NID_key_usage, "critical,digitalSignature");
  AddExtension(leaf.get(), issuer, NID_ext_key_usage,
               node ? "serverAuth,clientAuth" : "clientAuth");
  AddExtension(leaf.get(), issuer, NID_subject_key_identifier, "hash");
  AddExtension(leaf.get(), issuer, NID_authority_key_identifier, "keyid:always");
  if (!request.names.empty()) {
    AddExtension(leaf.get(), issuer, NID_subject_alt_name, AlternativeNames(request.names));
  }
  return SignAndWrite(leaf.get(), key.get(), ca.key.get(), out);
}

Status Revoke(const CertificateFiles& ca_files, const std::vector<std::string>& certificate_files,
              int days_valid, const std::string& file) {
  RETURN_IF_ERROR(ValidDays(days_valid));
  ASSIGN_OR_RETURN(const Ca ca, LoadCa(ca_files));
  ASSIGN_OR_RETURN(const X509CrlPtr crl, OldOrNew(file, ca.certificate.get()));
  SetTimes(crl.get(), days_valid);
  for (const std::string& certificate : certificate_files) {
    RETURN_IF_ERROR(AddRevoked(crl.get(), ca.certificate.get(), certificate));
  }
  CHECK(X509_CRL_sort(crl.get()) == 1);
  CHECK(X509_CRL_sign(crl.get(), ca.key.get(), EVP_sha256()) > 0);
  return WriteCrl(crl.get(), file);
}

}  // namespace metaring::rpc
