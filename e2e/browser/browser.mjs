// The browser of the tests, and the checks that hold on every page.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/** A page in a context of its own (no cookies of others). `page.complaints` collects what the browser complains of. */
export async function open(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.complaints = [];
  page.on("console", (message) => {
    // A refused form is answered with 4xx to scripts only; whatever the console calls an error is one.
    if (message.type() === "error") page.complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.complaints.push(`${page.url()}: ${error}`));
  return page;
}

/** Gives a page an authenticator of its own that can do everything and never asks; `options` say otherwise (CDP WebAuthn). */
export async function addAuthenticator(page, options = {}) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...options,
    },
  });
  return { devtools, authenticatorId };
}

/** What a screen reader, a keyboard and weak eyes need. */
export async function checkAccessible(page) {
  const found = await page.evaluate(() => {
    const problems = [];
    const say = (problem, element) => problems.push(`${problem}: ${element.outerHTML.slice(0, 160)}`);
    const all = (selector) => [...document.querySelectorAll(selector)];

    if (!document.documentElement.lang) problems.push("no lang");
    if (!document.title.trim()) problems.push("no title");
    if (all("h1").length !== 1) problems.push(`${all("h1").length} h1`);
    if (all("main").length !== 1) problems.push("no main landmark");
    const ids = all("[id]").map((element) => element.id);
    ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => problems.push(`id ${id} twice`));

    for (const field of all("input:not([type=hidden]), select, textarea")) {
      if (field.labels.length === 0 && !field.getAttribute("aria-label")) say("no label", field);
      const notes = (field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
      if (notes.some((id) => !document.getElementById(id))) say("describedby leads nowhere", field);
      if (field.getAttribute("aria-invalid") === "true" && notes.length === 0) say("wrong without a reason", field);
    }
    for (const image of all("img")) if (!image.hasAttribute("alt")) say("no alt", image);
    for (const control of all("a[href], button:not([hidden])")) {
      if (!control.textContent.trim() && !control.getAttribute("aria-label") && !control.querySelector("img[alt]:not([alt=''])")) {
        say("no name", control);
      }
    }
    for (const note of all(".note")) {
      if (!note.closest("[aria-live]") && !note.closest("[id]")) say("a message nobody is told", note);
    }
    if (document.documentElement.scrollWidth > innerWidth) problems.push("wider than the window");

    const channels = (color) => color.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => {
      const linear = [r, g, b].map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const background = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = channels(getComputedStyle(at).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255];
    };
    for (const element of all("body *")) {
      const ownText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!ownText || element.closest("[hidden], .skip, script")) continue;
      const light = [luminance(channels(getComputedStyle(element).color)), luminance(background(element))];
      const ratio = (Math.max(...light) + 0.05) / (Math.min(...light) + 0.05);
      if (ratio < 4.5) say(`contrast ${ratio.toFixed(2)}`, element);
    }
    return problems;
  });
  assert.deepEqual(found, [], page.url());
}
