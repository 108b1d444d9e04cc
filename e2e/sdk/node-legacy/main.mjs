// The client of early 2022: other names for the same endpoints, and fewer methods than flows offer today.

import assert from "node:assert/strict";
import client from "@ory/kratos-client";

const api = new client.V0alpha2Api(new client.Configuration({ basePath: process.env.ZELOS_PUBLIC_URL }));
const email = `legacy-${process.pid}@example.com`;
const password = "a long pass phrase 93";
const refused = async (promise, status) => {
  const answer = await promise.then(() => assert.fail("should have been refused"), (error) => error.response);
  assert.equal(answer?.status, status);
  return answer.data;
};

const registration = (await api.initializeSelfServiceRegistrationFlowWithoutBrowser()).data;
assert.ok(registration.ui.nodes.some((node) => node.attributes.name === "traits.email"));
const registered = (await api.submitSelfServiceRegistrationFlow(registration.id, {
  method: "password",
  password,
  traits: { email, name: "Legacy" },
})).data;
assert.equal(registered.identity.traits.email, email);
assert.ok(registered.session_token);

const flow = (await api.initializeSelfServiceLoginFlowWithoutBrowser()).data;
const login = (secret) =>
  api.submitSelfServiceLoginFlow(flow.id, undefined, { method: "password", identifier: email, password: secret });
assert.equal((await refused(login("not the pass phrase"), 400)).ui.messages[0].id, 4000006);
const loggedIn = (await login(password)).data;

const session = (await api.toSession(loggedIn.session_token)).data;
assert.equal(session.active, true);
assert.equal(session.identity.traits.email, email);

await api.submitSelfServiceLogoutFlowWithoutBrowser({ session_token: loggedIn.session_token });
await refused(api.toSession(loggedIn.session_token), 401);
console.log("ok");
