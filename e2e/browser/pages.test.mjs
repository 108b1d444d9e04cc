// The way of a person through our pages: with and without JavaScript, and by keyboard alone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import { field, goToLogin, goToRegistration, heading, isSignedIn, message, password, register, send, signOut } from "./steps.mjs";

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const javaScriptEnabled of [true, false]) {
  test(`register, sign out, sign in again (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    const page = await open(browser, { javaScriptEnabled });
    const email = `ada-${javaScriptEnabled}@example.com`;
    await page.goto(`${server.publicUrl}/`);
    assert.equal(await heading(page), "Welcome");
    await checkAccessible(page);

    await goToRegistration(page, server.publicUrl);
    await checkAccessible(page);
    await field(page, "traits.email").fill(email);
    await field(page, "traits.name").fill("Ada <b>Lovelace</b>");
    await field(page, "traits.newsletter").check();
    await field(page, "password").fill("short");
    await send(page);
    await message(page, 4000032).waitFor();
    assert.match(await page.title(), /^Error: /);
    assert.equal(await field(page, "traits.email").inputValue(), email, "what was typed is kept");
    assert.equal(await field(page, "traits.name").inputValue(), "Ada <b>Lovelace</b>");
    assert.equal(await field(page, "traits.newsletter").isChecked(), true);
    assert.equal(await field(page, "password").inputValue(), "", "but not the password");
    assert.equal(await page.locator(":focus").getAttribute("name"), "password", "the cursor is where the error is");
    await checkAccessible(page);

    await field(page, "password").fill(password);
    await send(page);
    await isSignedIn(page, email);
    assert.match(await page.locator("#traits").innerText(), /Ada <b>Lovelace<\/b>/);
    assert.match(await page.locator("#session").innerText(), /password/);
    await checkAccessible(page);
    await signOut(page);

    await goToLogin(page, server.publicUrl);
    await checkAccessible(page);
    await field(page, "identifier").fill(email);
    await field(page, "password").fill("not the pass phrase");
    await send(page);
    await message(page, 4000006).waitFor();
    assert.equal(await field(page, "identifier").inputValue(), email);
    assert.equal(await field(page, "password").inputValue(), "");
    await checkAccessible(page);
    await field(page, "password").fill(password);
    await send(page);
    await isSignedIn(page, email);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("the keyboard alone is enough, and one sees where it is", async () => {
  const page = await open(browser);
  const email = "keys@example.com";
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        const { name, textContent } = document.activeElement;
        return { seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, name, text: textContent.trim() };
      });
      if (at.name === wanted || at.text === wanted) {
        assert.ok(at.seen, `${wanted} shows the focus`);
        return;
      }
    }
    assert.fail(`${wanted} was not reached`);
  };

  await page.goto(`${server.publicUrl}/`);
  await tabTo("Create account");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/ui\/registration/);
  assert.equal(await page.locator(":focus").getAttribute("name"), "traits.email");
  await page.keyboard.type(email);
  // The order of the fields is the server's: the person tabs through what is there.
  await tabTo("password");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await isSignedIn(page, email);
  await tabTo("Sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Create account" }).waitFor();
  await tabTo("Sign in");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/ui\/login/);
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await isSignedIn(page, email);
  await page.context().close();
});

test("a password can be looked at, and a form is sent once", async () => {
  const page = await open(browser);
  await goToLogin(page, server.publicUrl);
  await field(page, "password").fill("visible");
  await page.getByRole("button", { name: "Show Password" }).click();
  assert.equal(await field(page, "password").getAttribute("type"), "text");
  await page.getByRole("button", { name: "Hide Password" }).click();
  assert.equal(await field(page, "password").getAttribute("type"), "password");

  let posts = 0;
  page.on("request", (request) => { posts += request.method() === "POST" ? 1 : 0; });
  await field(page, "identifier").fill("nobody@example.com");
  await page.locator('button[name="method"]').dblclick();
  await message(page, 4000006).waitFor();
  assert.equal(posts, 1);
  await page.context().close();
});

test("a person who is signed in is not asked again, and a session of one browser is not another's", async () => {
  const first = await open(browser);
  await register(first, server.publicUrl, "once@example.com");
  await first.goto(`${server.publicUrl}/ui/login`);
  await isSignedIn(first, "once@example.com");
  const second = await open(browser);
  await second.goto(`${server.publicUrl}/`);
  assert.equal(await heading(second), "Welcome");
  await first.context().close();
  await second.context().close();
});

test("a person changes their name and their password", async () => {
  const page = await open(browser);
  const email = "settings@example.com";
  await register(page, server.publicUrl, email);
  await page.getByRole("link", { name: "Account settings" }).click();
  await page.waitForURL(/\/ui\/settings\?flow=/);
  assert.equal(await field(page, "traits.email").inputValue(), email);
  await field(page, "traits.name").fill("Countess");
  await page.locator('button[name="method"][value="profile"]').click();
  await message(page, 1050001).waitFor();
  assert.equal(await field(page, "traits.name").inputValue(), "Countess");
  await checkAccessible(page);

  await field(page, "password").fill("short");
  await send(page);
  await message(page, 4000032).waitFor();
  const other = `another ${password}`;
  await field(page, "password").fill(other);
  await send(page);
  await message(page, 1050001).waitFor();

  await page.goto(`${server.publicUrl}/`);
  assert.match(await page.locator("#traits").innerText(), /Countess/);
  await signOut(page);
  await goToLogin(page, server.publicUrl);
  await field(page, "identifier").fill(email);
  await field(page, "password").fill(other);
  await send(page);
  await isSignedIn(page, email);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the ways between login and registration keep the place to return to", async () => {
  const page = await open(browser);
  const returnTo = `${server.publicUrl}/?from=app`;
  await page.goto(`${server.publicUrl}/self-service/login/browser?return_to=${encodeURIComponent(returnTo)}`);
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.waitForURL(/\/ui\/registration/);
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.waitForURL(/\/ui\/login/);
  const link = await page.getByRole("link", { name: "Create an account" }).getAttribute("href");
  assert.equal(new URL(link).searchParams.get("return_to"), returnTo);
  await page.context().close();
});

test("an error is shown as a page", async () => {
  const page = await open(browser);
  const away = encodeURIComponent("https://elsewhere.example/");
  await page.goto(`${server.publicUrl}/self-service/login/browser?return_to=${away}`);
  await page.waitForURL(/\/ui\/error\?id=/);
  assert.equal(await heading(page), "Something went wrong");
  await checkAccessible(page);
  await page.context().close();
});

test("nothing is wider than the smallest phone", async () => {
  const page = await open(browser, { viewport: { width: 320, height: 640 } });
  await goToLogin(page, server.publicUrl);
  await checkAccessible(page);
  await register(page, server.publicUrl, `${"a-very-long-name-".repeat(3)}@example.com`);
  await checkAccessible(page);
  await page.context().close();
});
