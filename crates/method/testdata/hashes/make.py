#!/usr/bin/env python3
"""Makes vectors.json: password hashes by programs that have nothing in common with ours.

    pip install bcrypt argon2-cffi passlib cryptography    # and: openssl, perl with a libc that knows crypt(3), go
    ./make.py > vectors.json

Salts are fixed, so that the file changes only when something is added. What stands in PUBLISHED was copied from the
documents named there.
"""
import base64, hashlib, hmac, json, os, pathlib, subprocess, sys, tempfile

import argon2.low_level as argon2
import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from passlib.hash import md5_crypt, sha256_crypt, sha512_crypt

PASSWORDS = ["correct horse battery staple", "pässwörd ☃", "x", "0123456789" * 7]
SALT = b"a salt of 16 b.."
vectors = []


def add(made_by, password, hash):
    vectors.append({"made_by": made_by, "password": password, "hash": hash})


def padded(raw):
    return base64.b64encode(raw).decode()


def unpadded(raw):
    return padded(raw).rstrip("=")


def crypt(password):
    """The passwords of Unix, by passlib, OpenSSL and the C library (through Perl)."""
    kinds = {
        "md5-crypt": ("1", md5_crypt, "-1"),
        "sha256-crypt": ("5", sha256_crypt, "-5"),
        "sha512-crypt": ("6", sha512_crypt, "-6"),
    }
    for name, (number, passlib, option) in kinds.items():
        ours = lambda text: text.replace(f"${number}$", f"${name}$", 1)
        if number == "1":
            add("passlib", password, ours(passlib.using(salt="saltsalt").hash(password)))
        else:
            for rounds in [1000, 5000, 6001]:
                add("passlib", password, ours(passlib.using(salt="saltsaltsaltsalt", rounds=rounds).hash(password)))
        command = ["openssl", "passwd", option, "-salt", "pepper", "-stdin"]
        add("OpenSSL", password, ours(subprocess.check_output(command, input=password.encode()).decode().strip()))
        command = ["perl", "-e", f'print crypt($ARGV[0], q(${number}$.a/salt$))', password]
        add("libc", password, ours(subprocess.check_output(command).decode()))


def derived(password):
    raw = password.encode()
    for digest, length in [("sha1", 20), ("sha1", 32), ("sha256", 16), ("sha256", 32), ("sha512", 64), ("sha256", 80)]:
        key = hashlib.pbkdf2_hmac(digest, raw, SALT, 1000, length)
        add("Python hashlib", password, f"$pbkdf2-{digest}$i=1000,l={length}${unpadded(SALT)}${unpadded(key)}")
    for cost, block, parallelism, length in [(1024, 8, 1, 32), (2048, 4, 3, 64), (16384, 8, 1, 32)]:
        key = hashlib.scrypt(raw, salt=SALT, n=cost, r=block, p=parallelism, dklen=length)
        costs = f"ln={cost},r={block},p={parallelism}"
        add("Python hashlib", password, f"$scrypt${costs}${padded(SALT)}${padded(key)}")
    separator, signer = b"\x0a\x01", bytes(range(64))
    key = hashlib.scrypt(raw, salt=SALT + separator, n=1 << 10, r=8, p=1, dklen=32)
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    hidden = cipher.update(signer) + cipher.finalize()
    fields = "$".join(padded(field) for field in [SALT, hidden, separator, signer])
    add("Python hashlib, cryptography", password, f"$firescrypt$ln=10,r=8,p=1${fields}")
    for kind, name in [(argon2.Type.ID, "argon2id"), (argon2.Type.I, "argon2i")]:
        text = argon2.hash_secret(raw, SALT, time_cost=2, memory_cost=512, parallelism=2, hash_len=32, type=kind)
        add("argon2-cffi", password, text.decode())
    for prefix in [b"2a", b"2b"]:
        salt = b"$" + prefix + b"$04$abcdefghijklmnopqrstuu"
        text = bcrypt.hashpw(raw, salt).decode()
        add("Python bcrypt", password, text)
        if prefix == b"2b":
            for other in ["2", "2y", "2z"]:
                add("Python bcrypt, another prefix", password, text.replace("$2b$", f"${other}$", 1))


