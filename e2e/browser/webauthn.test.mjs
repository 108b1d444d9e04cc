// The script for security keys and passkeys against a virtual authenticator, on a page that holds just the documented nodes.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { addAuthenticator, launch, open } from "./browser.mjs";

const script = await readFile(new URL("../../crates/web/src/pages/assets/webauthn.js", import.meta.url));
const bytes = (length) => Buffer.alloc(length, 7).toString("base64url");
let browser;
let server;
let origin;
let page;

/** Shows a form with these inputs, `{name: value}`; a name with a trigger is a button or calls when loaded. */
async function show(inputs, { onclick = {}, onload = {} } = {}) {
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const rows = Object.entries(inputs).map(([name, value]) => onclick[name]
    ? `<button type="button" name="${name}" value="${escape(value)}" data-onclick-trigger="${onclick[name]}">${name}</button>`
    : `<input name="${name}" value="${escape(value)}"${onload[name] ? ` data-onload-trigger="${onload[name]}"` : ""}
         ${name === "identifier" ? 'autocomplete="username webauthn"' : ""}>`);
  server.page = `<!doctype html><script src="/webauthn.js" defer></script><form method="post" action="/sent">${rows.join("\n")}</form>`;
  await page.goto(origin);
}

/** What the page sent, once it has. */
async function sent() {
  await page.waitForURL(`${origin}/sent`);
  return new URLSearchParams(server.body);
}

const press = (name) => page.locator(`button[name="${name}"]`).click();

before(async () => {
  server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method === "POST") server.body = Buffer.concat(chunks).toString();
      const isScript = request.url === "/webauthn.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.setHeader("content-security-policy", "default-src 'none'; script-src 'self'");
      response.end(isScript ? script : request.method === "POST" ? "sent" : server.page);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://localhost:${server.address().port}`;
  browser = await launch();
  page = await open(browser);
  await addAuthenticator(page);
});

after(async () => {
  await browser?.close();
  await new Promise((resolve) => server?.close(resolve));
});

const creation = () => ({
  publicKey: {
    challenge: bytes(32),
    rp: { id: "localhost", name: "Zelos" },
    user: { id: bytes(64), name: "", displayName: "" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    excludeCredentials: [],
    authenticatorSelection: { residentKey: "required", userVerification: "preferred" },
  },
});
const request = (...ids) => ({
  publicKey: {
    challenge: bytes(32),
    rpId: "localhost",
    allowCredentials: ids.map((id) => ({ type: "public-key", id })),
  },
});

const checkAttestation = (text) => {
  const credential = JSON.parse(text);
  assert.equal(credential.type, "public-key");
  assert.equal(credential.rawId, credential.id);
  const client = JSON.parse(Buffer.from(credential.response.clientDataJSON, "base64url"));
  assert.deepEqual([client.type, client.challenge], ["webauthn.create", bytes(32)]);
  assert.ok(credential.response.attestationObject);
  return credential;
};
const checkAssertion = (text) => {
  const { response } = JSON.parse(text);
  const client = JSON.parse(Buffer.from(response.clientDataJSON, "base64url"));
  assert.deepEqual([client.type, client.challenge], ["webauthn.get", bytes(32)]);
  assert.ok(response.authenticatorData && response.signature);
  return response;
};

test("a security key is registered and used", async () => {
  await show(
    { webauthn_register_displayname: "key", webauthn_register: "", webauthn_register_trigger: JSON.stringify(creation()) },
    { onclick: { webauthn_register_trigger: "oryWebAuthnRegistration" } },
  );
  await press("webauthn_register_trigger");
  const form = await sent();
  assert.equal(form.get("webauthn_register_displayname"), "key");
  const { id } = checkAttestation(form.get("webauthn_register"));

  await show(
    { identifier: "a@example.com", webauthn_login: "", webauthn_login_trigger: JSON.stringify(request(id)) },
    { onclick: { webauthn_login_trigger: "oryWebAuthnLogin" } },
  );
  await press("webauthn_login_trigger");
  checkAssertion((await sent()).get("webauthn_login"));

  await show({ webauthn_login: "", webauthn_login_trigger: "" });
  await page.evaluate((options) => { window.__oryWebAuthnLogin(options); }, request(id));
  checkAssertion((await sent()).get("webauthn_login"));
});

test("a passkey takes its name from the first filled field, and signs in", async () => {
  const data = { credentialOptions: creation(), displayNameFieldNames: ["traits.nick", "traits.email"] };
  await show(
    {
      "traits.nick": "",
      "traits.email": "a@example.com",
      passkey_create_data: JSON.stringify(data),
      passkey_register: "",
      passkey_register_trigger: "",
    },
    { onclick: { passkey_register_trigger: "oryPasskeyRegistration" } },
  );
  await press("passkey_register_trigger");
  checkAttestation((await sent()).get("passkey_register"));

  await show(
    { passkey_challenge: JSON.stringify(request()), passkey_login: "", passkey_login_trigger: "" },
    { onclick: { passkey_login_trigger: "oryPasskeyLogin" } },
  );
  await press("passkey_login_trigger");
  assert.equal(checkAssertion((await sent()).get("passkey_login")).userHandle, bytes(64));
});

test("a passkey is added in the settings", async () => {
  await show(
    { passkey_create_data: JSON.stringify(creation()), passkey_settings_register: "", passkey_register_trigger: "" },
    { onclick: { passkey_register_trigger: "oryPasskeySettingsRegistration" } },
  );
  await press("passkey_register_trigger");
  checkAttestation((await sent()).get("passkey_settings_register"));
});

test("a passkey is offered in the identifier field", async () => {
  await show(
    { identifier: "", passkey_challenge: JSON.stringify(request()), passkey_login: "" },
    { onload: { passkey_login: "oryPasskeyLoginAutocompleteInit" } },
  );
  // The virtual authenticator answers the waiting request as a person who picks the passkey would.
  checkAssertion((await sent()).get("passkey_login"));
});

test("an unknown trigger does nothing", async () => {
  await show({ evil: "" }, { onclick: { evil: "constructor" }, onload: {} });
  await press("evil");
  assert.deepEqual(page.complaints, []);
});
