package keeper_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

// moves imports lines.
func (h *house) moves(lines ...string) (keeper.Imported, []string) {
	h.t.Helper()
	var refused []string
	done, err := h.ImportUsers(context.Background(), strings.NewReader(strings.Join(lines, "\n")), keeper.Import{
		Order: order, Refused: func(line int, why string) { refused = append(refused, fmt.Sprint(line, ": ", why)) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return done, refused
}

func (h *house) wantMoved(want keeper.Imported, lines ...string) {
	h.t.Helper()
	if done, refused := h.moves(lines...); done != want {
		h.t.Errorf("imported %+v, want %+v: %q", done, want, refused)
	}
}

const (
	oldKey   = "o0q0otL8aEzpcZL/FT9WsQ=="
	wholeCSV = "openid,unionid,nickname,avatar,phone,external_id,first_seen,session_key,session_key_at\n" +
		`oA,uA,"小明, ""é""",https://thirdwx.qlogo.cn/a,+86 138-0000-0001,crm-1,2024-05-01 08:00:00,` + oldKey + ",2026-11-01"
)

func TestUsersMoveIn(t *testing.T) {
	h := newHouse(t)
	h.wantMoved(keeper.Imported{Lines: 1, New: 1, Keys: 1}, wholeCSV)
	user := h.user("oA")
	phone, err := keeper.Phone(h.ring, user)
	if err != nil || phone != (app.Phone{Number: "13800000001", PureNumber: "13800000001", CountryCode: "86"}) {
		t.Errorf("phone is %+v, %v", phone, err)
	}
	if user.UnionID != "uA" || user.Profile.Nickname != `小明, "é"` || !user.FirstSeenAt().Equal(time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("user is %+v", user)
	}
	if found, err := h.store.Read().UserByExternalID(t.Context(), user.AppID, "crm-1"); err != nil || found.ID != user.ID {
		t.Errorf("crm-1 is %+v, %v", found, err)
	}
	if state := h.state("oA"); state != app.KeyAging { // so that the background check asks about it first
		t.Errorf("the key is %s", state)
	}
	if event := h.lastEvent("oA"); event.Reason != app.KeyImported {
		t.Errorf("event is %+v", event)
	}
	events := user.LastEvent
	h.wantMoved(keeper.Imported{Lines: 1, Same: 1}, wholeCSV)
	if again := h.user("oA"); again.LastEvent != events {
		t.Error("the same file again leaves another event")
	}
	if signed, err := h.Sign(t.Context(), h.caller(), keeper.ByOpenID("oA"), `{"foo":"bar"}`, nil); err != nil ||
		signed.Signature != "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b" {
		t.Errorf("signed %+v, %v", signed, err)
	}
}

// TestNothingNewerIsReplaced: neither what WeChat has told, nor what was withdrawn, nor who was erased.
func TestNothingNewerIsReplaced(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	h.mustOpen(login.Token, h.seal(key, profileOf("小红")))
	h.mustOpen(login.Token, h.seal(key, payload{"phoneNumber": "13900000009", "purePhoneNumber": "13900000009", "countryCode": "86"}))
	before := h.user("oA")
	h.wantMoved(keeper.Imported{Lines: 1, Changed: 1}, wholeCSV) // unionid and external id are news
	after := h.user("oA")
	if after.Profile != before.Profile || after.Phone.Tail != "0009" || after.UnionID != "uA" || after.ID != before.ID || after.Number != before.Number {
		t.Errorf("user is %+v", after)
	}
	if keys := h.keys("oA"); len(keys) != 1 || keys[0].Fingerprint != h.ring.Fingerprint(key) {
		t.Errorf("keys are %+v", keys)
	}
	h.mustOpen(login.Token, h.seal(key, profileOf("小兰"))) // the session goes on
	erased := h.login("oErased", newKey(t))
	if err := h.Erase(t.Context(), order, erased.User); err != nil {
		t.Fatal(err)
	}
	h.wantMoved(keeper.Imported{Lines: 1, Left: 1}, `{"openid":"oErased"}`)
	h.wantMoved(keeper.Imported{Lines: 1, Left: 1}, `{"openid":"oOther","appid":"wxother"}`)
}

func TestANewerKeyIsTaken(t *testing.T) {
	h := newHouse(t)
	h.wantMoved(keeper.Imported{Lines: 1, New: 1, Keys: 1}, wholeCSV)
	newer := newKey(t)
	h.wantMoved(keeper.Imported{Lines: 1, Changed: 1, Keys: 1}, fmt.Sprintf(`{"openid":"oA","sessionKey":%q,"session_key_at":1793577600}`, newer.Reveal()))
	if keys := h.keys("oA"); len(keys) != 2 || keys[0].Fingerprint != h.ring.Fingerprint(newer) {
		t.Errorf("keys are %+v", keys)
	}
}

func TestBadLinesAreToldByNumber(t *testing.T) {
	h := newHouse(t)
	done, refused := h.moves(
		"\ufeffOpenID,nickName,phone,first_seen,session_key,external_id",
		"oGood1,好,,,,",
		",nobody,,,,",
		"o bad,x,,,,",
		"oB,x,call me,,,",
		"oB,x,,yesterday,,",
		"oB,x,,2199-01-01,,",
		"oB,x,,,short,",
		"oB,x,,,"+oldKey+",",
		"oB,x",
		`oB,"never closed,,,,`,
		"",
		"oB,"+strings.Repeat("x", 1001)+",,,,",
		"oB,"+strings.Repeat("x", 70_000)+",,,,",
		"oB,\xff,,,,",
		"oGood2,\"two\r\nlines\",,,,7",
		"oGood3,好,,,,7",
		"oGood4,好,,,,",
	)
	if want := (keeper.Imported{Lines: 16, New: 3, Refused: 13}); done != want {
		t.Errorf("imported %+v, want %+v", done, want)
	}
	want := []string{
		"3: openid is missing", "4: openid is missing", "5: phone number", "6: firstseenat is no date", "7: a date lies ahead",
		"8: session_key is not", "9: session_key comes without", "10: 2 cells", "11: not CSV", "13: nickname is longer", "14: longer than", "15: not in UTF-8",
		"18: the external id",
	}
	for i, told := range refused {
		if i >= len(want) || !strings.HasPrefix(told, want[i]) {
			t.Errorf("told %q, want %q", told, want[min(i, len(want)-1)])
		}
	}
	if len(refused) != len(want) {
		t.Errorf("%d lines are told: %q", len(refused), refused)
	}
	if name := h.user("oGood2").Profile.Nickname; name != "two\nlines" {
		t.Errorf("the nickname over two lines is %q", name)
	}
}

// TestExportMovesIn: what one installation writes, another reads, and knows the same.
func TestExportMovesIn(t *testing.T) {
	h := newHouse(t)
	for i, name := range []string{"=1+1", "小明😀", `a,"b"`, ""} {
		key, openid := newKey(t), fmt.Sprint("o", i)
		login := h.login(openid, key)
		h.mustOpen(login.Token, h.seal(key, payload{"nickName": name, "openId": openid, "gender": 1}))
	}
	for _, format := range []keeper.Format{keeper.FormatCSV, keeper.FormatJSONL} {
		var written, again bytes.Buffer
		if err := keeper.Export(t.Context(), h.store, h.ring, format, &written); err != nil {
			t.Fatal(err)
		}
		other := newHouse(t)
		done, err := other.ImportUsers(t.Context(), bytes.NewReader(written.Bytes()), keeper.Import{Order: order})
		if err != nil || done != (keeper.Imported{Lines: 4, New: 4}) {
			t.Errorf("%s: %+v, %v", format, done, err)
		}
		if err := keeper.Export(t.Context(), other.store, other.ring, format, &again); err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(again.String(), "\n"); len(got) != strings.Count(written.String(), "\n")+1 {
			t.Errorf("%s: %d lines", format, len(got))
		}
		for _, name := range []string{"小明😀", `a,`} {
			if strings.Count(again.String(), name) != strings.Count(written.String(), name) {
				t.Errorf("%s: %q is lost", format, name)
			}
		}
		if other.user("o1").Number != h.user("o1").Number || other.user("o0").Profile.Nickname != "=1+1" {
			t.Errorf("%s: %+v", format, other.user("o0"))
		}
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	h := newHouse(t)
	before, _ := h.store.Written()
	done, err := h.ImportUsers(t.Context(), strings.NewReader(wholeCSV+"\nbad"), keeper.Import{Order: order, DryRun: true})
	if err != nil || done != (keeper.Imported{Lines: 2, New: 1, Keys: 1, Refused: 1}) {
		t.Errorf("%+v, %v", done, err)
	}
	if after, _ := h.store.Written(); after != before {
		t.Errorf("%d commits", after-before)
	}
	if _, err := h.ImportUsers(t.Context(), strings.NewReader("name\nx"), keeper.Import{Order: order}); err == nil {
		t.Error("a file without openids is imported")
	}
}

// TestDryRunCountsAsTheRealOne over a file that says much twice, within a batch and later.
func TestDryRunCountsAsTheRealOne(t *testing.T) {
	h := newHouse(t)
	h.moves("openid,external_id,nickname", "oKnown,crm-0,known", "oOther,crm-9,other")
	key, later := newKey(t).Reveal(), newKey(t).Reveal()
	lines := []string{
		"openid,external_id,nickname,phone,session_key,session_key_at",
		"oA,crm-1,a,,,", "oA,crm-1,a,,,", "oA,crm-2,a,,,", "oB,crm-1,b,,,", "oC,crm-2,c,,,", "oD,crm-2,d,,,", "oD,,d,13800000001,,", "oD,,d,13800000001,,",
		"oKnown,crm-5,known,,,", "oE,crm-0,e,,,", "oF,crm-9,f,,,", "oF,,f,,,", "oG,,g,," + key + ",2026-11-02", "oG,,g,," + key + ",2026-11-02",
		"oG,,g,," + later + ",2026-11-01", "oG,,g,," + later + ",2026-11-03", "bad",
	}
	for i := range 150 { // into the next batch, and back to what the first one held
		lines = append(lines, fmt.Sprintf("oN%d,n-%d,,,,", i, i%140))
	}
	lines = append(lines, "oA,crm-2,again,,,", "oH,crm-5,h,,,", "oG,,g,,"+key+",2026-11-09", "oKnown,crm-7,,,,", "oI,crm-5,i,,,")
	run := func(dry bool) (keeper.Imported, []string) {
		var refused []string
		done, err := h.ImportUsers(t.Context(), strings.NewReader(strings.Join(lines, "\n")), keeper.Import{
			Order: order, DryRun: dry, Refused: func(line int, why string) { refused = append(refused, fmt.Sprint(line, ": ", why)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return done, refused
	}
	dry, dryRefused := run(true)
	done, refused := run(false)
	if dry != done || !slices.Equal(dryRefused, refused) {
		t.Errorf("the dry run says %+v %q, the real one %+v %q", dry, dryRefused, done, refused)
	}
	if done.Refused < 5 || done.Same < 3 || done.Changed < 3 || done.Keys < 2 {
		t.Errorf("the file tries little: %+v", done)
	}
}

// TestStoppedHalfWay: what is done stays done, is told, and the rest follows when it is run again.
func TestStoppedHalfWay(t *testing.T) {
	h := newHouse(t)
	var file strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&file, `{"openid":"o%d","first_seen":"2024-01-01"}`+"\n", i)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done, err := h.ImportUsers(ctx, strings.NewReader(file.String()), keeper.Import{Order: order, Progress: func(done keeper.Imported) {
		if done.Lines >= 300 {
			stop()
		}
	}})
	if err == nil || done.New != 300 {
		t.Fatalf("%+v, %v", done, err)
	}
	h.wantMoved(keeper.Imported{Lines: 1000, New: 700, Same: 300}, file.String())
	if n, err := h.store.Read().CountUsers(t.Context(), 1); err != nil || n != 1000 {
		t.Errorf("%d users, %v", n, err)
	}
}

func BenchmarkImport(b *testing.B) {
	const lines = 10_000
	for b.Loop() {
		h := newHouse(b)
		var file strings.Builder
		for i := range lines {
			fmt.Fprintf(&file, `{"openid":"o%d","nickname":"小明%d","phone":"138%08d","external_id":"%d","first_seen":"2024-01-01","session_key":%q,"session_key_at":"2026-11-01"}`+"\n",
				i, i, i, i, oldKey)
		}
		if done, _ := h.moves(file.String()); done.New != lines {
			b.Fatalf("%+v", done)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/(lines/1000), "ms/1000lines")
}

func (h *house) mustOpen(token app.Token, sealed keeper.Sealed) {
	h.t.Helper()
	if _, err := h.open(token, sealed); err != nil {
		h.t.Fatal(err)
	}
}
