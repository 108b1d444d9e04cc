// Runs the programs of this folder against one server. Arguments: the folders to run, default all.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "../server.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const python = join(here, "python/.venv/bin/python");
const npm = (folder) => !existsSync(join(here, folder, "node_modules")) && ["npm", "ci", "--no-audit", "--no-fund"];

const programs = {
  node: { install: [npm("node")], run: ["node", "main.mjs"] },
  "node-legacy": { install: [npm("node-legacy")], run: ["node", "main.mjs"] },
  python: {
    install: [
      !existsSync(python) && ["python3", "-m", "venv", ".venv"],
      [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"],
    ],
    run: [python, "main.py"],
  },
  // The programs share the project's target folder, so that common dependencies are kept between runs.
  rust: { install: [["cargo", "build", "--locked", "--quiet"]], run: ["cargo", "run", "--locked", "--quiet"] },
  go: { install: [["go", "build", "-o", "main", "."]], run: ["./main"] },
};

const wanted = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(programs);
const unknown = names.find((name) => !programs[name]);
if (unknown) {
  console.error(`no program ${unknown}; there are: ${Object.keys(programs).join(", ")}`);
  process.exit(2);
}

const call = (folder, [command, ...rest], environment = {}) => {
  const target = join(here, "../../target/e2e-sdk");
  const env = { ...process.env, CARGO_TARGET_DIR: target, GOFLAGS: "-mod=readonly", ...environment };
  return spawnSync(command, rest, { cwd: join(here, folder), env, encoding: "utf8" });
};

// The admin API asks for a token, as it does wherever others can reach it. Every sign-up sends a code, so that there is
// mail.
const adminToken = "zelos_at_for_the_programs_of_this_folder";
const sha256 = createHash("sha256").update(adminToken).digest("hex");
const token = { name: "sdk", sha256, scopes: ["write", "courier", "credentials"] };
const server = await startServer({
  config: {
    serve: { admin: { auth: { tokens: [token] } } },
    selfservice: {
      methods: { code: { enabled: true }, link: { enabled: true } },
      flows: { recovery: { enabled: true }, verification: { enabled: true, use: "code" } },
    },
    // Clients expect the session in the answer, not an empty one.
    feature_flags: { faster_session_extend: false },
  },
  email: { verification: { via: "email" }, recovery: { via: "email" } },
});
const environment = {
  ZELOS_PUBLIC_URL: server.publicUrl,
  ZELOS_ADMIN_URL: server.adminUrl,
  ZELOS_ADMIN_TOKEN: adminToken,
};
let passed = 0;
let failed = 0;
try {
  for (const name of names) {
    const { install, run } = programs[name];
    let result;
    for (const step of install.filter(Boolean)) {
      result = call(name, step);
      if (result.status !== 0) break;
    }
    if (!result || result.status === 0) result = call(name, run, environment);
    const good = result.status === 0;
    console.log(`${good ? "ok    " : "FAILED"} ${name}`);
    if (good) passed += 1;
    else {
      failed += 1;
      console.log(`${result.error ?? ""}${result.stdout}${result.stderr}`);
    }
  }
  if (failed > 0) console.log(`server log:\n${server.log()}`);
} finally {
  await server.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
