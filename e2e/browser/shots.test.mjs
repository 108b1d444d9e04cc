// A picture of each page, wide and narrow, light and dark, for people to look at.

import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import {
  field, fillIn, goToLogin, goToRegistration, isSignedIn, mails, message, password, phoneTrait, register, send, signOut,
} from "./steps.mjs";

const shots = fileURLToPath(new URL("shots", import.meta.url));
const email = { verification: { via: "email" }, recovery: { via: "email" } };
let browser;

before(async () => {
  await mkdir(shots, { recursive: true });
  browser = await launch();
});

after(() => browser?.close());

/** Plays on a server of its own, once for each look. `play` gets what it needs to go through pages and to shoot them. */
function pictures(of, settings, play) {
  test(`pictures: ${of}`, async (t) => {
    const server = await startServer(settings);
    t.after(server.stop);
    let number = 10;
    for (const width of [1280, 390]) {
      for (const colorScheme of ["light", "dark"]) {
        const page = await open(browser, { colorScheme, viewport: { width, height: 800 } });
        const shoot = async (name) => {
          await checkAccessible(page);
          await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        };
        const ask = () => page.locator('button[name="method"]').click();
        const address = `ada-${width}-${colorScheme}@example.com`;
        const phone = `+49151123456${(number += 1)}`;
        await play({ page, shoot, ask, address, phone, publicUrl: server.publicUrl });
        await page.context().close();
      }
    }
  });
}

pictures("accounts", {}, async ({ page, shoot, address, publicUrl }) => {
  await page.goto(`${publicUrl}/`);
  await shoot("welcome");
  await goToRegistration(page, publicUrl);
  await shoot("registration");
  await field(page, "traits.email").fill("ada@example.com");
  await field(page, "password").fill("short");
  await send(page);
  await message(page, 4000032).waitFor();
  await shoot("registration-refused");
  await goToLogin(page, publicUrl);
  await shoot("login");
  await field(page, "identifier").fill("ada@example.com");
  await field(page, "password").fill("not the pass phrase");
  await send(page);
  await message(page, 4000006).waitFor();
  await shoot("login-refused");
  await page.goto(`${publicUrl}/self-service/login/browser?return_to=https%3A%2F%2Felsewhere.example%2F`);
  await shoot("error");
  await register(page, publicUrl, address);
  await shoot("signed-in");
  await page.getByRole("link", { name: "Account settings" }).click();
  await page.waitForURL(/\/ui\/settings\?flow=/);
  await shoot("settings");
  await page.locator('button[name="method"][value="profile"]').click();
  await message(page, 1050001).waitFor();
  await shoot("settings-saved");
  await page.goto(`${publicUrl}/self-service/login/browser?refresh=true`);
  await shoot("login-again");
});

const hooks = [{ hook: "show_verification_ui" }, { hook: "session" }];
const byCode = {
  recovery: { enabled: true },
  verification: { enabled: true },
  registration: { after: { password: { hooks } } },
};

pictures("codes", { config: { selfservice: { flows: byCode } }, email }, async (scene) => {
  const { page, shoot, ask, address, publicUrl } = scene;
  await fillIn(page, publicUrl, address);
  await message(page, 1080003).waitFor();
  await shoot("verification-code");
  await page.goto(`${publicUrl}/`);
  await shoot("signed-in-unverified");
  await page.getByRole("link", { name: "Account settings" }).click();
  await page.waitForURL(/\/ui\/settings\?flow=/);
  await shoot("settings-unverified");
  await page.locator("#unverified").getByRole("link").click();
  await page.waitForURL(/\/ui\/verification\?flow=/);
  await shoot("verification");
  await ask();
  const [mail] = await mails(page, publicUrl, address, 2);
  await field(page, "code").fill(mail.code);
  await ask();
  await message(page, 1080002).waitFor();
  await shoot("verification-done");
  await page.goto(`${publicUrl}/ui/mailbox`);
  await shoot("mailbox");
  await page.goto(mail.url);
  await page.frameLocator("iframe").locator("body").waitFor();
  await shoot("mail");
  await page.goto(`${publicUrl}/`);
  await signOut(page);
  await goToLogin(page, publicUrl);
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
  const [code] = await mails(page, publicUrl, address, 3);
  await field(page, "code").fill(code.code);
  await ask();
  await page.waitForURL(/\/ui\/settings\?flow=/);
  await shoot("settings-recovered");
});

const byLink = { recovery: { enabled: true, use: "link" }, verification: { enabled: true, use: "link" } };
const link = { enabled: true };

pictures("links", { config: { selfservice: { flows: byLink, methods: { link } } }, email }, async (scene) => {
  const { page, shoot, ask, address, publicUrl } = scene;
  await register(page, publicUrl, address);
  await page.locator("#unverified").getByRole("link").click();
  await ask();
  await message(page, 1080001).waitFor();
  await shoot("verification-link");
  const [mail] = await mails(page, publicUrl, address, 2);
  await page.goto(mail.url);
  await shoot("mail-link");
  await page.locator("#link").click();
  await shoot("verification-link-opened");
  await page.getByRole("button", { name: "Verify address" }).click();
  await message(page, 1080002).waitFor();
  await page.goto(`${publicUrl}/`);
  await signOut(page);
  await goToLogin(page, publicUrl);
  await page.getByRole("link", { name: "Recover your account" }).click();
  await field(page, "email").fill(address);
  await ask();
  await message(page, 1060002).waitFor();
  await shoot("recovery-link");
  await page.goto(`${publicUrl}/self-service/recovery?token=wrong&flow=${new URL(page.url()).searchParams.get("flow")}`);
  await shoot("recovery-link-opened");
  await page.getByRole("button", { name: "Recover account" }).click();
  await message(page, 4060004).waitFor();
  await shoot("recovery-link-refused");
});

const choice = {
  config: { feature_flags: { choose_recovery_address: true }, selfservice: { flows: { recovery: { enabled: true } } } },
  email,
  traits: { phone: phoneTrait },
};

pictures("a choice of addresses", choice, async ({ page, shoot, ask, address, phone, publicUrl }) => {
  await goToRegistration(page, publicUrl);
  await field(page, "traits.email").fill(address);
  await field(page, "traits.phone").fill(phone);
  await field(page, "password").fill(password);
  await send(page);
  await isSignedIn(page, address);
  await signOut(page);
  await goToLogin(page, publicUrl);
  await page.getByRole("link", { name: "Recover your account" }).click();
  await shoot("recovery-any");
  await field(page, "recovery_address").fill(address);
  await ask();
  await message(page, 1060006).waitFor();
  await shoot("recovery-choice");
  await page.getByRole("button", { name: "+49****" }).click();
  await message(page, 1060005).waitFor();
  await shoot("recovery-confirm");
  await field(page, "recovery_confirm_address").fill(phone);
  await ask();
  await message(page, 1060004).waitFor();
  await shoot("recovery-chosen");
  const [short] = await mails(page, publicUrl, phone, 1);
  await page.goto(short.url);
  await shoot("sms");
});
