package e2e

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app/sandbox"
)

// TestLifeOfAKey tells the whole story over HTTP.
func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "WXKEEPER_KEY_AGING=4s")
	c := o.newCaller(t)
	c.wantKey("new", "ok")

	c.sends(sandbox.SealedUserInfo)
	c.wantKey("confirmed", "ok")
	if key := o.keyOf(t, c); key.ConfirmedBy != "opening" || time.Since(key.ConfirmedAt) > time.Minute {
		t.Errorf("the operator sees %+v", key)
	}
	c.becomes("aging", "login_first")

	// Another server takes the key, and WeChat lets us wait for its verdict.
	if err := o.weChat.Fail(sandbox.Fault{Kind: sandbox.FaultHang, API: sandbox.APICheckSession}); err != nil {
		t.Fatal(err)
	}
	c.RotateKey()
	if !c.CheckSession() {
		t.Error("wx.checkSession knows what the phone cannot know")
	}
	refused := c.give(c.GetUserInfo(), 3)
	c.wantKey("aging", "login_first") // the suspicion is no client's business
	if key := o.keyOf(t, c); key.FailedAt.IsZero() || !key.DeadAt.IsZero() {
		t.Errorf("the operator sees %+v, not a suspicion", key)
	}
	o.weChat.ClearFaults()
	c.becomes("dead", "login_first")
	if key := o.keyOf(t, c); key.DeadAt.IsZero() {
		t.Errorf("the operator sees %+v", key)
	}
	if again := c.give(c.GetUserInfo(), 3); again.withoutRequestID() != refused.withoutRequestID() {
		t.Errorf("the client learns that the key is dead: %s, before %s", again.body, refused.body)
	}

	if err := c.EnsureFresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.wantKey("new", "ok")
	c.sends(sandbox.SealedUserInfo)
	c.wantKey("confirmed", "ok")
	o.end(t)
}

// exportedKey is what an operator can see of a session key.
type exportedKey struct {
	Fingerprint, ConfirmedBy                                string
	ObtainedAt, SupersededAt, ConfirmedAt, FailedAt, DeadAt time.Time
}

// keyOf gives somebody's newest key.
func (o *office) keyOf(t *testing.T, c *caller) exportedKey {
	t.Helper()
	var person struct{ Keys []exportedKey }
	text := succeed(t, o.settings, "users", "export", "--user", c.user, "--reason", "test")
	if err := json.Unmarshal([]byte(text), &person); err != nil || len(person.Keys) == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	return person.Keys[0]
}

// withoutRequestID is the body but for what is new each time.
func (r reply) withoutRequestID() string {
	var body map[string]any
	if json.Unmarshal([]byte(r.body), &body) != nil {
		return r.body
	}
	delete(body, "request_id")
	return jsonOf(body)
}

// TestRaceOfTheArticle: the article's client on an expired key, login and sending at the same time, always ends well.
func TestRaceOfTheArticle(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var all sync.WaitGroup
	for range 4 {
		c := o.newCaller(t)
		all.Go(func() {
			for range 15 {
				c.ExpireKey()
				data, err := c.User1(t.Context())
				if err != nil || !strings.Contains(string(data), "阿珍") {
					t.Errorf("%s, %v", data, err)
				}
			}
		})
	}
	all.Wait()
	o.end(t)
}

// TestRotationsUnderLoad: of 15 rotations each of 10 phones, all at once, every payload sealed under the key just replaced
// opens, and every one under the new key.
func TestRotationsUnderLoad(t *testing.T) {
	t.Parallel()
	const phones, rotations = 10, 15
	o := newOffice(t)
	var all sync.WaitGroup
	for range phones {
		c := o.newCaller(t)
		all.Go(func() {
			for n := range rotations {
				before := []sandbox.Sealed{c.GetUserInfo(), c.GetPhoneNumber(), c.GetWeRunData()}
				key := c.SessionKey()
				c.ReplaceKeyAtLogin()
				if err := c.Launch(t.Context()); err != nil || c.SessionKey() == key {
					t.Errorf("rotation %d: %v", n, err)
					return
				}
				c.allOpen(append(before, c.GetUserInfo()))
			}
		})
	}
	all.Wait()
	o.end(t)
}

// allOpen sends payloads at the same time.
func (c *caller) allOpen(payloads []sandbox.Sealed) {
	var all sync.WaitGroup
	for i, data := range payloads {
		all.Go(func() {
			r, err := c.post("/getinfo/", sealedFields(c.Token(), data))
			if err != nil || r.Code != 0 {
				c.t.Errorf("payload %d: %v HTTP %d %s", i, err, r.http, r.body)
			}
		})
	}
	all.Wait()
}

// TestOldKeysNeverOpen: one and two logins old opens, three and four logins old does not, and nobody is told why.
func TestOldKeysNeverOpen(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.newCaller(t)
	var kept []sandbox.Sealed
	for range 4 {
		kept = append(kept, c.GetPhoneNumber())
		c.rotate()
	}
	c.give(c.GetPhoneNumber(), 0)
	c.give(kept[3], 0) // one login old
	c.give(kept[2], 0)
	three, four := c.give(kept[1], 3), c.give(kept[0], 3)
	damaged := c.GetPhoneNumber()
	damaged.IV = kept[0].IV
	for _, other := range []reply{four, c.give(damaged, 3)} {
		if other.withoutRequestID() != three.withoutRequestID() || len(other.header) != len(three.header) {
			t.Errorf("failures differ: %s %v, %s %v", other.body, other.header, three.body, three.header)
		}
	}
	o.end(t)
}

// TestKeyGraceEnds: a key that was replaced longer ago than the grace opens nothing.
func TestKeyGraceEnds(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "WXKEEPER_KEY_GRACE=1s")
	c := o.newCaller(t)
	before := c.GetUserInfo()
	c.rotate()
	eventually(t, 10*time.Second, "the replaced key opens nothing", func() bool {
		r, err := c.post("/getinfo/", sealedFields(c.Token(), before))
		return err == nil && r.Code == 3
	})
	c.sends(sandbox.SealedUserInfo)
	o.end(t)
}
