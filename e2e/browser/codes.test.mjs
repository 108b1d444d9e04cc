// One-time codes on our pages: instead of a password, and as a second factor.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import { field, goToLogin, goToRegistration, heading, isSignedIn, mails, message, password, register, send, signOut } from "./steps.mjs";

const shots = fileURLToPath(new URL("shots", import.meta.url));
const email = { credentials: { password: { identifier: true }, code: { identifier: true, via: "email" } } };
let browser;
const servers = {};

before(async () => {
  await mkdir(shots, { recursive: true });
  browser = await launch();
  const start = (code, registration) =>
    startServer({ email, config: { selfservice: { methods: { code }, flows: { registration } } } });
  servers.alone = await start({ passwordless_enabled: true }, { after: { code: { hooks: [{ hook: "session" }] } } });
  servers.second = await start({ mfa_enabled: true }, {});
});

after(async () => {
  await browser?.close();
  for (const server of Object.values(servers)) await server.stop();
});

const button = (page, name, value) => page.locator(`button[name="${name}"][value="${value}"]`);
const confirm = async (page, code) => {
  await field(page, "code").fill(code);
  await button(page, "method", "code").click();
};

for (const [width, colorScheme] of [[1280, "light"], [390, "dark"]]) {
  const options = { colorScheme, viewport: { width, height: 800 } };
  const shoot = async (page, name) => {
    await checkAccessible(page);
    await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
  };

  test(`an account without a password, ${width} wide`, async () => {
    const { publicUrl } = servers.alone;
    const page = await open(browser, options);
    const address = `code-${width}@example.com`;
    await goToRegistration(page, publicUrl);
    await field(page, "traits.email").fill(address);
    await button(page, "method", "code").click();
    await message(page, 1040005).waitFor();
    await shoot(page, "registration-code");
    const [first] = await mails(page, publicUrl, address, 1);
    await confirm(page, first.code === "000000" ? "000001" : "000000");
    await message(page, 4040003).waitFor();
    await confirm(page, first.code);
    await isSignedIn(page, address);
    await signOut(page);

    await goToLogin(page, publicUrl);
    await field(page, "identifier").fill(address);
    await button(page, "method", "code").click();
    await message(page, 1010014).waitFor();
    assert.equal(await heading(page), "Check your messages");
    await shoot(page, "login-code");
    await page.getByRole("link", { name: "Choose another way" }).click();
    await field(page, "password").waitFor();
    await field(page, "identifier").fill(address);
    await button(page, "method", "code").click();
    await message(page, 1010014).waitFor();
    await button(page, "resend", "code").click();
    await message(page, 1010014).waitFor();
    const [last] = await mails(page, publicUrl, address, 4);
    await confirm(page, last.code);
    await isSignedIn(page, address);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test(`a code after the password, ${width} wide`, async () => {
    const { publicUrl } = servers.second;
    const page = await open(browser, options);
    const address = `second-${width}@example.com`;
    await register(page, publicUrl, address);
    await page.context().clearCookies();
    await goToLogin(page, publicUrl);
    await field(page, "identifier").fill(address);
    await field(page, "password").fill(password);
    await send(page);
    await field(page, "code").waitFor();
    await shoot(page, "login-code-second");
    const [last] = await mails(page, publicUrl, address, 1);
    await confirm(page, last.code);
    await isSignedIn(page, address);
    assert.match(await page.locator("#session").innerText(), /two factors/);
    await page.context().close();
  });
}
