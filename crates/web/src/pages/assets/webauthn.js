// Security keys and passkeys: asks the browser for a credential, writes the answer into the form and sends the form.
//
// Any page may load it: the functions are global under the names that flows give in `onclickTrigger` and
// `onloadTrigger`, and they find their inputs by the names of the nodes. Pages that may not hold inline handlers put the
// name of the function into `data-onclick-trigger` or `data-onload-trigger` instead.
"use strict";

(() => {
  if (window.__oryWebAuthnInitialized) return;
  if (!window.PublicKeyCredential) {
    console.info("This browser has no support for security keys and passkeys.");
    return;
  }

  const field = (name) => document.getElementsByName(name)[0];

  const decode = (text) => {
    const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  };

  const encode = (buffer) => {
    if (!buffer) return "";
    let binary = "";
    for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };

  // The server's options hold bytes as base64url; the browser wants buffers.
  const withBuffers = (publicKey) => {
    const decoded = { ...publicKey, challenge: decode(publicKey.challenge) };
    const descriptors = (list) => list.map((one) => ({ ...one, id: decode(one.id) }));
    if (publicKey.user && publicKey.user.id) decoded.user = { ...publicKey.user, id: decode(publicKey.user.id) };
    if (publicKey.allowCredentials) decoded.allowCredentials = descriptors(publicKey.allowCredentials);
    if (publicKey.excludeCredentials) decoded.excludeCredentials = descriptors(publicKey.excludeCredentials);
    return decoded;
  };

  const PARTS = ["attestationObject", "authenticatorData", "clientDataJSON", "signature", "userHandle"];

  const withText = (credential) => {
    const response = {};
    for (const part of PARTS) {
      if (part in credential.response) response[part] = encode(credential.response[part]);
    }
    return JSON.stringify({ id: credential.id, rawId: encode(credential.rawId), type: credential.type, response });
  };

  const send = (input, credential) => {
    input.value = withText(credential);
    input.closest("form").submit();
  };

  // A person who closes the browser's dialogue has changed their mind: that is no error.
  const tell = (error) => {
    if (error.name === "NotAllowedError" || error.name === "AbortError") console.info(error.message);
    else {
      console.error(error);
      alert(error.message);
    }
  };

  // Only one request may be open: the one behind the autocomplete gives way.
  const stopWaiting = () => {
    if (window.abortPasskeyConditionalUI) window.abortPasskeyConditionalUI.abort();
    window.abortPasskeyConditionalUI = undefined;
  };

  // Old clients hand the options over as an argument; otherwise they are the value of the button.
  const keyOptions = (given, trigger) => withBuffers((given || JSON.parse(trigger.value)).publicKey);

  const webAuthnLogin = (options, result = '[name="webauthn_login"]', button = '[name="webauthn_login_trigger"]') => {
    const publicKey = keyOptions(options, document.querySelector(button));
    return navigator.credentials
      .get({ publicKey })
      .then((credential) => send(document.querySelector(result), credential))
      .catch(tell);
  };

  const webAuthnRegistration = (
    options,
    result = '[name="webauthn_register"]',
    button = '[name="webauthn_register_trigger"]',
  ) => {
    const publicKey = keyOptions(options, document.querySelector(button));
    return navigator.credentials
      .create({ publicKey })
      .then((credential) => send(document.querySelector(result), credential))
      .catch(tell);
  };

  const passkeyLoginAutocompleteInit = async () => {
    const challenge = field("passkey_challenge");
    const result = field("passkey_login");
    if (!challenge || !result || !field("identifier")) return;
    const { isConditionalMediationAvailable } = PublicKeyCredential;
    if (!isConditionalMediationAvailable || !(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    stopWaiting();
    const waiting = new AbortController();
    window.abortPasskeyConditionalUI = waiting;
    const publicKey = withBuffers(JSON.parse(challenge.value).publicKey);
    try {
      send(result, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: waiting.signal }));
    } catch (error) {
      console.info(error.message);
    }
  };

  const passkeyLogin = async () => {
    const challenge = field("passkey_challenge");
    const result = field("passkey_login");
    if (!challenge || !result) return;
    stopWaiting();
    try {
      send(result, await navigator.credentials.get({ publicKey: withBuffers(JSON.parse(challenge.value).publicKey) }));
    } catch (error) {
      tell(error);
      await passkeyLoginAutocompleteInit();
    }
  };

  const createPasskey = (publicKey, result) =>
    navigator.credentials
      .create({ publicKey })
      .then((credential) => send(result, credential))
      .catch(tell);

  const passkeyRegistration = () => {
    const data = field("passkey_create_data");
    const result = field("passkey_register");
    if (!data || !result) return undefined;
    const { credentialOptions, displayNameFieldName, displayNameFieldNames } = JSON.parse(data.value);
    const publicKey = withBuffers(credentialOptions.publicKey);
    // The account has no name yet: it gets that of the first filled-in field that may serve.
    const names = displayNameFieldNames?.length ? displayNameFieldNames : [displayNameFieldName];
    const inputs = [...data.closest("form").elements];
    const filled = names.map((name) => inputs.find((input) => input.name === name)?.value).find(Boolean) ?? "";
    publicKey.user = { ...publicKey.user, name: filled, displayName: filled };
    return createPasskey(publicKey, result);
  };

  const passkeySettingsRegistration = () => {
    const data = field("passkey_create_data");
    const result = field("passkey_settings_register");
    if (!data || !result) return undefined;
    return createPasskey(withBuffers(JSON.parse(data.value).publicKey), result);
  };

  const triggers = {
    oryWebAuthnLogin: webAuthnLogin,
    oryWebAuthnRegistration: webAuthnRegistration,
    oryPasskeyLogin: passkeyLogin,
    oryPasskeyLoginAutocompleteInit: passkeyLoginAutocompleteInit,
    oryPasskeyRegistration: passkeyRegistration,
    oryPasskeySettingsRegistration: passkeySettingsRegistration,
  };
  for (const [name, run] of Object.entries(triggers)) {
    window[name] = run;
    // Older front ends know the functions by this spelling.
    window[`__${name}`] = run;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-onclick-trigger]");
    const run = button && Object.hasOwn(triggers, button.dataset.onclickTrigger) && triggers[button.dataset.onclickTrigger];
    if (run) run();
  });

  const onLoad = () => {
    for (const input of document.querySelectorAll("[data-onload-trigger]")) {
      if (Object.hasOwn(triggers, input.dataset.onloadTrigger)) triggers[input.dataset.onloadTrigger]();
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", onLoad);
  else onLoad();

  window.__oryWebAuthnInitialized = true;
  window.dispatchEvent(new CustomEvent("oryWebAuthnInitialized"));
})();
