package e2e

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxkeeper/app/sandbox"
)

// TestForcedReloginLetsNoLaterCallThrough orders a new login beside the server while 200 clients of one token are calling.
func TestForcedReloginLetsNoLaterCallThrough(t *testing.T) {
	t.Parallel()
	const callers = 200
	o := newOffice(t)
	c, other := o.newCaller(t), o.newCaller(t)
	data := c.GetUserInfo()
	token := c.Token()
	var forced atomic.Bool
	var before, all sync.WaitGroup
	before.Add(callers)
	for n := range callers {
		all.Go(func() {
			calling := sync.OnceFunc(before.Done)
			for done := false; !done; calling() {
				done = o.callOnce(t, n, token, data, &forced)
			}
		})
	}
	before.Wait() // every one of them has been answered once
	began := time.Now()
	o.says(t, "User "+c.user+" logs in again", "users", "relogin", "--user", c.user, "--reason", "用户反馈登录异常")
	forced.Store(true)
	ended := time.Now()
	t.Logf("the order took %v beside the load", ended.Sub(began).Round(time.Millisecond))
	all.Wait()

	eventually(t, time.Until(ended.Add(time.Second+time.Second/2)), "/verify/ refuses the token", func() bool {
		status, _ := o.verify(t, token)
		return status == http.StatusUnauthorized
	})
	other.session()
	if got := c.sends(sandbox.SealedUserInfo); !strings.Contains(string(got), "阿珍") || c.Token() == token {
		t.Errorf("after the order the phone gets %s", got)
	}
	o.end(t)
}

// callOnce makes one call and says whether it was a later one: begun after the order, it must be refused.
func (o *office) callOnce(t *testing.T, n int, token string, data sandbox.Sealed, forced *atomic.Bool) (later bool) {
	path, in := "/session/", fields{"token": token}
	if n%2 == 0 {
		path, in = "/getinfo/", sealedFields(token, data)
	}
	later = forced.Load()
	r, err := o.post(path, in)
	if err != nil || r.Code != 0 && r.Code != 2 || later && r.Code != 2 {
		t.Errorf("%s, begun after the order %v: %v HTTP %d %s", path, later, err, r.http, r.body)
		return true
	}
	return later
}

// TestForcedReloginOfEverybody: all phones come back by themselves.
func TestForcedReloginOfEverybody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var all []*caller
	for range 5 {
		all = append(all, o.newCaller(t))
	}
	o.refusedWith(t, "--reason", "users", "relogin", "--all")
	o.refusedWith(t, "no user", "users", "relogin", "--user", "000000001", "--reason", "x")
	for _, c := range all {
		c.session()
	}
	o.says(t, "Everybody", "users", "relogin", "--all", "--reason", "密钥泄露处置")
	for _, c := range all {
		c.mustPost(t, "/session/", fields{"token": c.Token()}, 2)
		c.sends(sandbox.SealedPhone)
		if got := c.session(); got.User != c.user {
			t.Errorf("user %s came back as %s", c.user, got.User)
		}
	}
	o.end(t)
}

// TestVerify tells a back end whom a token stands for, and nothing that a visitor claims.
func TestVerify(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.newCaller(t)
	if status, user := o.verify(t, c.Token()); status != http.StatusNoContent || user != c.user {
		t.Errorf("HTTP %d, user %q", status, user)
	}
	for _, token := range []string{"", "unknown", strings.Repeat("A", 43)} {
		if status, user := o.verify(t, token); status != http.StatusUnauthorized || user != "" {
			t.Errorf("token %q: HTTP %d, user %q", token, status, user)
		}
	}
	o.end(t)
}

// TestChecksAndResets asks WeChat by the command line, beside the server.
func TestChecksAndResets(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c, taken := o.newCaller(t), o.newCaller(t)
	o.says(t, "good", "users", "check", "--user", c.user, "--reason", "x")
	c.wantKey("confirmed", "ok")
	if key := o.keyOf(t, c); key.ConfirmedBy != "wechat" {
		t.Errorf("the operator sees %+v", key)
	}
	taken.RotateKey()
	o.says(t, "not valid", "users", "check", "--user", taken.user, "--reason", "x")
	taken.wantKey("dead", "login_first")
	o.says(t, "2 users: 1 keys good, 1 dead", "users", "check", "--all", "--per-minute", "60000", "--reason", "x")

	before := c.SessionKey()
	o.says(t, "reset", "users", "reset", "--user", c.user, "--reason", "密钥泄露处置")
	if c.SessionKey() == before || c.CheckSession() {
		t.Errorf("after the reset the phone has the old key: %v, wx.checkSession %v", c.SessionKey() == before, c.CheckSession())
	}
	c.give(c.GetUserInfo(), 0) // the keeper holds what WeChat made
	if data, err := c.User1(t.Context()); err != nil {
		t.Errorf("the article's client after the reset: %s, %v", data, err)
	}
	o.refusedWith(t, "last day", "users", "reset", "--user", c.user, "--reason", "x")
	o.refusedWith(t, "no user", "users", "reset", "--user", "000000001", "--reason", "x")
	o.end(t)
}

// TestFollowKey: with that policy a login ends with its key, whoever finds it dead.
func TestFollowKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "WXKEEPER_TOKEN_POLICY=follow-key")
	first, second := o.newCaller(t), o.newCaller(t)
	first.RotateKey()
	first.give(first.GetUserInfo(), 3)
	eventually(t, 10*time.Second, "the server ends the login", func() bool {
		r, err := first.post("/session/", fields{"token": first.Token()})
		return err == nil && r.Code == 2
	})
	second.RotateKey()
	o.says(t, "not valid", "users", "check", "--user", second.user, "--reason", "x")
	second.mustPost(t, "/session/", fields{"token": second.Token()}, 2)
	for _, c := range []*caller{first, second} {
		c.sends(sandbox.SealedUserInfo)
	}
	o.end(t)
}
