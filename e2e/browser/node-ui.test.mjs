// The official user interface for Node.js on top of the server: what people do there with each factor. It knows nothing of
// us, so it holds what the nodes, the script and the redirects promise.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { freePorts, startServer } from "../server.mjs";
import { addAuthenticator, launch, open } from "./browser.mjs";
import { findNodeUi, startNodeUi } from "./node-ui.mjs";
import { field, password, totpCode } from "./steps.mjs";

let browser;
let server;
let ui;
let missing;

before(async () => {
  let folder;
  try {
    folder = await findNodeUi();
  } catch (error) {
    missing = `the user interface for Node.js cannot be had: ${error.message} (${error.cause?.message ?? "no cause"})`;
    return;
  }
  const [port] = await freePorts(1);
  const url = `http://localhost:${port}`;
  const party = { id: "localhost", display_name: "Zelos", origins: [url] };
  const page = (name) => ({ ui_url: `${url}/${name}` });
  server = await startServer({
    host: "localhost",
    email: {
      credentials: {
        password: { identifier: true },
        webauthn: { identifier: true },
        passkey: { display_name: true },
        totp: { account_name: true },
      },
    },
    config: {
      // Its pages take the script for keys from the server with `crossorigin`, as scripts with a checksum must be.
      serve: { public: { cors: { enabled: true, allowed_origins: [url], allow_credentials: true } } },
      selfservice: {
        default_browser_return_url: `${url}/welcome`,
        allowed_return_urls: [url],
        methods: {
          totp: { enabled: true },
          lookup_secret: { enabled: true },
          webauthn: { enabled: true, config: { rp: party } },
          passkey: { enabled: true, config: { rp: party } },
        },
        flows: {
          login: page("login"),
          registration: page("registration"),
          settings: page("settings"),
          error: page("error"),
          logout: { after: { default_browser_return_url: `${url}/login` } },
        },
      },
    },
  });
  ui = await startNodeUi(folder, port, server.publicUrl);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await ui?.stop();
  await server?.stop();
});

const button = (page, name, value) =>
  page.locator(value === undefined ? `button[name="${name}"]` : `button[name="${name}"][value="${value}"]`).first();
const says = (page, id) => page.locator(`[data-testid="ui/message/${id}"]`).first().waitFor();

async function signUp(page, address) {
  await page.goto(`${ui.url}/registration`);
  // Who somebody is is asked twice: for a passkey, and for all the rest.
  const form = page.getByTestId("registration-flow");
  await field(form, "traits.email").fill(address);
  await field(form, "password").fill(password);
  await button(form, "method", "password").click();
  await page.waitForURL(/\/welcome/);
}

async function startOver(page) {
  await page.context().clearCookies();
  await page.goto(`${ui.url}/login`);
  await field(page, "identifier").first().waitFor();
}

async function signIn(page, address) {
  await startOver(page);
  await field(page, "identifier").first().fill(address);
  await field(page, "password").fill(password);
  await button(page, "method", "password").click();
}

/** The session that the browser has now. */
async function session(page) {
  await page.waitForURL(/\/welcome/);
  const answer = await page.context().request.get(`${server.publicUrl}/sessions/whoami`);
  assert.equal(answer.status(), 200);
  const { authenticator_assurance_level: level, authentication_methods: methods } = await answer.json();
  return [level, ...methods.map(({ method }) => method)];
}

/** A page with an authenticator, of somebody who has just signed up. */
async function somebody(t, address) {
  if (missing) return t.skip(missing);
  const page = await open(browser);
  await addAuthenticator(page);
  await signUp(page, address);
  await page.goto(`${ui.url}/settings`);
  return page;
}

test("a password", async (t) => {
  const page = await somebody(t, "password@example.com");
  if (!page) return;
  await signIn(page, "password@example.com");
  assert.deepEqual(await session(page), ["aal1", "password"]);
  await page.context().close();
});

test("an authenticator app", async (t) => {
  const page = await somebody(t, "totp@example.com");
  if (!page) return;
  const secret = (await page.locator("body").innerText()).match(/\b[A-Z2-7]{32}\b/)[0];
  await field(page, "totp_code").fill(totpCode(secret));
  await button(page, "method", "totp").click();
  await button(page, "totp_unlink").waitFor();
  await signIn(page, "totp@example.com");
  await field(page, "totp_code").fill(totpCode(secret, 1));
  await button(page, "method", "totp").click();
  assert.deepEqual(await session(page), ["aal2", "password", "totp"]);
  await page.context().close();
});

test("backup codes", async (t) => {
  const page = await somebody(t, "lookup@example.com");
  if (!page) return;
  await button(page, "lookup_secret_regenerate").click();
  await button(page, "lookup_secret_confirm").waitFor();
  const [code] = (await page.locator("body").innerText()).match(/\b(?=[a-z]*\d)[a-z0-9]{8}\b/g);
  await button(page, "lookup_secret_confirm").click();
  await button(page, "lookup_secret_reveal").waitFor();
  await signIn(page, "lookup@example.com");
  await field(page, "lookup_secret").fill(code);
  await button(page, "method", "lookup_secret").click();
  assert.deepEqual(await session(page), ["aal2", "password", "lookup_secret"]);
  await page.context().close();
});

test("a security key", async (t) => {
  const page = await somebody(t, "webauthn@example.com");
  if (!page) return;
  await field(page, "webauthn_register_displayname").fill("the blue one");
  await button(page, "webauthn_register_trigger").click();
  await button(page, "webauthn_remove").waitFor();
  await signIn(page, "webauthn@example.com");
  await button(page, "webauthn_login_trigger").click();
  assert.deepEqual(await session(page), ["aal2", "password", "webauthn"]);
  await page.context().close();
});

test("a passkey", async (t) => {
  const page = await somebody(t, "passkey@example.com");
  if (!page) return;
  await button(page, "passkey_register_trigger").click();
  await button(page, "passkey_remove").waitFor();
  // Without the offer behind the field, which would take them in before the button is pressed.
  await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
  await startOver(page);
  await button(page, "passkey_login_trigger").click();
  assert.deepEqual(await session(page), ["aal1", "passkey"]);
  await page.context().close();
});
