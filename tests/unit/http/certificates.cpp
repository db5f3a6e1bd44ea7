#include "unit/http/certificates.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace admitone::http {
namespace {

constexpr long kDay = 24L * 60 * 60;

void need(bool good) {
  if (!good) throw std::runtime_error("OpenSSL cannot make the test's certificate");
}

void add_extension(X509* certificate, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  auto* const extension = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
  need(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Identity unsigned_identity(const std::string& name, int days) {
  Identity out{Certificate(X509_new()), Key(EVP_EC_gen("P-256"))};
  need(out.certificate != nullptr && out.key != nullptr);
  auto* const certificate = out.certificate.get();
  static long serial = 1;
  need(X509_set_version(certificate, 2) == 1);
  need(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++) == 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), (days - 1) * kDay);
  need(X509_set_pubkey(certificate, out.key.get()) == 1);
  const auto* const text = reinterpret_cast<const unsigned char*>(name.c_str());
  need(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text, -1,
                                  -1, 0) == 1);
  return out;
}

}  // namespace

Identity make_authority(const std::string& name) {
  auto out = unsigned_identity(name, 10);
  auto* const certificate = out.certificate.get();
  need(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1);
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign");
  need(X509_sign(certificate, out.key.get(), EVP_sha256()) > 0);
  return out;
}

Identity make_server(const Identity& authority, const std::string& names, int days) {
  auto out = unsigned_identity("server", days);
  auto* const certificate = out.certificate.get();
  auto* const issuer = authority.certificate.get();
  need(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
  add_extension(certificate, issuer, NID_subject_alt_name, names);
  need(X509_sign(certificate, authority.key.get(), EVP_sha256()) > 0);
  return out;
}

void write_pem(const Certificate& certificate, const std::string& path) {
  auto* const file = std::fopen(path.c_str(), "w");
  need(file != nullptr);
  const bool good = PEM_write_X509(file, certificate.get()) == 1;
  need(std::fclose(file) == 0 && good);
}

}  // namespace admitone::http
