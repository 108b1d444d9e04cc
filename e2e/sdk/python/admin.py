"""Every operation of the admin API, as a panel or a migration would use them."""

import os
import re
import urllib.parse

import ory_kratos_client as client

KEY = "otpauth://totp/Zelos:panel?issuer=Zelos&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def at(token):
    """A server's admin API, with that token."""
    configuration = client.Configuration(host=os.environ["ZELOS_ADMIN_URL"])
    configuration.api_key = {"oryAccessToken": token}
    configuration.api_key_prefix = {"oryAccessToken": "Bearer"}
    return client.ApiClient(configuration)


def refused(call, status):
    """Calls, and expects that answer."""
    try:
        call()
    except client.ApiException as error:
        assert error.status == status, f"{error.status}: {error.body}"
    else:
        raise AssertionError(f"should have been refused with {status}")


def pages(people, size):
    """All identities, page by page. The header is looked for as programs do: in a plain dictionary, by its exact name."""
    token = None
    while True:
        answer = people.list_identities_with_http_info(page_size=size, page_token=token)
        yield [person.id for person in answer.data]
        following = re.search(r'[?&]page_token=([^&>]+)[^>]*>; rel="next"', dict(answer.headers).get("Link"))
        if following is None:
            return
        token = urllib.parse.unquote(following[1])


def admin(person):
    """Plays them; the person has signed in before."""
    own = at(os.environ["ZELOS_ADMIN_TOKEN"])
    people = client.IdentityApi(own)
    refused(client.IdentityApi(at("wrong")).list_identities, 401)
    schema = people.list_identity_schemas()[0]
    assert people.get_identity_schema(schema.id)["title"] == "Person"

    email = f"panel-{person}"
    traits = {"email": email, "name": "Panel"}
    password = client.IdentityWithCredentialsPasswordConfig(password="a long pass phrase 94")
    made = people.create_identity(
        client.CreateIdentityBody(
            schema_id=schema.id,
            external_id=email,
            traits=traits,
            metadata_admin={"plan": "free"},
            credentials=client.IdentityWithCredentials(
                password=client.IdentityWithCredentialsPassword(config=password),
                # The client has no name for it, but lets it through.
                additional_properties={"totp": {"config": {"totp_url": KEY}}},
            ),
        )
    )
    shown = people.get_identity(made.id, include_credential=["password"])
    assert shown.credentials["password"].identifiers == [email]
    assert shown.credentials["password"].config["hashed_password"].startswith("$2")
    assert people.get_identity_by_external_id(email).id == made.id
    assert [found.id for found in people.list_identities(credentials_identifier=email)] == [made.id]
    more = [
        people.create_identity(client.CreateIdentityBody(schema_id=schema.id, traits={"email": f"{n}-{email}", "name": "N"}))
        for n in range(4)
    ]
    listed = list(pages(people, 2))
    assert len(listed) >= 3 and all(len(page) == 2 for page in listed[:-1]), listed
    assert {made.id, *(one.id for one in more)} <= {one for page in listed for one in page}
    for one in more:
        people.delete_identity(one.id)
    patched = people.patch_identity(made.id, [client.JsonPatch(op="replace", path="/traits/name", value="Patched")])
    assert (patched.traits["name"], patched.metadata_admin) == ("Patched", {"plan": "free"})
    body = client.UpdateIdentityBody(schema_id=schema.id, external_id=email, state="inactive", traits=traits)
    assert people.update_identity(made.id, body).state == "inactive"
    people.delete_identity_credentials(made.id, "totp")

    creations = [
        client.IdentityPatch(create=client.CreateIdentityBody(schema_id=schema.id, traits={"email": email}))
        for email in [f"batch-{email}", 7]
    ]
    batch = people.batch_patch_identities(client.PatchIdentitiesBody(identities=creations)).identities
    assert [item.action for item in batch] == ["create", "error"]

    guest = people.list_identities(credentials_identifier=person)[0]
    session = people.list_identity_sessions(guest.id, active=True)[0]
    everybody = people.list_sessions(active=True, expand=["identity", "devices"])
    assert [found.identity.id for found in everybody if found.id == session.id] == [guest.id]
    assert people.get_session(session.id, expand=["identity"]).identity.id == guest.id
    assert people.extend_session(session.id).expires_at >= session.expires_at
    people.disable_session(session.id)
    assert people.get_session(session.id).active is False
    people.delete_identity_sessions(guest.id)
    assert people.list_identity_sessions(guest.id) == []

    code = people.create_recovery_code_for_identity(client.CreateRecoveryCodeForIdentityBody(identity_id=guest.id))
    assert code.recovery_code.isdigit() and len(code.recovery_code) == 6
    wish = client.CreateRecoveryLinkForIdentityBody(identity_id=guest.id)
    link = people.create_recovery_link_for_identity(create_recovery_link_for_identity_body=wish)
    assert "token=" in link.recovery_link

    courier = client.CourierApi(own)
    message = courier.list_courier_messages(recipient=person)[0]
    assert message.template_type == "verification_code_valid"
    assert courier.get_courier_message(message.id).recipient == person

    for identity in [made.id, batch[0].identity, guest.id]:
        people.delete_identity(identity)
    refused(lambda: people.get_identity(made.id), 404)
