package main

import (
	"context"
	"os"
	"strings"

	ory "github.com/ory/client-go"
)

const key = "otpauth://totp/Zelos:panel?issuer=Zelos&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

func adminAPI(token string) *ory.APIClient {
	configuration := ory.NewConfiguration()
	configuration.Servers = ory.ServerConfigurations{{URL: os.Getenv("ZELOS_ADMIN_URL")}}
	configuration.AddDefaultHeader("Authorization", "Bearer "+token)
	return ory.NewAPIClient(configuration)
}

// admin plays every operation of the admin API, as a panel or a migration would use them. The person has signed in
// before.
func admin(ctx context.Context, person string) {
	own := adminAPI(os.Getenv("ZELOS_ADMIN_TOKEN"))
	people := own.IdentityAPI
	_, response, err := adminAPI("wrong").IdentityAPI.ListIdentities(ctx).Execute()
	refused(err)
	check(response.StatusCode == 401, "status %d", response.StatusCode)
	schema := must(people.ListIdentitySchemas(ctx).Execute())[0].GetId()
	check(must(people.GetIdentitySchema(ctx, schema).Execute())["title"] == "Person", "another schema")

	email := "panel-" + person
	traits := map[string]any{"email": email, "name": "Panel"}
	body := *ory.NewCreateIdentityBody(schema, traits)
	body.SetExternalId(email)
	body.SetMetadataAdmin(map[string]any{"plan": "free"})
	config := ory.IdentityWithCredentialsPasswordConfig{}
	config.SetPassword("a long pass phrase 94")
	body.SetCredentials(ory.IdentityWithCredentials{
		Password: &ory.IdentityWithCredentialsPassword{Config: &config},
		// The client has no name for it, but lets it through.
		AdditionalProperties: map[string]any{"totp": map[string]any{"config": map[string]any{"totp_url": key}}},
	})
	made := must(people.CreateIdentity(ctx).CreateIdentityBody(body).Execute()).Id
	shown := must(people.GetIdentity(ctx, made).IncludeCredential([]string{"password"}).Execute())
	credential := shown.GetCredentials()["password"]
	check(credential.Identifiers[0] == email, "identifiers: %v", credential.Identifiers)
	check(strings.HasPrefix(credential.Config["hashed_password"].(string), "$2"), "config: %v", credential.Config)
	check(must(people.GetIdentityByExternalID(ctx, email).Execute()).Id == made, "another person")
	found := must(people.ListIdentities(ctx).CredentialsIdentifier(email).Execute())
	check(len(found) == 1 && found[0].Id == made, "found: %v", found)
	patch := ory.JsonPatch{Op: "replace", Path: "/traits/name", Value: "Patched"}
	patched := must(people.PatchIdentity(ctx, made).JsonPatch([]ory.JsonPatch{patch}).Execute())
	check(patched.Traits.(map[string]any)["name"] == "Patched", "traits: %v", patched.Traits)
	check(patched.MetadataAdmin["plan"] == "free", "metadata: %v", patched.MetadataAdmin)
	update := *ory.NewUpdateIdentityBody(schema, "inactive", traits)
	update.SetExternalId(email)
	check(must(people.UpdateIdentity(ctx, made).UpdateIdentityBody(update).Execute()).GetState() == "inactive", "state")
	done(people.DeleteIdentityCredentials(ctx, made, "totp").Execute())

	poisoned := map[string]any{"email": 7}
	creations := []ory.IdentityPatch{
		{Create: ory.NewCreateIdentityBody(schema, map[string]any{"email": "batch-" + email})},
		{Create: ory.NewCreateIdentityBody(schema, poisoned)},
	}
	patches := ory.PatchIdentitiesBody{Identities: creations}
	batch := must(people.BatchPatchIdentities(ctx).PatchIdentitiesBody(patches).Execute()).Identities
	check(batch[0].GetAction() == "create" && batch[1].GetAction() == "error", "batch: %v", batch)

	guest := must(people.ListIdentities(ctx).CredentialsIdentifier(person).Execute())[0].Id
	session := must(people.ListIdentitySessions(ctx, guest).Active(true).Execute())[0]
	everybody := must(people.ListSessions(ctx).Active(true).Expand([]string{"identity", "devices"}).Execute())
	for _, other := range everybody {
		check(other.Id != session.Id || other.Identity.Id == guest, "whose: %v", other.Identity)
	}
	check(must(people.GetSession(ctx, session.Id).Expand([]string{"identity"}).Execute()).Identity.Id == guest, "whose")
	extended := must(people.ExtendSession(ctx, session.Id).Execute())
	check(!extended.ExpiresAt.Before(*session.ExpiresAt), "extended to %v", extended.ExpiresAt)
	done(people.DisableSession(ctx, session.Id).Execute())
	check(!must(people.GetSession(ctx, session.Id).Execute()).GetActive(), "still active")
	done(people.DeleteIdentitySessions(ctx, guest).Execute())
	check(len(must(people.ListIdentitySessions(ctx, guest).Execute())) == 0, "sessions remain")

	code := must(people.CreateRecoveryCodeForIdentity(ctx).
		CreateRecoveryCodeForIdentityBody(*ory.NewCreateRecoveryCodeForIdentityBody(guest)).Execute())
	check(len(code.RecoveryCode) == 6, "code: %s", code.RecoveryCode)
	link := must(people.CreateRecoveryLinkForIdentity(ctx).
		CreateRecoveryLinkForIdentityBody(*ory.NewCreateRecoveryLinkForIdentityBody(guest)).Execute())
	check(strings.Contains(link.RecoveryLink, "token="), "link: %s", link.RecoveryLink)

	message := must(own.CourierAPI.ListCourierMessages(ctx).Recipient(person).Execute())[0]
	check(message.TemplateType == "verification_code_valid", "template %s", message.TemplateType)
	check(must(own.CourierAPI.GetCourierMessage(ctx, message.Id).Execute()).Recipient == person, "whose message")

	for _, identity := range []string{made, batch[0].GetIdentity(), guest} {
		done(people.DeleteIdentity(ctx, identity).Execute())
	}
	_, response, err = people.GetIdentity(ctx, made).Execute()
	refused(err)
	check(response.StatusCode == 404, "status %d", response.StatusCode)
}

func done(response any, err error) {
	must(0, response, err)
}
