// Security keys and passkeys on our pages, with Chromium's virtual authenticator.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../server.mjs";
import { addAuthenticator, checkAccessible, launch, open } from "./browser.mjs";
import { field, goToLogin, goToRegistration, isSignedIn, message, password, register, send, signOut } from "./steps.mjs";

const shots = fileURLToPath(new URL("shots", import.meta.url));
const party = { id: "localhost", display_name: "Zelos" };
const email = {
  credentials: { password: { identifier: true }, webauthn: { identifier: true }, passkey: { display_name: true } },
};
const session = { after: { passkey: { hooks: [{ hook: "session" }] }, webauthn: { hooks: [{ hook: "session" }] } } };
let browser;
const servers = {};

async function start(name, { webauthn, passkey = true, password = true, flows = {} }) {
  const methods = {
    password: { enabled: password },
    webauthn: webauthn ? { enabled: true, config: { rp: party, ...webauthn } } : { enabled: false },
    passkey: passkey ? { enabled: true, config: { rp: party } } : { enabled: false },
  };
  servers[name] = await startServer({ host: "localhost", email, config: { selfservice: { methods, flows } } });
}

before(async () => {
  await mkdir(shots, { recursive: true });
  browser = await launch();
  await start("both", { webauthn: {}, flows: { registration: session } });
  await start("two steps", { webauthn: { passwordless: true }, flows: { registration: { ...session, style: "profile_first" }, login: { style: "identifier_first" } } });
});

after(async () => {
  await browser?.close();
  for (const server of Object.values(servers)) await server.stop();
});

const button = (page, name) => page.locator(`button[name="${name}"]`).first();
const goToSettings = async (page, { publicUrl }) => {
  await page.goto(`${publicUrl}/self-service/settings/browser`);
  await page.waitForURL(/\/ui\/settings\?flow=/);
};
const factors = (page) => page.locator("#session").innerText();

for (const [width, colorScheme] of [[1280, "light"], [390, "dark"]]) {
  const options = { colorScheme, viewport: { width, height: 800 } };
  const shoot = async (page, name) => {
    await checkAccessible(page);
    await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
  };

  test(`a security key as a second factor, ${width} wide`, async () => {
    const server = servers.both;
    const page = await open(browser, options);
    await addAuthenticator(page, { hasResidentKey: false, hasUserVerification: false, isUserVerified: false, transport: "usb" });
    const address = `key-${width}@example.com`;
    await register(page, server.publicUrl, address);
    await goToSettings(page, server);
    await shoot(page, "settings-keys");
    await field(page, "webauthn_register_displayname").fill("The blue <one>");
    await button(page, "webauthn_register_trigger").click();
    await message(page, 1050001).waitFor();
    assert.match(await button(page, "webauthn_remove").innerText(), /The blue <one>/);
    await shoot(page, "settings-keys-set-up");

    await page.goto(`${server.publicUrl}/`);
    await signOut(page);
    await goToLogin(page, server.publicUrl);
    await field(page, "identifier").fill(address);
    await field(page, "password").fill(password);
    await send(page);
    await button(page, "webauthn_login_trigger").waitFor();
    await shoot(page, "login-security-key");
    await button(page, "webauthn_login_trigger").click();
    await isSignedIn(page, address);
    assert.match(await factors(page), /webauthn|security key/i);
    await goToSettings(page, server);
    await button(page, "webauthn_remove").click();
    await message(page, 1050001).waitFor();
    assert.equal(await button(page, "webauthn_remove").count(), 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test(`a passkey is added under a name, signs in by one click, and goes, ${width} wide`, async () => {
    const server = servers.both;
    const page = await open(browser, options);
    // The person is asked, so that the offer behind the field does not take them in by itself.
    const { devtools, authenticatorId } = await addAuthenticator(page);
    const address = `passkey-${width}@example.com`;
    await register(page, server.publicUrl, address);
    await goToSettings(page, server);
    await page.locator("#passkey-name").fill("My phone");
    await button(page, "passkey_register_trigger").click();
    await message(page, 1050001).waitFor();
    assert.match(await button(page, "passkey_remove").innerText(), /My phone/);
    await shoot(page, "settings-passkey-set-up");
    await page.goto(`${server.publicUrl}/`);
    await signOut(page);

    await devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: false });
    await goToLogin(page, server.publicUrl);
    await shoot(page, "login-passkey");
    await devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: true });
    // They may be signed in before the page of the form has come to rest.
    await page.goto(`${server.publicUrl}/self-service/login/browser`, { waitUntil: "commit" });
    await isSignedIn(page, address);
    assert.match(await factors(page), /passkey/i, "by autofill");
    await signOut(page);

    await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
    await goToLogin(page, server.publicUrl);
    await button(page, "passkey_login_trigger").click();
    await isSignedIn(page, address);

    await goToSettings(page, server);
    await button(page, "passkey_remove").click();
    await message(page, 1050001).waitFor();
    assert.equal(await button(page, "passkey_remove").count(), 0);
    await page.context().close();
  });

  test(`an account with nothing but a passkey, ${width} wide`, async () => {
    const server = servers.both;
    const page = await open(browser, options);
    await addAuthenticator(page);
    const address = `only-${width}@example.com`;
    await goToRegistration(page, server.publicUrl);
    await field(page, "traits.email").fill(address);
    await shoot(page, "registration-passkey");
    await button(page, "passkey_register_trigger").click();
    await isSignedIn(page, address);
    await goToSettings(page, server);
    assert.equal(await button(page, "passkey_remove").isDisabled(), true, "the last way in stays");
    await shoot(page, "settings-last-passkey");
    await page.context().close();
  });

  test(`in two steps, and a security key instead of a password, ${width} wide`, async () => {
    const server = servers["two steps"];
    const page = await open(browser, options);
    await addAuthenticator(page);
    const address = `steps-${width}@example.com`;
    await goToRegistration(page, server.publicUrl);
    await field(page, "traits.email").fill(address);
    await page.locator('button[name="method"][value="profile"]').click();
    await button(page, "webauthn_register_trigger").waitFor();
    await shoot(page, "registration-keys");
    await field(page, "webauthn_register_displayname").fill("The red one");
    await button(page, "webauthn_register_trigger").click();
    await isSignedIn(page, address);
    await signOut(page);

    await goToLogin(page, server.publicUrl);
    await field(page, "identifier").fill(address);
    await page.locator('button[name="method"][value="identifier_first"]').click();
    await page.locator('button[name="method"][value="webauthn"]').click();
    await button(page, "webauthn_login_trigger").waitFor();
    await shoot(page, "login-security-key-alone");
    await button(page, "webauthn_login_trigger").click();
    await isSignedIn(page, address);
    await page.context().close();
  });
}
