"""Certificates for a test, made by OpenSSL's own program."""

import pathlib
import subprocess

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr}")


class Authority:
    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.certificate, self.key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        _openssl("req", "-x509", *EC, "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", 30, "-subj",
                 f"/CN={name}")

    def sign(self, name, subject, names="", days=30, password=""):
        """NAME.pem and NAME.key in its folder; `names` as subjectAltName has them. A day that is negative is over."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, more = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        more.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        secret = ["-passout", "pass:" + password] if password else ["-nodes"]
        _openssl("req", *EC, *secret, "-keyout", key, "-out", request, "-subj", f"/CN={subject}")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                 "-days", days, "-extfile", more, "-out", certificate)
        return certificate, key