def digests(password):
    raw = password.encode()
    for name, digest in [("SSHA", "sha1"), ("SSHA256", "sha256"), ("SSHA512", "sha512")]:
        for salt in [SALT, b"salt"]:
            add("Python hashlib", password, "{%s}%s" % (name, padded(hashlib.new(digest, raw + salt).digest() + salt)))
    for digest in ["sha1", "sha256", "sha512", "md5"]:
        for template in ["{SALT}{PASSWORD}", "{PASSWORD}{SALT}", "{SALT}$-{PASSWORD}-{SALT}-{PASSWORD}"]:
            text = template.encode().replace(b"{SALT}", SALT).replace(b"{PASSWORD}", raw)
            fields = "$".join(padded(field) for field in [SALT, hashlib.new(digest, text).digest()])
            add("Python hashlib", password, f"${digest}$pf={padded(template.encode())}${fields}")
    add("Python hashlib", password, "$md5$" + padded(hashlib.md5(raw).digest()))
    for digest in ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]:
        code = hmac.new(SALT, raw, digest).hexdigest().encode()
        add("Python hmac", password, f"$hmac-{digest}${padded(code)}${padded(SALT)}")


def by_go():
    """What the original itself computes with: Go's library, with MD4 and SHA-3."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(__file__).parent
        pathlib.Path(folder, "main.go").write_text((here / "make.go.txt").read_text())
        pathlib.Path(folder, "go.mod").write_text("module vectors\n\ngo 1.24\n")
        go = lambda *words: subprocess.check_output(["go", *words], cwd=folder, env={**os.environ, "GOFLAGS": "-mod=mod"})
        go("mod", "tidy")
        for password in PASSWORDS:
            for line in go("run", ".", password).decode().splitlines():
                add("Go", password, line)


PUBLISHED = [
    # https://github.com/firebase/scrypt
    ("Firebase", "user1password",
     "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
     "$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="),
    # RFC 7914, sections 11 and 12
    ("RFC 7914", "passwd", "$pbkdf2-sha256$i=1,l=64$" + unpadded(b"salt") + "$" + unpadded(bytes.fromhex(
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"))),
    ("RFC 7914", "pleaseletmein", "$scrypt$ln=16384,r=8,p=1$" + padded(b"SodiumChloride") + "$" + padded(bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"))),
    # RFC 6070
    ("RFC 6070", "password", "$pbkdf2-sha1$i=4096,l=20$" + unpadded(b"salt") + "$" + unpadded(bytes.fromhex(
        "4b007901b765489abead49d926f721d065a429c1"))),
    ("RFC 6070", "passwordPASSWORDpassword", "$pbkdf2-sha1$i=4096,l=25$" + unpadded(b"saltSALTsaltSALTsaltSALTsaltSALTsalt")
     + "$" + unpadded(bytes.fromhex("3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"))),
    # https://www.akkadia.org/drepper/SHA-crypt.txt
    ("Drepper", "Hello world!", "$sha256-crypt$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    ("Drepper", "Hello world!",
     "$sha256-crypt$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
    ("Drepper", "Hello world!",
     "$sha512-crypt$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
    # RFC 2202 and RFC 4231: "Jefe" is the key, the message the password
    ("RFC 2202", "what do ya want for nothing?", "$hmac-md5$" + padded(b"750c783e6ab0b503eaa86e310a5db738") + "$" + padded(b"Jefe")),
    ("RFC 4231", "what do ya want for nothing?", "$hmac-sha256$"
     + padded(b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843") + "$" + padded(b"Jefe")),
]

for vector in PUBLISHED:
    add(*vector)
for password in PASSWORDS:
    crypt(password)
    derived(password)
    digests(password)
by_go()
rows = ",\n".join("  " + json.dumps(vector, ensure_ascii=False) for vector in vectors)
sys.stdout.write(f"[\n{rows}\n]\n")
