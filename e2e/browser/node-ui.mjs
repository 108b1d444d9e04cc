// The official user interface for Node.js, which its owners publish as source only: fetched at the commit named below,
// built, and started beside a server. NODE_UI names a folder that holds it already.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const commit = "6e41d4828e36b6a6f4ac42dbd2087a2e093c2be6";
const cache = fileURLToPath(new URL("node_modules/.cache", import.meta.url));

/** The folder with the built interface. Fails where it cannot be had: without the internet, say. */
export async function findNodeUi() {
  const folder = process.env.NODE_UI ?? `${cache}/node-ui-${commit}`;
  if (!existsSync(folder)) await download(folder);
  if (!existsSync(`${folder}/node_modules`)) await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder });
  if (!existsSync(`${folder}/lib/index.js`)) await run("npx", ["tsc"], { cwd: folder });
  return folder;
}

async function download(folder) {
  const answer = await fetch(`https://codeload.github.com/ory/kratos-selfservice-ui-node/tar.gz/${commit}`);
  if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}`);
  await mkdir(cache, { recursive: true });
  const part = await mkdtemp(`${cache}/part-`);
  try {
    await writeFile(`${part}/source.tar.gz`, Buffer.from(await answer.arrayBuffer()));
    await mkdir(`${part}/source`);
    await run("tar", ["xzf", `${part}/source.tar.gz`, "-C", `${part}/source`, "--strip-components=1"]);
    await rename(`${part}/source`, folder);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** Starts the interface on that port for the server at `publicUrl`. */
export async function startNodeUi(folder, port, publicUrl) {
  const settings = {
    PORT: String(port),
    ORY_SDK_URL: publicUrl,
    KRATOS_PUBLIC_URL: publicUrl,
    KRATOS_BROWSER_URL: publicUrl,
    COOKIE_SECRET: "only-for-tests",
    CSRF_COOKIE_NAME: "ui-csrf",
    CSRF_COOKIE_SECRET: "only-for-tests",
    DANGEROUSLY_DISABLE_SECURE_CSRF_COOKIES: "true",
  };
  const ui = spawn(process.execPath, ["lib/index.js"], { cwd: folder, env: { ...process.env, ...settings }, stdio: "ignore" });
  const ended = new Promise((resolve) => ui.once("close", resolve));
  const stop = async () => {
    ui.kill("SIGTERM");
    await ended;
  };
  const url = `http://localhost:${port}`;
  const deadline = Date.now() + 30_000;
  while (!(await fetch(`${url}/health/alive`).then((answer) => answer.ok, () => false))) {
    if (ui.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error("the user interface did not become ready");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url, stop };
}
