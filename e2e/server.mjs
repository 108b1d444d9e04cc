// Starts the built binary for a test, on free ports and in an empty folder, and stops it again.
//
// ZELOS_BINARY names the binary; without it the release build is taken, else the debug build. Mail is kept in the mailbox
// of development, as no way out is configured.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** `email` is what a person's address is for, besides signing in; `traits` are more of them. */
const identitySchema = (email, traits) => ({
  $id: "https://zelos.example/person.schema.json",
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "Person",
  type: "object",
  properties: {
    traits: {
      type: "object",
      properties: {
        email: {
          type: "string",
          format: "email",
          title: "Email",
          "ory.sh/kratos": { credentials: { password: { identifier: true } }, ...email },
        },
        name: { type: "string", title: "Name" },
        newsletter: { type: "boolean", title: "Send me the newsletter" },
        ...traits,
      },
      required: ["email"],
      additionalProperties: false,
    },
  },
});

/**
 * Starts a server. `config` is laid over the usual configuration; for the others see the schema. `host` is how browsers
 * call the machine: security keys and passkeys belong to a name, not to an address.
 */
export async function startServer({ config: changes = {}, email = {}, traits = {}, host = "127.0.0.1" } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "zelos-e2e-"));
  const [publicPort, adminPort] = await freePorts(2);
  const publicUrl = `http://${host}:${publicPort}`;
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const config = join(folder, "kratos.json");
  const schema = identitySchema(email, traits);
  await writeFile(config, JSON.stringify(merged(configuration(publicUrl, adminUrl, schema), changes), null, 2));

  const log = [];
  const server = spawn(binary(), ["serve", "--dev", "-c", config], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  server.stdout.on("data", (data) => log.push(data));
  server.stderr.on("data", (data) => log.push(data));
  const ended = new Promise((resolve) => server.once("close", resolve));
  const text = () => Buffer.concat(log).toString();

  const stop = async () => {
    server.kill("SIGTERM");
    const force = setTimeout(() => server.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(force);
    await rm(folder, { recursive: true, force: true });
  };

  const deadline = Date.now() + 30_000;
  while (!(await isReady(publicUrl)) || !(await isReady(adminUrl))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`the server did not become ready:\n${text()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { publicUrl, adminUrl, stop, log: text };
}

function binary() {
  const candidates = ["release", "debug"].map((profile) => join(root, "target", profile, "zelos"));
  const found = [process.env.ZELOS_BINARY, ...candidates].find((path) => path && existsSync(path));
  if (!found) throw new Error("build the server first: cargo build --release");
  return found;
}

function merged(under, over) {
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(under) || !isObject(over)) return over;
  const parts = Object.entries(over).map(([key, value]) => [key, key in under ? merged(under[key], value) : value]);
  return { ...under, ...Object.fromEntries(parts) };
}

function configuration(publicUrl, adminUrl, schema) {
  const [publicPort, adminPort] = [publicUrl, adminUrl].map((url) => Number(new URL(url).port));
  const url = `base64://${Buffer.from(JSON.stringify(schema)).toString("base64")}`;
  return {
    dsn: "memory",
    serve: {
      public: { host: "127.0.0.1", port: publicPort, base_url: `${publicUrl}/` },
      admin: { host: "127.0.0.1", port: adminPort, base_url: `${adminUrl}/` },
    },
    selfservice: {
      default_browser_return_url: `${publicUrl}/`,
      allowed_return_urls: [`${publicUrl}/`],
      // No test may depend on a service on the internet.
      methods: { password: { enabled: true, config: { haveibeenpwned_enabled: false } } },
      flows: { registration: { style: "unified", after: { password: { hooks: [{ hook: "session" }] } } } },
    },
    identity: { default_schema_id: "person", schemas: [{ id: "person", url }] },
    secrets: { default: ["only-for-tests-only-for-tests-32"] },
    hashers: { algorithm: "bcrypt", bcrypt: { cost: 4 } },
  };
}

export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve, reject) => {
      const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => resolve(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function isReady(url) {
  try {
    return (await fetch(`${url}/health/ready`)).ok;
  } catch {
    return false;
  }
}
