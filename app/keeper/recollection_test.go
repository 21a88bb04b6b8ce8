package keeper

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
)

// TestEveryFieldIsRemembered fills every field of a user and a key with something and expects it back: a new field must be
// remembered too, or an opening would store it empty.
func TestEveryFieldIsRemembered(t *testing.T) {
	known := recollection{
		session: app.Session{ID: 1, SeenAt: time.UnixMilli(2), Generation: 3}, keys: make([]app.KeyRecord, 2), allKeys: true,
	}
	n := int64(6)
	fill(t, reflect.ValueOf(&known.user).Elem(), &n)
	for i := range known.keys {
		fill(t, reflect.ValueOf(&known.keys[i]).Elem(), &n)
		known.keys[i].UserID = known.user.ID
	}
	known.session.UserID = known.user.ID
	for _, want := range []recollection{known, {keys: []app.KeyRecord{}}} {
		if difference := cmp.Diff(want, decoded(encoded(want)), cmp.AllowUnexported(recollection{})); difference != "" {
			t.Error(difference)
		}
	}
}

func fill(t *testing.T, value reflect.Value, n *int64) {
	*n++
	switch value.Kind() {
	case reflect.Int, reflect.Int32, reflect.Int64:
		value.SetInt(*n)
	case reflect.Uint8:
		value.SetUint(uint64(*n))
	case reflect.String:
		value.SetString(time.UnixMilli(*n).String())
	case reflect.Slice:
		value.SetBytes([]byte{byte(*n), 0, 255})
	case reflect.Array:
		for i := range value.Len() {
			fill(t, value.Index(i), n)
		}
	case reflect.Struct:
		if value.Type() == reflect.TypeFor[time.Time]() {
			value.Set(reflect.ValueOf(time.UnixMilli(*n)))
			return
		}
		for i := range value.NumField() {
			fill(t, value.Field(i), n)
		}
	default:
		t.Fatalf("%s: say how to fill it", value.Type())
	}
}

// TestMemoryIsBounded has more users come than are remembered, and time pass.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	defer m.forgetAll()
	for n := range 3 * rememberedUsers {
		openid := app.OpenID(time.UnixMilli(int64(n)).String())
		m.remember(app.TokenHash{byte(n), byte(n >> 8), byte(n >> 16)}, recollection{user: app.User{OpenID: openid}}, 0)
	}
	held := func() int {
		return max(len(m.newer.users)+len(m.older.users), len(m.newer.owners)+len(m.older.owners))
	}
	if held() > rememberedUsers || held() < rememberedUsers/2 {
		t.Errorf("%d users are remembered", held())
	}
	m.grow()
	m.grow()
	if held() != 0 {
		t.Errorf("%d users are remembered for ever", held())
	}
	_, _, before := m.byOpenID("oA")
	m.forgetAll()
	m.remember(app.TokenHash{1}, recollection{user: app.User{OpenID: "oA"}}, before)
	if _, ok, _ := m.byToken(app.TokenHash{1}); ok {
		t.Error("what was known before all was forgotten is remembered after it")
	}
}
