// The flows of a native app through the Go client.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	ory "github.com/ory/client-go"
)

const password = "a long pass phrase 93"

func check(ok bool, what string, values ...any) {
	if !ok {
		log.Fatalf("failed: "+what, values...)
	}
}

func must[T any](value T, _ any, err error) T {
	var answer *ory.GenericOpenAPIError
	if errors.As(err, &answer) {
		log.Fatalf("%v: %s", err, answer.Body())
	}
	check(err == nil, "%v", err)
	return value
}

func refused(err error) map[string]any {
	var answer *ory.GenericOpenAPIError
	check(errors.As(err, &answer), "should have been refused: %v", err)
	var body map[string]any
	check(json.Unmarshal(answer.Body(), &body) == nil, "no JSON: %s", answer.Body())
	return body
}

func main() {
	ctx := context.Background()
	configuration := ory.NewConfiguration()
	configuration.Servers = ory.ServerConfigurations{{URL: os.Getenv("ZELOS_PUBLIC_URL")}}
	api := ory.NewAPIClient(configuration).FrontendAPI
	email := fmt.Sprintf("go-%d@example.com", os.Getpid())

	registration := must(api.CreateNativeRegistrationFlow(ctx).Execute())
	traits := map[string]any{"email": email, "name": "Go"}
	newcomer := ory.NewUpdateRegistrationFlowWithPasswordMethod("password", password, traits)
	registered := must(api.UpdateRegistrationFlow(ctx).Flow(registration.Id).
		UpdateRegistrationFlowBody(ory.UpdateRegistrationFlowWithPasswordMethodAsUpdateRegistrationFlowBody(newcomer)).
		Execute())
	check(registered.Identity.Traits.(map[string]any)["email"] == email, "traits: %v", registered.Identity.Traits)
	check(registered.GetSessionToken() != "", "no session token")

	flow := must(api.CreateNativeLoginFlow(ctx).Execute())
	login := func(password string) ory.FrontendAPIUpdateLoginFlowRequest {
		method := ory.NewUpdateLoginFlowWithPasswordMethod(email, "password", password)
		return api.UpdateLoginFlow(ctx).Flow(flow.Id).
			UpdateLoginFlowBody(ory.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(method))
	}
	_, response, err := login("not the pass phrase").Execute()
	shown := refused(err)
	check(response.StatusCode == 400, "status %d", response.StatusCode)
	message := shown["ui"].(map[string]any)["messages"].([]any)[0].(map[string]any)
	check(message["id"] == 4000006.0, "message %v", message)
	token := must(login(password).Execute()).GetSessionToken()

	session := must(api.ToSession(ctx).XSessionToken(token).Execute())
	check(session.GetActive(), "the session is not active")
	check(session.Identity.Traits.(map[string]any)["email"] == email, "traits: %v", session.Identity.Traits)

	_, err = api.PerformNativeLogout(ctx).PerformNativeLogoutBody(*ory.NewPerformNativeLogoutBody(token)).Execute()
	check(err == nil, "logout: %v", err)
	_, response, err = api.ToSession(ctx).XSessionToken(token).Execute()
	refused(err)
	check(response.StatusCode == 401, "status %d", response.StatusCode)
	admin(ctx, email)
	fmt.Println("ok")
}
