// Second factors on the pages: an authenticator app by its secret, backup codes, and signing in with both.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import { field, goToLogin, message, password, register, send, signOut, totpCode } from "./steps.mjs";

const shots = fileURLToPath(new URL("shots", import.meta.url));
const methods = { totp: { enabled: true }, lookup_secret: { enabled: true } };
let browser;
let server;

before(async () => {
  await mkdir(shots, { recursive: true });
  browser = await launch();
  server = await startServer({ config: { selfservice: { methods } } });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const goToSettings = async (page) => {
  await page.goto(`${server.publicUrl}/self-service/settings/browser`);
  await page.waitForURL(/\/ui\/settings\?flow=/);
};
const button = (page, name, value = "true") => page.locator(`button[name="${name}"][value="${value}"]`);

for (const [width, colorScheme] of [[1280, "light"], [390, "dark"]]) {
  test(`an authenticator app and backup codes, ${width} wide`, async () => {
    const { publicUrl } = server;
    const page = await open(browser, { colorScheme, viewport: { width, height: 800 } });
    const shoot = async (name) => {
      await checkAccessible(page);
      await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    };
    const address = `factors-${width}@example.com`;
    await register(page, publicUrl, address);
    await goToSettings(page);
    const picture = page.locator("#totp_qr");
    assert.deepEqual(await picture.evaluate((image) => [image.naturalWidth, image.complete]), [256, true]);
    const secret = (await page.locator("#totp_secret_key").innerText()).match(/[A-Z2-7]{32}/)[0];
    await shoot("settings-factors");
    await field(page, "totp_code").fill("000000");
    await button(page, "method", "totp").click();
    await message(page, 4000008).waitFor();
    await field(page, "totp_code").fill(totpCode(secret));
    await button(page, "method", "totp").click();
    await message(page, 1050001).waitFor();
    await button(page, "lookup_secret_regenerate").click();
    await button(page, "lookup_secret_confirm").waitFor();
    await shoot("settings-backup-codes");
    await page.emulateMedia({ media: "print", colorScheme: "light" });
    assert.equal(await page.locator("#lookup_secret_codes code").count(), 12);
    assert.equal(await page.locator("#lookup_secret_codes").isVisible(), true);
    assert.equal(await page.locator("button:visible, input:visible").count(), 0, "nothing but the codes goes on the paper");
    await shoot("print-backup-codes");
    await page.emulateMedia({ media: "screen", colorScheme });
    const codes = (await page.locator("#lookup_secret_codes").innerText()).match(/\b[a-z0-9]{8}\b/g);
    assert.equal(codes.length, 12);
    await button(page, "lookup_secret_confirm").click();
    await message(page, 1050001).waitFor();
    await shoot("settings-factors-set-up");

    for (const [name, value, number] of [["totp_code", totpCode(secret, 1), 4000008], ["lookup_secret", codes[0], 4000012]]) {
      await page.goto(`${publicUrl}/`);
      await signOut(page);
      for (const again of [false, true]) {
        await goToLogin(page, publicUrl);
        await field(page, "identifier").fill(address);
        await field(page, "password").fill(password);
        await send(page);
        await field(page, name).waitFor();
        await shoot("login-second-factor");
        await field(page, name).fill(value);
        await button(page, "method", name === "totp_code" ? "totp" : name).click();
        if (again) {
          await message(page, number).waitFor();
        } else {
          await page.locator("#session").waitFor();
          await signOut(page);
        }
      }
      await page.context().clearCookies();
      if (name === "totp_code") {
        await goToLogin(page, publicUrl);
        await field(page, "identifier").fill(address);
        await field(page, "password").fill(password);
        await send(page);
        await field(page, "lookup_secret").fill(codes[5]);
        await button(page, "method", "lookup_secret").click();
        await page.locator("#session").waitFor();
      }
    }
    await page.context().close();
  });
}
