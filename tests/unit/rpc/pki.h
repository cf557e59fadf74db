// SPDX-License-Identifier: Apache-2.0
//
// Pki: a directory with a CA and what it has signed, for tests; gone with the object.
#ifndef METARING_TESTS_UNIT_RPC_PKI_H_
#define METARING_TESTS_UNIT_RPC_PKI_H_

#include <memory>
#include <string>
#include <vector>

#include "kvnode/rpc/certificates.h"
#include "kvnode/rpc/tls.h"

namespace metaring::rpc {

struct SubjectEntry {
  const char* field;
  ByteView value;
};

class Pki {
 public:
  Pki();
  ~Pki();
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  std::string PathOf(const std::string& file) const { return directory_ + "/" + file; }
  CertificateFiles FilesOf(const std::string& name) const;
  // Signs NAME.crt and NAME.key, by the CA `ca`; nodes are good for localhost and 127.0.0.1.
  void Issue(const std::string& name, Role role, const std::string& ca = "ca") const;
  void Issue(const std::string& name, const CertificateRequest& request) const;
  // A client's certificate whose subject is anything.
  void IssueOdd(const std::string& name, const std::vector<SubjectEntry>& subject) const;
  // Of a side that shows NAME's certificate and believes the CA `ca`.
  TlsOptions OptionsOf(const std::string& name, const std::string& ca = "ca") const;
  std::shared_ptr<const TlsContext> ClientContext(const std::string& name,
                                                  const std::string& ca = "ca") const;

 private:
  std::string directory_;
};

}  // namespace metaring::rpc

#endif  // METARING_TESTS_UNIT_RPC_PKI_H_
