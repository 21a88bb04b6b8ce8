// Package contract plays the plain-text scripts that fix what the server's HTTP interface does, against any running server.
//
// A script is a series of exchanges. Each begins with a request line, then come the request's headers and body, then what
// must hold of the answer:
//
//	# a comment
//	POST /login/
//	User-Agent: Mozilla/5.0
//	json {"code":"${code:alice}"}
//	status 200
//	code 0
//	data.user matches ^[0-9]{9}$
//	capture token data.token
//
// The body is one of these; without one, none is sent:
//
//	json TEXT               as application/json
//	form TEXT               as application/x-www-form-urlencoded
//	raw TEXT                as it is; "quoted as in Go" where it holds odd bytes
//
// What can be asked of the answer:
//
//	status N                HTTP status
//	code N                  the members code and status, both
//	header NAME TEXT        this header, exactly
//	body contains TEXT      the answer's text
//	PATH is TEXT            a member of the JSON answer, such as data.user
//	PATH matches REGEXP     the same by regular expression
//	PATH keys NAME…         an object with exactly these members; "answer keys" means the whole answer
//	capture NAME PATH       keeps a member for later in the same file, as ${NAME}
//	capture NAME PATH REGEXP  keeps what the one group of the regular expression finds in it
//
// ${kind:argument} asks the caller for a value, and ${filler:N} is N times the letter a. In json and form they are inserted
// escaped, as any client would, elsewhere as they are. An indented line continues the one before it.
package contract

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"testing"
	"time"
)

// Values makes what a script cannot know beforehand, such as a fresh login code.
type Values func(kind, argument string) (string, error)

// Run plays every *.txt file of scripts, each as a test of its own, against the server at base.
func Run(t *testing.T, base string, scripts fs.FS, values Values) {
	t.Helper()
	names, err := fs.Glob(scripts, "*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no contract scripts found: %v", err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			script, err := fs.ReadFile(scripts, name)
			if err != nil {
				t.Fatal(err)
			}
			if err := Play(base, string(script), values); err != nil {
				t.Error(err)
			}
		})
	}
}

// Play plays one script and gives everything that did not hold, each with its line.
func Play(base, script string, values Values) error {
	exchanges, err := parse(script)
	if err != nil {
		return err
	}
	player := player{
		base:     base,
		values:   values,
		captured: map[string]string{},
		client: &http.Client{
			Timeout:       time.Minute,
			Transport:     &http.Transport{DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	defer player.client.CloseIdleConnections()
	var wrong []error
	for _, exchange := range exchanges {
		wrong = append(wrong, player.play(exchange))
	}
	return errors.Join(wrong...)
}

func (p *player) play(e exchange) error {
	answer, err := p.send(e)
	if err != nil {
		return fmt.Errorf("line %d: %s: %w", e.request.number, e.request.text, err)
	}
	var wrong []error
	for _, check := range e.checks {
		if err := p.check(answer, check.text); err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %s: %w\n\tanswer: %d %s", check.number, check.text, err, answer.status, answer.body))
		}
	}
	return errors.Join(wrong...)
}
