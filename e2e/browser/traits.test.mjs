// Traits that are lists and objects, in a browser: what it sends of a form that nobody has touched is what is stored.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../server.mjs";
import { checkAccessible, launch, open } from "./browser.mjs";
import { field, message, register } from "./steps.mjs";

const text = (title) => ({ type: "string", title });
const traits = {
  tags: { type: "array", title: "Tags", items: { type: "string" } },
  homes: { type: "array", title: "Homes", items: { type: "object", properties: { town: text("Town"), main: { type: "boolean", title: "Main" } } } },
  full: { type: "object", title: "Full name", properties: { first: text("First"), last: text("Last") } },
  about: text("About"),
  "a.b": text("Dotted"),
};

let server;
let browser;

before(async () => {
  server = await startServer({ traits });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const admin = (path, method, body) =>
  fetch(`${server.adminUrl}/admin/identities${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  }).then((answer) => answer.json());

test("settings: saved as they are, then with an item more", async () => {
  const page = await open(browser, {});
  const email = "lists@example.com";
  await register(page, server.publicUrl, email);
  const [identity] = await admin(`?credentials_identifier=${email}`, "GET");
  const stored = {
    ...identity.traits,
    tags: ["p", "", '["q"]'],
    homes: [{ town: "Ulm", main: true }, {}],
    full: { first: "Ada", last: "" },
    about: "two\nlines\r\nof <text>",
    "a.b": " v ",
  };
  const put = { schema_id: identity.schema_id, state: "active", traits: stored };
  const made = await admin(`/${identity.id}`, "PUT", put);
  assert.deepEqual(made.traits, stored, JSON.stringify(made));

  await page.goto(`${server.publicUrl}/self-service/settings/browser`);
  await checkAccessible(page);
  const save = () => page.locator('button[name="method"][value="profile"]').click();
  await save();
  await message(page, 1050001).waitFor();
  assert.deepEqual((await admin(`/${identity.id}`, "GET")).traits, stored);

  await page.getByLabel("Tags 4").fill("new");
  await field(page, "traits.homes.2.town").fill("Bonn");
  await save();
  await message(page, 1050001).waitFor();
  stored.tags.push("new");
  stored.homes.push({ town: "Bonn" });
  assert.deepEqual((await admin(`/${identity.id}`, "GET")).traits, stored);
  await checkAccessible(page);
});
