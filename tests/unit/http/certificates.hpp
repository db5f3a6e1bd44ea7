#pragma once
// Certificates made in the test: an authority of its own, and what it signs.

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace admitone::http {

struct FreeOpenSsl {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Certificate = std::unique_ptr<X509, FreeOpenSsl>;
using Key = std::unique_ptr<EVP_PKEY, FreeOpenSsl>;

struct Identity {
  Certificate certificate;
  Key key;
};

// Signs itself.
Identity make_authority(const std::string& name);
// `names` as in subjectAltName: "IP:127.0.0.1", "DNS:venue.example". Valid from a day ago for so
// many days.
Identity make_server(const Identity& authority, const std::string& names, int days);
void write_pem(const Certificate& certificate, const std::string& path);

}  // namespace admitone::http
