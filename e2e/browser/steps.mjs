// What people do on the pages. Nothing here needs JavaScript in the page.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

export const password = "a long pass phrase 93";

/** For a server whose people have a phone number, too. */
export const phoneTrait = {
  type: "string",
  format: "tel",
  title: "Phone",
  "ory.sh/kratos": { verification: { via: "sms" }, recovery: { via: "sms" } },
};

export const field = (page, name) => page.locator(`[name="${name}"]:not([type=hidden])`);
export const message = (page, id) => page.locator(`[data-message="${id}"]`);
export const heading = (page) => page.locator("h1").innerText();

/** Sends the form that holds the password. */
export const send = (page) => page.locator('button[name="method"][value="password"]').click();

export async function goToRegistration(page, publicUrl) {
  await page.goto(`${publicUrl}/`);
  await page.getByRole("link", { name: "Create account" }).click();
  await page.waitForURL(/\/ui\/registration\?flow=/);
}

export async function goToLogin(page, publicUrl) {
  await page.goto(`${publicUrl}/`);
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.waitForURL(/\/ui\/login\?flow=/);
}

/** Fills in the registration and sends it; what comes next depends on the hooks. */
export async function fillIn(page, publicUrl, email) {
  await goToRegistration(page, publicUrl);
  await field(page, "traits.email").fill(email);
  await field(page, "traits.name").fill("Ada <b>Lovelace</b>");
  await field(page, "password").fill(password);
  await send(page);
}

export async function register(page, publicUrl, email) {
  await fillIn(page, publicUrl, email);
  await isSignedIn(page, email);
}

export async function isSignedIn(page, email) {
  await page.locator("#session").waitFor();
  assert.equal(await heading(page), "You are signed in");
  assert.match(await page.locator("main").innerText(), new RegExp(`as ${email}`));
}

export async function signOut(page) {
  await page.getByRole("link", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Create account" }).waitFor();
  assert.equal(await heading(page), "Welcome");
}

/** Looks into the mailbox, in a window beside the page, until that many mails to the address are there: newest first. */
export async function mails(page, publicUrl, address, count) {
  const box = await page.context().newPage();
  box.setDefaultTimeout(10_000);
  const list = box.locator("#mails li", { hasText: address });
  const deadline = Date.now() + 10_000;
  do {
    await box.goto(`${publicUrl}/ui/mailbox`);
  } while ((await list.count()) < count && Date.now() < deadline);
  assert.equal(await list.count(), count, `mails to ${address}`);
  const found = [];
  for (const item of await list.all()) {
    const code = item.locator("code");
    found.push({
      code: (await code.count()) ? await code.innerText() : null,
      subject: await item.locator("a").innerText(),
      url: await item.locator("a").evaluate((link) => link.href),
    });
  }
  await box.close();
  return found;
}

/** What an authenticator app shows now, or so many steps later. */
export function totpCode(secret, later = 0) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const tag = createHmac("sha1", key).update(step).digest();
  const cut = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff;
  return String(cut % 1_000_000).padStart(6, "0");
}
