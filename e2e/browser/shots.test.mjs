// A picture of each page, wide and narrow, light and dark, for people to look at.

import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import { field, goToLogin, goToRegistration, message, register, send } from "./steps.mjs";

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
