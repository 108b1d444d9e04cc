// Every operation of the admin API, as a panel or a migration would use them. `person` has signed in before.

import assert from "node:assert/strict";
import { Configuration, CourierApi, IdentityApi } from "@ory/kratos-client";

const at = (apiKey) => new Configuration({ basePath: process.env.ZELOS_ADMIN_URL, apiKey });
const own = at(`Bearer ${process.env.ZELOS_ADMIN_TOKEN}`);
const key = "otpauth://totp/Zelos:panel?issuer=Zelos&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const id = (identity) => identity.id;

export async function admin(person) {
  const people = new IdentityApi(own);
  await assert.rejects(new IdentityApi(at()).listIdentities(), (error) => error.response.status === 401);
  const [schema] = (await people.listIdentitySchemas()).data;
  assert.equal((await people.getIdentitySchema({ id: schema.id })).data.title, "Person");

  const email = `panel-${person}`;
  const traits = { email, name: "Panel" };
  const made = (await people.createIdentity({
    createIdentityBody: {
      schema_id: schema.id,
      external_id: email,
      traits,
      metadata_admin: { plan: "free" },
      credentials: { password: { config: { password: "a long pass phrase 94" } }, totp: { config: { totp_url: key } } },
    },
  })).data;
  const shown = (await people.getIdentity({ id: made.id, includeCredential: ["password"] })).data;
  assert.deepEqual(shown.credentials.password.identifiers, [email]);
  assert.ok(shown.credentials.password.config.hashed_password.startsWith("$2"));
  assert.equal((await people.getIdentityByExternalID({ externalID: email })).data.id, made.id);
  assert.deepEqual((await people.listIdentities({ credentialsIdentifier: email })).data.map(id), [made.id]);
  const patch = [{ op: "replace", path: "/traits/name", value: "Patched" }];
  const patched = (await people.patchIdentity({ id: made.id, jsonPatch: patch })).data;
  assert.deepEqual([patched.traits.name, patched.metadata_admin], ["Patched", { plan: "free" }]);
  const updateIdentityBody = { schema_id: schema.id, external_id: email, state: "inactive", traits };
  assert.equal((await people.updateIdentity({ id: made.id, updateIdentityBody })).data.state, "inactive");
  await people.deleteIdentityCredentials({ id: made.id, type: "totp" });

  const { identities: batch } = (await people.batchPatchIdentities({
    patchIdentitiesBody: {
      identities: [`batch-${email}`, 7].map((email) => ({ create: { schema_id: schema.id, traits: { email } } })),
    },
  })).data;
  assert.deepEqual(batch.map(({ action }) => action), ["create", "error"]);

  const [guest] = (await people.listIdentities({ credentialsIdentifier: person })).data;
  const [session] = (await people.listIdentitySessions({ id: guest.id, active: true })).data;
  const everybody = (await people.listSessions({ active: true, expand: ["identity", "devices"] })).data;
  assert.equal(everybody.find(({ id }) => id === session.id).identity.id, guest.id);
  assert.equal((await people.getSession({ id: session.id, expand: ["identity"] })).data.identity.id, guest.id);
  const extended = (await people.extendSession({ id: session.id })).data;
  assert.ok(new Date(extended.expires_at) >= new Date(session.expires_at));
  await people.disableSession({ id: session.id });
  assert.equal((await people.getSession({ id: session.id })).data.active, false);
  await people.deleteIdentitySessions({ id: guest.id });
  assert.deepEqual((await people.listIdentitySessions({ id: guest.id })).data, []);

  const wish = { identity_id: guest.id };
  const code = (await people.createRecoveryCodeForIdentity({ createRecoveryCodeForIdentityBody: wish })).data;
  assert.match(code.recovery_code, /^\d{6}$/);
  const link = (await people.createRecoveryLinkForIdentity({ createRecoveryLinkForIdentityBody: wish })).data;
  assert.match(link.recovery_link, /token=/);

  const courier = new CourierApi(own);
  const [message] = (await courier.listCourierMessages({ recipient: person })).data;
  assert.equal(message.template_type, "verification_code_valid");
  assert.equal((await courier.getCourierMessage({ id: message.id })).data.recipient, person);

  for (const identity of [made.id, batch[0].identity, guest.id]) await people.deleteIdentity({ id: identity });
  await assert.rejects(people.getIdentity({ id: made.id }), (error) => error.response.status === 404);
}
