// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/certificates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

#include "kvnode/rpc/pem_files.h"
#include "tests/unit/rpc/pki.h"

namespace metaring::rpc {
namespace {

mode_t ModeOf(const std::string& file) {
  struct stat attributes {};
  EXPECT_EQ(::stat(file.c_str(), &attributes), 0);
  return attributes.st_mode & 07777;
}

TEST(Certificates, CarryTheirIdentity) {
  const Pki pki;
  for (const Role role : {Role::kNode, Role::kClient, Role::kAdmin}) {
    pki.Issue("some-name", role);
    const auto certificate = ReadCertificate(pki.PathOf("some-name.crt"));
    ASSERT_TRUE(certificate);
    const auto identity = IdentityOf(certificate->get());
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->role, role);
    EXPECT_EQ(identity->name, "some-name");
  }
}

TEST(Certificates, OfACaAreNoIdentity) {
  const Pki pki;
  EXPECT_FALSE(IdentityOf(ReadCertificate(pki.PathOf("ca.crt"))->get()));
}

TEST(Certificates, OfOtherSubjectsAreNoIdentity) {
  const Pki pki;
  const std::vector<std::vector<SubjectEntry>> odd = {
      {},
      {{"O", "Metaring"}, {"CN", "alice"}},
      {{"O", "Metaring"}, {"OU", "client"}},
      {{"OU", "client"}, {"CN", "alice"}},
      {{"O", "Other"}, {"OU", "client"}, {"CN", "alice"}},
      {{"O", "Metaring"}, {"OU", "root"}, {"CN", "alice"}},
      {{"O", "Metaring"}, {"OU", "none"}, {"CN", "alice"}},
      {{"O", "Metaring"}, {"OU", "client"}, {"CN", "al ice"}},
      {{"O", "Metaring"}, {"OU", "client"}, {"CN", ByteView("alice\0.evil", 11)}},
      {{"O", "Metaring"}, {"OU", "client"}, {"CN", "alice"}, {"CN", "bob"}},
      {{"O", "Metaring"}, {"OU", "client"}, {"OU", "admin"}, {"CN", "alice"}},
      {{"O", "Metaring"}, {"OU", "client"}, {"CN", "alice"}, {"L", "here"}}};
  for (const auto& subject : odd) {
    pki.IssueOdd("odd", subject);
    EXPECT_FALSE(IdentityOf(ReadCertificate(pki.PathOf("odd.crt"))->get()));
  }
  pki.IssueOdd("odd", {{"O", "Metaring"}, {"OU", "client"}, {"CN", "alice"}});
  EXPECT_TRUE(IdentityOf(ReadCertificate(pki.PathOf("odd.crt"))->get()));
}

TEST(Certificates, HaveKeysThatOnlyTheirOwnerReads) {
  const Pki pki;
  pki.Issue("node", Role::kNode);
  EXPECT_EQ(ModeOf(pki.PathOf("ca.key")), 0400U);
  EXPECT_EQ(ModeOf(pki.PathOf("node.key")), 0400U);
}

TEST(Certificates, AreNotOverwrittenUnlessAsked) {
  const Pki pki;
  pki.Issue("node", Role::kNode);
  const CertificateRequest request{{Role::kNode, "node"}, {"localhost"}};
  EXPECT_EQ(CreateCa("ca", 1, pki.FilesOf("ca"), false).error().code, ErrorCode::kExists);
  EXPECT_EQ(CreateCertificate(pki.FilesOf("ca"), request, pki.FilesOf("node"), false).error().code,
            ErrorCode::kExists);
  EXPECT_TRUE(CreateCertificate(pki.FilesOf("ca"), request, pki.FilesOf("node"), true));
  EXPECT_EQ(ModeOf(pki.PathOf("node.key")), 0400U);
}

TEST(Certificates, AreNotMadeFromNonsense) {
  const Pki pki;
  const CertificateRequest good{{Role::kNode, "node"}, {"localhost"}};
  const auto code = [&](const CertificateRequest& request) {
    const Status made = CreateCertificate(pki.FilesOf("ca"), request, pki.FilesOf("x"), false);
    return made ? ErrorCode::kInternal : made.error().code;
  };
  for (const char* name : {"", "with space", "new\nline", "-dash", "sl/ash"}) {
    CertificateRequest bad = good;
    bad.identity.name = name;
    EXPECT_EQ(code(bad), ErrorCode::kInvalidArgument) << name;
  }
  for (const char* name : {"", "a,DNS:b", "*.example.org", "a b"}) {
    CertificateRequest bad = good;
    bad.names = {name};
    EXPECT_EQ(code(bad), ErrorCode::kInvalidArgument) << name;
  }
  CertificateRequest bad = good;
  bad.names = {};
  EXPECT_EQ(code(bad), ErrorCode::kInvalidArgument);
  bad = good;
  bad.identity.role = Role::kNone;
  EXPECT_EQ(code(bad), ErrorCode::kInvalidArgument);
  bad = good;
  bad.days_valid = 0;
  EXPECT_EQ(code(bad), ErrorCode::kInvalidArgument);
}

TEST(Certificates, AreSignedByACaOnly) {
  const Pki pki;
  pki.Issue("node", Role::kNode);
  const CertificateRequest request{{Role::kClient, "c"}, {}};
  const auto by = [&](const CertificateFiles& ca) {
    const Status made = CreateCertificate(ca, request, pki.FilesOf("x"), false);
    return made ? ErrorCode::kInternal : made.error().code;
  };
  EXPECT_EQ(by(pki.FilesOf("node")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(by({pki.PathOf("ca.crt"), pki.PathOf("node.key")}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(by(pki.FilesOf("missing")), ErrorCode::kNotFound);
  std::ofstream(pki.PathOf("garbage.crt")) << "garbage";
  EXPECT_EQ(by(pki.FilesOf("garbage")), ErrorCode::kInvalidArgument);
}

TEST(Certificates, AreRevokedOnceAndFromThenOn) {
  const Pki pki;
  pki.Issue("a", Role::kClient);
  pki.Issue("b", Role::kClient);
  const std::string file = pki.PathOf("crl");
  ASSERT_TRUE(Revoke(pki.FilesOf("ca"), {pki.PathOf("a.crt")}, 1, file));
  ASSERT_TRUE(Revoke(pki.FilesOf("ca"), {pki.PathOf("a.crt"), pki.PathOf("b.crt")}, 1, file));
  const auto crl = ReadCrl(file);
  ASSERT_TRUE(crl);
  EXPECT_EQ(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl->get())), 2);
  ASSERT_TRUE(CreateCa("other", 1, pki.FilesOf("other"), false));
  EXPECT_EQ(Revoke(pki.FilesOf("other"), {pki.PathOf("a.crt")}, 1, pki.PathOf("o")).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace metaring::rpc
