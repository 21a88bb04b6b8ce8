package operator

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

const (
	shortestPassword = 8   // characters; OWASP ASVS 5.0, 6.2.1
	longestPassword  = 256 // bytes
)

// What can be wrong with a password.
var (
	ErrPasswordShort  = fmt.Errorf("a password has %d characters at least", shortestPassword)
	ErrPasswordLong   = fmt.Errorf("a password has %d bytes at most", longestPassword)
	ErrPasswordIsName = errors.New("a password is not the operator's name, nor that with digits and signs around")
	ErrPasswordCommon = errors.New("this password is one of the first that anybody tries: choose another")
	ErrPasswordWrong  = errors.New("name or password is wrong")
)

func checkPassword(name string, password app.Secret) error {
	text := password.Reveal()
	switch {
	case utf8.RuneCountInString(text) < shortestPassword:
		return ErrPasswordShort
	case len(text) > longestPassword:
		return ErrPasswordLong
	case isName(text, name):
		return ErrPasswordIsName
	case isCommon(text):
		return ErrPasswordCommon
	}
	return nil
}

//go:embed commonpasswords.txt
var commonPasswordsText string

// commonPasswords are the passwords everybody tries first, in lower case: of lists that leaked, of keyboards, of dates, of what
// this program is about.
var commonPasswords = sync.OnceValue(func() map[string]bool {
	common := map[string]bool{}
	for password := range strings.FieldsSeq(commonPasswordsText) {
		common[password] = true
	}
	return common
})

// commonWords are common passwords without what people put around a word to make it long enough.
var commonWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for password := range commonPasswords() {
		if word := undecorated(password); word != "" {
			words[word] = true
		}
	}
	return words
})

// isCommon also knows every password of one character again and again, and common ones with other digits and signs around.
func isCommon(password string) bool {
	folded := strings.ToLower(password)
	_, first := utf8.DecodeRuneInString(folded)
	return commonPasswords()[folded] || strings.Trim(folded, folded[:first]) == "" || isDecorated(folded) && commonWords()[undecorated(folded)]
}

// isName also knows the name with other digits and signs around.
func isName(password, name string) bool {
	word := undecorated(name)
	return strings.EqualFold(password, name) || word != "" && isDecorated(password) && strings.EqualFold(undecorated(password), word)
}

// decorationAtMost is how many digits and signs around a word add nothing that a guesser would not try: a date or a count.
const decorationAtMost = 8

// undecorated is a text without the digits and signs at its ends.
func undecorated(text string) string {
	return strings.TrimFunc(text, func(letter rune) bool { return !unicode.IsLetter(letter) })
}

func isDecorated(text string) bool { return len(text)-len(undecorated(text)) <= decorationAtMost }

// hashParameters are OWASP's second recommendation for argon2id: 19 MiB, 2 passes, 1 thread.
var hashParameters = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// nobodysHash costs what every other costs and fits no password: it is compared with where there is no account.
func nobodysHash(costs *argon2id.Params) app.Secret {
	return app.Secret(fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", costs.Memory, costs.Iterations, costs.Parallelism,
		base64.RawStdEncoding.EncodeToString(make([]byte, costs.SaltLength)),
		base64.RawStdEncoding.EncodeToString(make([]byte, costs.KeyLength))))
}

const (
	hashesAtOnce  = 2  // each takes 19 MiB
	hashesWaiting = 16 // callers that may wait for their turn; one more is told to come again
	hashRetry     = 5 * time.Second
)

// hasher hashes few passwords at once: hashing is made to be expensive, and strangers may ask for it.
type hasher struct {
	costs  *argon2id.Params
	nobody app.Secret    // the hash of nobody's password
	room   chan struct{} // held by whoever hashes or waits
	turns  chan struct{} // held by whoever hashes
	done   atomic.Int64  // hashes made
	limits *meter.Tally[app.Limit]
}

func newHasher(costs *argon2id.Params, limits *meter.Tally[app.Limit]) *hasher {
	if costs == nil {
		costs = &hashParameters
	}
	return &hasher{
		costs: costs, nobody: nobodysHash(costs), room: make(chan struct{}, hashesAtOnce+hashesWaiting), turns: make(chan struct{}, hashesAtOnce),
		limits: limits,
	}
}

// enter waits for a turn. TooManyRequests: too many wait already, or the context ended first.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.room <- struct{}{}:
	default:
		h.limits.Add(app.LimitHashing, 1)
		return nil, app.Fail(app.TooManyRequests, "").After(hashRetry)
	}
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns; <-h.room }, nil
	case <-ctx.Done():
		<-h.room
		return nil, app.Fail(app.TooManyRequests, "").After(hashRetry).Because(context.Cause(ctx))
	}
}

// hash makes the stored form of a password when its turn comes.
func (h *hasher) hash(ctx context.Context, password app.Secret) (app.Secret, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	h.done.Add(1)
	hash, err := argon2id.CreateHash(password.Reveal(), h.costs)
	return app.Secret(hash), err
}

// fits compares a password with a stored hash. The caller has entered.
func (h *hasher) fits(password, hash app.Secret) (bool, error) {
	h.done.Add(1)
	return argon2id.ComparePasswordAndHash(password.Reveal(), hash.Reveal())
}

// outdated says whether a stored hash was made at other costs than new ones are.
func (h *hasher) outdated(hash app.Secret) bool {
	costs, _, _, err := argon2id.DecodeHash(hash.Reveal())
	return err == nil && *costs != *h.costs
}
