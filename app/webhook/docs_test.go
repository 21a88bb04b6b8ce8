package webhook_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
)

// The examples in docs/webhooks.md take a good message and refuse one that was changed.
func TestExamplesVerify(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body := `{"type":"user.erased","data":{"openid":"o€"}}`
	header := http.Header{}
	outgoing.Sign(header, 4711, time.Now(), []byte(body), outgoing.SigningKey("whsec_"+"b3RoZXI="), outgoing.SigningKey(app.Secret(secret)))
	headers := map[string]string{}
	for name := range header {
		headers[strings.ToLower(name)] = header.Get(name)
	}
	for language, one := range map[string]struct{ program, call string }{
		"python": {"python3", `
import json, sys
h, b, s = json.loads(sys.argv[1])
print(verify(h, b.encode(), s), verify(h, b.encode() + b' ', s))`},
		"js": {"node", `
const [h, b, s] = JSON.parse(process.argv[1]);
console.log(verify(h, b, s), verify(h, b + ' ', s));`},
	} {
		t.Run(language, func(t *testing.T) {
			_, rest, found := strings.Cut(string(text), "```"+language+"\n")
			code, _, closed := strings.Cut(rest, "```")
			if !found || !closed || strings.Count(code, "\n") > 30 {
				t.Fatal("there is no example of at most 30 lines")
			}
			program, err := exec.LookPath(one.program)
			if err != nil {
				t.Skipf("no %s here: %v", one.program, err)
			}
			argument, err := json.Marshal([]any{headers, body, secret})
			if err != nil {
				t.Fatal(err)
			}
			flag := map[string]string{"python": "-c", "js": "-e"}[language]
			run := exec.CommandContext(t.Context(), program, flag, code+one.call, string(argument))
			output, err := run.CombinedOutput()
			if got := strings.ToLower(strings.TrimSpace(string(output))); err != nil || got != "true false" {
				t.Errorf("%q %v", got, err)
			}
		})
	}
}
