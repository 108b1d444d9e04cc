#!/usr/bin/env python3
"""Makes the databases that the tests of the move read: a Kratos is started, people are created, sign in and out, and its tables
are written down, one statement a line, beside what it said of them.

    python3 make.py KRATOS-BINARY sqlite
    python3 make.py KRATOS-BINARY postgres postgres://postgres@127.0.0.1:25432/an_empty_database?sslmode=disable

The first also writes `mysql.sql`: the same rows in the types that Kratos' tables have on MySQL, for it does not start on MariaDB.
Needs Python's requests and, for PostgreSQL, psql and pg_dump. What the move does not read is cut: indexes, keys, the ledger of
migrations, the nodes of flows and the text of mails.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

HERE = Path(__file__).parent
PUBLIC, ADMIN = "http://127.0.0.1:24100", "http://127.0.0.1:24101"
PASSWORD = "a long pass phrase 93"
TOTP = "JBSWY3DPEHPK3PXP"
TYPES = ["password", "totp", "oidc", "lookup_secret", "webauthn", "passkey", "code"]
COOKIE = "ory_kratos_session"


def page(name, **more):
    return {"ui_url": f"http://ui.example.org/{name}", **more}


def config(dsn):
    keys = {"enabled": True, "config": {"rp": {"id": "localhost", "display_name": "x", "origins": ["http://localhost"]}}}
    provider = {"id": "acme", "provider": "generic", "client_id": "x", "client_secret": "y", "issuer_url": "http://127.0.0.1:9", "mapper_url": "base64://e30="}
    return {
        "dsn": dsn,
        "serve": {
            "public": {"host": "127.0.0.1", "port": 24100, "base_url": PUBLIC + "/"},
            "admin": {"host": "127.0.0.1", "port": 24101, "base_url": ADMIN + "/"},
        },
        "log": {"level": "warning"},
        "secrets": {"cookie": ["a-cookie-secret-for-tests"], "cipher": ["a-cipher-secret-for-tests-32-lon"]},
        "ciphers": {"algorithm": "xchacha20-poly1305"},
        "hashers": {"algorithm": "bcrypt", "bcrypt": {"cost": 4}},
        # Nobody is signed out by the time that passes between the making and a test.
        "session": {"lifespan": "876000h"},
        "courier": {"smtp": {"connection_uri": "smtp://127.0.0.1:1/?disable_starttls=true"}},
        "identity": {"default_schema_id": "default", "schemas": [{"id": "default", "url": f"file://{HERE.resolve()}/person.schema.json"}]},
        "selfservice": {
            "default_browser_return_url": "http://ui.example.org/home",
            "methods": {
                "password": {"enabled": True, "config": {"haveibeenpwned_enabled": False}},
                "totp": {"enabled": True, "config": {"issuer": "Test"}},
                "lookup_secret": {"enabled": True},
                "code": {"enabled": True, "passwordless_enabled": True},
                "webauthn": keys,
                "passkey": keys,
                "oidc": {"enabled": True, "config": {"providers": [provider]}},
            },
            "flows": {
                "error": page("error"),
                "login": page("login"),
                "settings": page("settings"),
                "registration": page("registration", after={"password": {"hooks": [{"hook": "session"}]}}),
                "recovery": page("recovery", enabled=True),
                "verification": page("verification", enabled=True),
            },
        },
    }


def key(name, handle, passwordless):
    text = lambda value: base64.b64encode(value.encode()).decode()
    authenticator = {"aaguid": text("0" * 16), "sign_count": 3, "clone_warning": False}
    one = {
        "id": text(name), "public_key": text("cose"), "attestation_type": "none", "display_name": name, "added_at": "2024-01-02T03:04:05Z",
        "is_passwordless": passwordless, "authenticator": authenticator,
    }
    return {"config": {"user_handle": text(handle), "credentials": [one]}}


def create(name, credentials, **more):
    traits = {"email": f"{name}@example.org", "name": name.title()}
    answer = requests.post(ADMIN + "/admin/identities", json={"schema_id": "default", "traits": traits, "credentials": credentials, **more})
    assert answer.status_code == 201, answer.text


def create_all():
    password = {"password": {"config": {"password": PASSWORD}}}
    hashed = lambda text: {"password": {"config": {"hashed_password": text}}}
    verified = [{"value": "ada@example.org", "verified": True, "via": "email", "status": "completed"}]
    metadata = {"role": "first", "z": 1, "a": [1, 2.5, None]}
    create("ada", password, verifiable_addresses=verified, metadata_public=metadata, metadata_admin={"note": "of old"}, external_id="ext-ada")
    create("bea", hashed("$argon2id$v=19$m=32,t=2,p=4$cm94YnRVOW5jZzFzcVE4bQ$MNzk5BtR2vUhrp6qQEjRNw"))
    totp_url = f"otpauth://totp/Test:cleo@example.org?algorithm=SHA1&digits=6&issuer=Test&period=30&secret={TOTP}"
    create("cleo", {**password, "totp": {"config": {"totp_url": totp_url}}})
    create("dora", {**password, "lookup_secret": {"config": {"codes": [{"code": "abcd1234"}, {"code": "efgh5678"}]}}})
    create("emma", {"oidc": {"config": {"providers": [{"subject": "Emma-at-acme", "provider": "acme"}]}}})
    create("fay", {**password, "webauthn": key("key-of-fay", "fay", False)})
    create("gil", {"passkey": key("key-of-gil", "handle-of-gil", True)})
    create("hal", password, state="inactive")
    create("ina", password)
    # Kratos takes it, and finds out at the login that it cannot be read.
    create("jon", hashed("$sha1$pf=%%%$c2FsdA==$aGFzaA=="))
    create("kim", {"password": {"config": {"use_password_migration_hook": True}}})


def native(name):
    flow = requests.get(PUBLIC + "/self-service/login/api").json()
    answer = requests.post(flow["ui"]["action"], json={"method": "password", "identifier": f"{name}@example.org", "password": PASSWORD}, headers={"User-Agent": "app"})
    assert answer.status_code == 200, answer.text
    return {"token": answer.json()["session_token"], "session": answer.json()["session"]["id"]}


def browser(name):
    session = requests.Session()
    session.headers["User-Agent"] = "Firefox of " + name
    flow = session.get(PUBLIC + "/self-service/login/browser", headers={"Accept": "application/json"}).json()
    csrf = next(node["attributes"]["value"] for node in flow["ui"]["nodes"] if node["attributes"].get("name") == "csrf_token")
    values = {"method": "password", "identifier": f"{name}@example.org", "password": PASSWORD, "csrf_token": csrf}
    answer = session.post(flow["ui"]["action"], json=values, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    cookie = session.cookies.get_dict()[COOKIE]
    who = requests.get(PUBLIC + "/sessions/whoami", cookies={COOKIE: cookie})
    return {"cookie": cookie, "session": who.json()["id"]}


def totp():
    tag = hmac.new(base64.b32decode(TOTP), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = tag[-1] & 15
    return "%06d" % ((struct.unpack(">I", tag[at : at + 4])[0] & 0x7FFFFFFF) % 10**6)


def second_factor(token):
    headers = {"X-Session-Token": token}
    flow = requests.get(PUBLIC + "/self-service/login/api", params={"aal": "aal2"}, headers=headers).json()
    answer = requests.post(flow["ui"]["action"], json={"method": "totp", "totp_code": totp()}, headers=headers)
    assert answer.status_code == 200, answer.text


def live():
    create_all()
    tokens = {name: native(name) for name in ("ada", "cleo", "dora")}
    second_factor(tokens["cleo"]["token"])
    cookies = {name: browser(name) for name in ("ada", "ina")}
    ended = browser("ina")
    assert requests.delete(ADMIN + "/admin/sessions/" + ended["session"]).status_code == 204
    flow = requests.get(PUBLIC + "/self-service/recovery/api").json()
    requests.post(flow["ui"]["action"], json={"method": "code", "email": "ada@example.org"})
    people = requests.get(ADMIN + "/admin/identities", params={"include_credential": TYPES}).json()
    whoami = {name: requests.get(PUBLIC + "/sessions/whoami", headers={"X-Session-Token": one["token"]}).json() for name, one in tokens.items()}
    whoami = {name: session for name, session in whoami.items() if "identity" in session}
    for said in [*people, *(session["identity"] for session in whoami.values())]:
        del said["schema_url"]
    return {"password": PASSWORD, "totp": TOTP, "tokens": tokens, "cookies": cookies, "ended": ended, "whoami": whoami, "people": people}


def serve(binary, dsn):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kratos.json"
        file.write_text(json.dumps(config(dsn)))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ, "DSN": dsn}}
        subprocess.run([binary, "migrate", "sql", "up", "-e", "-y", "-c", file], check=True, **quiet)
        server = subprocess.Popen([binary, "serve", "-c", file, "--dev", "--sqa-opt-out"], **quiet)
        try:
            for _ in range(300):
                try:
                    if requests.get(ADMIN + "/admin/health/ready").status_code == 200:
                        return live()
                except requests.ConnectionError:
                    pass
                time.sleep(0.1)
            raise SystemExit("Kratos does not come up")
        finally:
            server.terminate()
            server.wait()


CUT = ["UPDATE courier_messages SET body = '', template_data = NULL", "DELETE FROM schema_migration"]
CUT += [f"UPDATE selfservice_{kind}_flows SET ui = '{{}}', internal_context = '{{}}'" for kind in ("login", "recovery")]


def of_sqlite(file):
    with sqlite3.connect(file, isolation_level=None) as database:
        for statement in CUT:
            database.execute(statement)
        lines = list(database.iterdump())
        tables = [re.sub(r"--.*", "", line) for line in lines if line.startswith("CREATE TABLE")]
        # Rows stand in the order of the tables' names, whatever they point to.
        return [*tables, "PRAGMA defer_foreign_keys = ON;", *(line for line in lines if line.startswith("INSERT"))]


MYSQL = {
    "networks": "id char(36), created_at timestamp NULL, updated_at timestamp NULL",
    "identities": "id char(36), schema_id varchar(2048), traits json, created_at datetime, updated_at datetime, nid char(36), state varchar(255), "
    "state_changed_at timestamp NULL, metadata_public json, metadata_admin json, available_aal varchar(4), organization_id char(36), external_id varchar(64)",
    "identity_credential_types": "id char(36), name varchar(32)",
    "identity_credentials": "id char(36), config json, identity_credential_type_id char(36), identity_id char(36), created_at datetime, "
    "updated_at datetime, nid char(36), version int",
    "identity_credential_identifiers": "id char(36), identifier varchar(255), identity_credential_id char(36), created_at datetime, updated_at datetime, "
    "nid char(36), identity_credential_type_id char(36), identity_id char(36)",
    "identity_verifiable_addresses": "id char(36), status varchar(16), via varchar(16), verified tinyint(1), value varchar(400), "
    "verified_at datetime NULL, identity_id char(36), created_at datetime, updated_at datetime, nid char(36)",
    "identity_recovery_addresses": "id char(36), via varchar(16), value varchar(400), identity_id char(36), created_at datetime, updated_at datetime, nid char(36)",
    "sessions": "id char(36), issued_at datetime, expires_at datetime, authenticated_at datetime, identity_id char(36), created_at datetime, "
    "updated_at datetime, token varchar(39), active tinyint(1), nid char(36), aal varchar(4), authentication_methods json",
    "session_devices": "id char(36), ip_address varchar(50), user_agent varchar(512), location varchar(512), nid char(36), session_id char(36), "
    "created_at datetime, updated_at datetime, identity_id char(36)",
}


def mysql_value(value, kind):
    if value is None:
        return "NULL"
    if kind.startswith("tinyint"):
        return "1" if str(value).lower() in ("1", "true") else "0"
    if kind.startswith(("datetime", "timestamp")):
        value = value[:19]
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def of_sqlite_for_mysql(file):
    statements = []
    with sqlite3.connect(file) as database:
        for table, columns in MYSQL.items():
            statements.append(f"CREATE TABLE {table} ({columns});")
            kinds = dict(column.split(" ", 1) for column in columns.split(", "))
            for row in database.execute(f"SELECT {', '.join(kinds)} FROM {table}"):
                values = ", ".join(map(mysql_value, row, kinds.values()))
                statements.append(f"INSERT INTO {table} ({', '.join(kinds)}) VALUES ({values});")
    return statements


def of_postgres(dsn):
    subprocess.run(["psql", "-q", dsn, *[word for statement in CUT for word in ("-c", statement)]], check=True)
    dump = subprocess.run(["pg_dump", "--inserts", "--no-owner", "--no-privileges", dsn], check=True, capture_output=True, text=True).stdout
    dump = dump.replace("public.", "")
    return re.findall(r"^(?:CREATE TABLE|INSERT).*?;$", dump, re.M | re.S)


def write(name, statements):
    lines = [re.sub(r"\s*\n\s*", " ", statement) for statement in statements]
    lines.sort(key=lambda line: not line.startswith("CREATE"))
    (HERE / name).write_text("\n".join(lines) + "\n")


def main(binary, kind, dsn=None):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kratos.sqlite"
        said = serve(binary, dsn or f"sqlite://{file}?_fk=true")
        write(f"{kind}.sql", of_postgres(dsn) if dsn else of_sqlite(file))
        if not dsn:
            write("mysql.sql", of_sqlite_for_mysql(file))
    (HERE / f"{kind}.json").write_text(json.dumps(said, separators=(",", ":")) + "\n")


main(*sys.argv[1:])
