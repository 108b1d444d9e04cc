import assert from "node:assert/strict";
import { Configuration, FrontendApi } from "@ory/kratos-client";
import { admin } from "./admin.mjs";

const api = new FrontendApi(new Configuration({ basePath: process.env.ZELOS_PUBLIC_URL }));
const email = `node-${process.pid}@example.com`;
const password = "a long pass phrase 93";
const refused = async (promise, status) => {
  const answer = await promise.then(() => assert.fail("should have been refused"), (error) => error.response);
  assert.equal(answer?.status, status);
  return answer.data;
};

const registration = (await api.createNativeRegistrationFlow()).data;
assert.equal(registration.type, "api");
assert.ok(registration.ui.nodes.some((node) => node.attributes.name === "traits.email"));
const registered = (await api.updateRegistrationFlow({
  flow: registration.id,
  updateRegistrationFlowBody: { method: "password", password, traits: { email, name: "Node" } },
})).data;
assert.equal(registered.identity.traits.email, email);
assert.equal(registered.session.identity.id, registered.identity.id);
assert.ok(registered.session_token);

const first = (await api.createNativeLoginFlow()).data;
const login = (flow, secret) =>
  api.updateLoginFlow({ flow: flow.id, updateLoginFlowBody: { method: "password", identifier: email, password: secret } });
const shown = await refused(login(first, "not the pass phrase"), 400);
assert.equal(shown.id, first.id);
assert.equal(shown.ui.messages[0].id, 4000006);
const loggedIn = (await login(first, password)).data;

const xSessionToken = loggedIn.session_token;
const session = (await api.toSession({ xSessionToken })).data;
assert.equal(session.active, true);
assert.equal(session.identity.traits.email, email);
assert.equal(session.authenticator_assurance_level, "aal1");
assert.equal(session.authentication_methods[0].method, "password");

await api.performNativeLogout({ performNativeLogoutBody: { session_token: xSessionToken } });
const { error } = await refused(api.toSession({ xSessionToken }), 401);
assert.equal(error.code, 401);
await admin(email);
console.log("ok");
