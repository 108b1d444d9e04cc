// What people do on the pages. Nothing here needs JavaScript in the page.

import assert from "node:assert/strict";

export const password = "a long pass phrase 93";

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

export async function register(page, publicUrl, email) {
  await goToRegistration(page, publicUrl);
  await field(page, "traits.email").fill(email);
  await field(page, "traits.name").fill("Ada <b>Lovelace</b>");
  await field(page, "password").fill(password);
  await send(page);
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
