// What people do with codes and links that are sent to them, on the mailbox that a server for development keeps.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import {
  field, fillIn, goToLogin, goToRegistration, heading, isSignedIn, mails, message, password, phoneTrait, register, send, signOut,
} from "./steps.mjs";

const email = { verification: { via: "email" }, recovery: { via: "email" } };
const flows = (use) => ({
  recovery: { enabled: true, use },
  verification: { enabled: true, use },
});
const ask = (page) => page.locator('button[name="method"]').click();
/** Uses up the link that led to this page. */
async function confirm(page, name) {
  await checkAccessible(page);
  await page.getByRole("button", { name }).click();
}
const next = `another ${password}`;

let server;
let browser;

before(async () => {
  const shown = { hook: "show_verification_ui" };
  const config = {
    selfservice: {
      flows: {
        ...flows("code"),
        registration: { after: { password: { hooks: [{ hook: "session" }, shown] } } },
        settings: { after: { profile: { hooks: [{ hook: "notify_previous_addresses" }, shown] } } },
      },
    },
  };
  server = await startServer({ config, email });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Registers a person, who is asked for the code that was sent. */
async function join(page, address) {
  await fillIn(page, server.publicUrl, address);
  await page.waitForURL(/\/ui\/verification\?flow=/);
  assert.equal(await heading(page), "Check your messages");
}

async function signIn(page, publicUrl, address, words) {
  await goToLogin(page, publicUrl);
  await field(page, "identifier").fill(address);
  await field(page, "password").fill(words);
  await send(page);
  await isSignedIn(page, address);
}

async function forget(page, publicUrl, address) {
  await goToLogin(page, publicUrl);
  await page.getByRole("link", { name: "Recover your account" }).click();
  await page.waitForURL(/\/ui\/recovery\?flow=/);
  await field(page, "email").fill(address);
  await ask(page);
}

for (const javaScriptEnabled of [true, false]) {
  test(`register, mail, code, verified (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    const page = await open(browser, { javaScriptEnabled });
    const address = `verify-${javaScriptEnabled}@example.com`;
    await join(page, address);
    await message(page, 1080003).waitFor();
    await checkAccessible(page);
    assert.equal(await field(page, "code").getAttribute("inputmode"), "numeric");

    await field(page, "code").fill("000000");
    await ask(page);
    await message(page, 4070006).waitFor();
    const [mail] = await mails(page, server.publicUrl, address, 1);
    await field(page, "code").fill(mail.code);
    await ask(page);
    await message(page, 1080002).waitFor();
    assert.equal(await heading(page), "Your address is verified");
    await checkAccessible(page);
    await page.locator("#continue").click();
    await isSignedIn(page, address);
    assert.equal(await page.locator("#unverified").count(), 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test(`forgot password, mail, code, new password (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    const page = await open(browser, { javaScriptEnabled });
    const address = `recover-${javaScriptEnabled}@example.com`;
    await join(page, address);
    await page.goto(`${server.publicUrl}/`);
    await signOut(page);

    await forget(page, server.publicUrl, address);
    await message(page, 1060003).waitFor();
    await checkAccessible(page);
    await field(page, "code").fill("000000");
    await ask(page);
    await message(page, 4060006).waitFor();
    const [mail] = await mails(page, server.publicUrl, address, 2);
    await field(page, "code").fill(mail.code);
    await ask(page);
    await page.waitForURL(/\/ui\/settings\?flow=/);
    await message(page, 1060001).waitFor();
    await checkAccessible(page);
    await field(page, "password").fill(next);
    await send(page);
    await message(page, 1050001).waitFor();
    await page.goto(`${server.publicUrl}/`);
    await isSignedIn(page, address);
    await signOut(page);
    await signIn(page, server.publicUrl, address, next);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("another code is sent although one is half typed, and the new one counts", async () => {
  const page = await open(browser);
  const address = "again@example.com";
  await join(page, address);
  await field(page, "code").fill("12");
  await page.locator('button[name="email"]').click();
  await page.waitForLoadState();
  await message(page, 1080003).waitFor();
  const [mail] = await mails(page, server.publicUrl, address, 2);
  await field(page, "code").fill(mail.code);
  await ask(page);
  await message(page, 1080002).waitFor();
  await page.context().close();
});

test("a link in the mail opens around it, with the code filled in", async () => {
  const page = await open(browser);
  const address = "link-in-mail@example.com";
  await join(page, address);
  const [mail] = await mails(page, server.publicUrl, address, 1);
  await page.goto(mail.url);
  await checkAccessible(page);
  await page.frameLocator("iframe").getByRole("link").first().click();
  await page.waitForURL(/\/ui\/verification\?flow=/);
  assert.equal(await field(page, "code").inputValue(), mail.code);
  await ask(page);
  await message(page, 1080002).waitFor();
  await page.context().close();
});

test("a link from a mail may be opened in another browser, which is not signed in by it", async () => {
  const page = await open(browser);
  const address = "elsewhere@example.com";
  await join(page, address);
  const [mail] = await mails(page, server.publicUrl, address, 1);
  await page.goto(mail.url);
  const link = await page.locator("#link").getAttribute("href");
  const other = await open(browser);
  await other.goto(link);
  assert.equal(await field(other, "code").inputValue(), mail.code);
  await ask(other);
  await message(other, 1080002).waitFor();
  await other.locator("#continue").click();
  await other.getByRole("link", { name: "Create account" }).waitFor();
  assert.deepEqual(other.complaints, []);
  await page.goto(`${server.publicUrl}/`);
  await isSignedIn(page, address);
  assert.equal(await page.locator("#unverified").count(), 0);
  await other.context().close();
  await page.context().close();
});

test("an unknown address looks the same and gets nothing", async () => {
  const page = await open(browser);
  await forget(page, server.publicUrl, "nobody@example.com");
  await message(page, 1060003).waitFor();
  assert.equal(await heading(page), "Check your messages");
  await page.goto(`${server.publicUrl}/ui/mailbox`);
  assert.equal(await page.locator("#mails li", { hasText: "nobody@example.com" }).count(), 0);
  await page.context().close();
});

/** Verifies the address that the start page says is not verified; `count` mails went to it, with that of now. */
async function verifyFromStart(page, url, address, count) {
  await page.goto(`${url}/`);
  await page.locator("#unverified").getByRole("link").click();
  await page.waitForURL(/\/ui\/verification\?flow=/);
  await ask(page);
  await message(page, 1080003).waitFor();
  const [mail] = await mails(page, url, address, count);
  await field(page, "code").fill(mail.code);
  await ask(page);
  await message(page, 1080002).waitFor();
}

test("a changed address: a code to the new one, a notice to the old one", async () => {
  const page = await open(browser);
  const [old, changed] = ["before@example.com", "after@example.com"];
  await join(page, old);
  const [first] = await mails(page, server.publicUrl, old, 1);
  await field(page, "code").fill(first.code);
  await ask(page);
  await message(page, 1080002).waitFor();
  await page.locator("#continue").click();
  await page.getByRole("link", { name: "Account settings" }).click();
  await field(page, "traits.email").fill(changed);
  await page.locator('button[name="method"][value="profile"]').click();
  await message(page, 1050001).waitFor();
  const [notice] = await mails(page, server.publicUrl, old, 2);
  assert.equal(notice.code, null, "a notice holds nothing that lets somebody in");
  await verifyFromStart(page, server.publicUrl, changed, 2);
  await page.locator("#continue").click();
  await isSignedIn(page, changed);
  assert.equal(await page.locator("#unverified").count(), 0);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("an address that is not verified leads to its verification", async () => {
  const page = await open(browser);
  const address = "later@example.com";
  await join(page, address);
  await page.goto(`${server.publicUrl}/`);
  await page.locator("#unverified").getByRole("link").click();
  await page.waitForURL(/\/ui\/verification\?flow=/);
  assert.equal(await field(page, "email").inputValue(), address, "the address is filled in");
  await ask(page);
  await message(page, 1080003).waitFor();
  assert.match(await page.locator(".intro").innerText(), new RegExp(`at ${address}`));
  const [mail] = await mails(page, server.publicUrl, address, 2);
  await field(page, "code").fill(mail.code);
  await ask(page);
  await message(page, 1080002).waitFor();
  await page.context().close();
});

test("the mailbox refreshes itself, and a code is copied with one click", async () => {
  const context = { permissions: ["clipboard-read", "clipboard-write"] };
  const box = await open(browser, context);
  await box.goto(`${server.publicUrl}/ui/mailbox`);
  const page = await open(browser);
  await join(page, "fresh@example.com");
  const mail = box.locator("#mails li", { hasText: "fresh@example.com" });
  await mail.waitFor();
  await checkAccessible(box);
  await mail.getByRole("button", { name: /^Copy/ }).click();
  await mail.getByText("Copied").waitFor();
  assert.equal(await box.evaluate(() => navigator.clipboard.readText()), await mail.locator("code").innerText());
  assert.deepEqual(box.complaints, []);
  await box.context().close();
  await page.context().close();
});

test("by link: recovery leads to the settings, verification to the next page", async (t) => {
  const config = { selfservice: { flows: flows("link"), methods: { link: { enabled: true }, code: { enabled: false } } } };
  const linked = await startServer({ config, email });
  t.after(linked.stop);
  const page = await open(browser);
  const address = "by-link@example.com";
  await register(page, linked.publicUrl, address);
  await page.locator("#unverified").getByRole("link").click();
  await field(page, "email").fill(address);
  await ask(page);
  await message(page, 1080001).waitFor();
  // The first one was sent when the address was registered.
  const [verification] = await mails(page, linked.publicUrl, address, 2);
  await page.goto(verification.url);
  await page.locator("#link").click();
  await confirm(page, "Verify address");
  await message(page, 1080002).waitFor();
  await page.locator("#continue").click();
  await isSignedIn(page, address);
  await signOut(page);

  await forget(page, linked.publicUrl, address);
  await message(page, 1060002).waitFor();
  await checkAccessible(page);
  const [recovery] = await mails(page, linked.publicUrl, address, 3);
  await page.goto(recovery.url);
  const link = await page.locator("#link").getAttribute("href");
  // A program that opens the links of a mail does not use them up, and the mail may be read in another browser.
  const scanner = await open(browser);
  await scanner.goto(link);
  await scanner.getByRole("button", { name: "Recover account" }).waitFor();
  await scanner.context().close();
  await page.context().clearCookies();
  await page.goto(link);
  await confirm(page, "Recover account");
  await page.waitForURL(/\/ui\/settings\?flow=/);
  await message(page, 1060001).waitFor();
  await field(page, "password").fill(next);
  await send(page);
  await message(page, 1050001).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("whoever has several addresses chooses the one to write to, and can go back", async (t) => {
  const config = {
    feature_flags: { choose_recovery_address: true },
    selfservice: { flows: flows("code") },
  };
  const choosing = await startServer({ config, email, traits: { phone: phoneTrait } });
  t.after(choosing.stop);
  const page = await open(browser);
  const [address, phone] = ["choice@example.com", "+4915112345678"];
  await goToRegistration(page, choosing.publicUrl);
  await field(page, "traits.email").fill(address);
  await field(page, "traits.phone").fill(phone);
  await field(page, "password").fill(password);
  await send(page);
  await isSignedIn(page, address);
  await signOut(page);

  await goToLogin(page, choosing.publicUrl);
  await page.getByRole("link", { name: "Recover your account" }).click();
  await field(page, "recovery_address").fill(address);
  await ask(page);
  await message(page, 1060006).waitFor();
  assert.equal(await heading(page), "Choose an address");
  await checkAccessible(page);
  await page.getByRole("button", { name: "+49****78" }).click();
  await message(page, 1060005).waitFor();
  assert.equal(await heading(page), "Confirm your address");
  await checkAccessible(page);
  await page.locator('button[name="screen"]').click();
  await message(page, 1060006).waitFor();
  await page.getByRole("button", { name: "+49****78" }).click();
  await field(page, "recovery_confirm_address").fill(phone);
  await ask(page);
  await message(page, 1060004).waitFor();
  await checkAccessible(page);
  const [short] = await mails(page, choosing.publicUrl, phone, 1);
  await field(page, "code").fill(short.code);
  await ask(page);
  await page.waitForURL(/\/ui\/settings\?flow=/);
  await message(page, 1060001).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("changes that need a fresh proof are resumed after it", async (t) => {
  const after = { profile: { hooks: [{ hook: "show_verification_ui" }] } };
  const settings = { privileged_session_max_age: "1s", after };
  const config = { selfservice: { flows: { ...flows("code"), settings } } };
  const strict = await startServer({ config, email });
  t.after(strict.stop);
  const page = await open(browser);
  const address = "privileged@example.com";
  await register(page, strict.publicUrl, address);
  await page.getByRole("link", { name: "Account settings" }).click();
  await page.waitForURL(/\/ui\/settings\?flow=/);
  // The session has to grow old, and the server's clock cannot be moved from here.
  const growOld = () => new Promise((resolve) => setTimeout(resolve, 1500));
  await growOld();
  await field(page, "password").fill(next);
  await send(page);
  await page.waitForURL(/\/ui\/login\?flow=/);
  assert.equal(await heading(page), "Confirm that it is you");
  await checkAccessible(page);
  await field(page, "password").fill("not the pass phrase");
  await send(page);
  await message(page, 4000006).waitFor();
  await field(page, "password").fill(password);
  await send(page);
  await page.waitForURL(/\/ui\/settings\?flow=/);
  await message(page, 1050001).waitFor();

  await growOld();
  const changed = "privileged-later@example.com";
  await field(page, "traits.email").fill(changed);
  await page.locator('button[name="method"][value="profile"]').click();
  await page.waitForURL(/\/ui\/login\?flow=/);
  await field(page, "password").fill(next);
  await send(page);
  await page.waitForURL(/\/ui\/settings\?flow=/);
  await message(page, 1050001).waitFor();
  await verifyFromStart(page, strict.publicUrl, changed, 2);
  await page.goto(`${strict.publicUrl}/`);
  await signOut(page);
  await signIn(page, strict.publicUrl, changed, next);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
