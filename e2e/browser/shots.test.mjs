// A picture of each page, wide and narrow, light and dark, for people to look at.

import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import { field, fillIn, goToLogin, goToRegistration, mails, message, register, send, signOut } from "./steps.mjs";

const shots = fileURLToPath(new URL("shots", import.meta.url));
let server;
let browser;

before(async () => {
  await mkdir(shots, { recursive: true });
  server = await startServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const width of [1280, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`pictures: ${width} wide, ${colorScheme}`, async () => {
      const page = await open(browser, { colorScheme, viewport: { width, height: 800 } });
      const shoot = async (name) => {
        await checkAccessible(page);
        await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      };
      await page.goto(`${server.publicUrl}/`);
      await shoot("welcome");
      await goToRegistration(page, server.publicUrl);
      await shoot("registration");
      await field(page, "traits.email").fill("ada@example.com");
      await field(page, "password").fill("short");
      await send(page);
      await message(page, 4000032).waitFor();
      await shoot("registration-refused");
      await goToLogin(page, server.publicUrl);
      await shoot("login");
      await field(page, "identifier").fill("ada@example.com");
      await field(page, "password").fill("not the pass phrase");
      await send(page);
      await message(page, 4000006).waitFor();
      await shoot("login-refused");
      await page.goto(`${server.publicUrl}/self-service/login/browser?return_to=https%3A%2F%2Felsewhere.example%2F`);
      await shoot("error");
      await register(page, server.publicUrl, `ada-${width}-${colorScheme}@example.com`);
      await shoot("signed-in");
      await page.getByRole("link", { name: "Account settings" }).click();
      await page.waitForURL(/\/ui\/settings\?flow=/);
      await shoot("settings");
      await page.context().close();
    });
  }
}

test("pictures: what is sent, and what people do with it", async (t) => {
  const hooks = [{ hook: "session" }, { hook: "show_verification_ui" }];
  const flows = {
    recovery: { enabled: true },
    verification: { enabled: true },
    registration: { after: { password: { hooks } } },
  };
  const email = { verification: { via: "email" }, recovery: { via: "email" } };
  const mailing = await startServer({ config: { selfservice: { flows } }, email });
  t.after(mailing.stop);
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await open(browser, { colorScheme, viewport: { width, height: 800 } });
      const shoot = async (name) => {
        await checkAccessible(page);
        await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      };
      const ask = () => page.locator('button[name="method"]').click();
      const address = `ada-${width}-${colorScheme}@example.com`;
      await fillIn(page, mailing.publicUrl, address);
      await message(page, 1080003).waitFor();
      await shoot("verification-code");
      await page.goto(`${mailing.publicUrl}/`);
      await shoot("signed-in-unverified");
      await page.getByRole("link", { name: "Account settings" }).click();
      await page.waitForURL(/\/ui\/settings\?flow=/);
      await shoot("settings-unverified");
      await page.locator("#unverified").getByRole("link").click();
      await page.waitForURL(/\/ui\/verification\?flow=/);
      await shoot("verification");
      await field(page, "email").fill(address);
      await ask();
      const [mail] = await mails(page, mailing.publicUrl, address, 2);
      await field(page, "code").fill(mail.code);
      await ask();
      await message(page, 1080002).waitFor();
      await shoot("verification-done");
      await page.goto(`${mailing.publicUrl}/ui/mailbox`);
      await shoot("mailbox");
      await page.goto(mail.url);
      await page.frameLocator("iframe").locator("body").waitFor();
      await shoot("mail");
      await page.goto(`${mailing.publicUrl}/`);
      await signOut(page);
      await goToLogin(page, mailing.publicUrl);
      await shoot("login-recovery");
      await page.getByRole("link", { name: "Recover your account" }).click();
      await page.waitForURL(/\/ui\/recovery\?flow=/);
      await shoot("recovery");
      await field(page, "email").fill(address);
      await ask();
      await message(page, 1060003).waitFor();
      await shoot("recovery-code");
      await field(page, "code").fill("000000");
      await ask();
      await message(page, 4060006).waitFor();
      await shoot("recovery-refused");
      const [code] = await mails(page, mailing.publicUrl, address, 3);
      await field(page, "code").fill(code.code);
      await ask();
      await page.waitForURL(/\/ui\/settings\?flow=/);
      await shoot("settings-recovered");
      await page.context().close();
    }
  }
});
