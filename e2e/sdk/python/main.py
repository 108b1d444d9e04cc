import json
import os

import ory_kratos_client as client
from admin import admin

EMAIL = f"python-{os.getpid()}@example.com"
PASSWORD = "a long pass phrase 93"


def refused(call, status):
    """Calls, expects that answer, and returns its body."""
    try:
        call()
    except client.ApiException as error:
        assert error.status == status, f"{error.status}: {error.body}"
        return json.loads(error.body)
    raise AssertionError(f"should have been refused with {status}")


def main():
    api = client.FrontendApi(client.ApiClient(client.Configuration(host=os.environ["ZELOS_PUBLIC_URL"])))

    registration = api.create_native_registration_flow()
    assert any(node.attributes.actual_instance.name == "traits.email" for node in registration.ui.nodes)
    registered = api.update_registration_flow(
        registration.id,
        client.UpdateRegistrationFlowBody(
            client.UpdateRegistrationFlowWithPasswordMethod(
                method="password", password=PASSWORD, traits={"email": EMAIL, "name": "Python"}
            )
        ),
    )
    assert registered.identity.traits["email"] == EMAIL
    assert registered.session_token

    flow = api.create_native_login_flow()

    def login(password):
        method = client.UpdateLoginFlowWithPasswordMethod(method="password", identifier=EMAIL, password=password)
        return api.update_login_flow(flow.id, client.UpdateLoginFlowBody(method))

    assert refused(lambda: login("not the pass phrase"), 400)["ui"]["messages"][0]["id"] == 4000006
    token = login(PASSWORD).session_token

    session = api.to_session(x_session_token=token)
    assert session.active is True
    assert session.identity.traits["email"] == EMAIL
    assert session.authenticator_assurance_level == "aal1"

    api.perform_native_logout(client.PerformNativeLogoutBody(session_token=token))
    assert refused(lambda: api.to_session(x_session_token=token), 401)["error"]["code"] == 401
    admin(EMAIL)
    print("ok")


main()
