package keeper_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

const avatarBase = "https://keeper.example/avatar/"

// says stores what the user says of themselves.
func (s *scene) says(fields keeper.ProfileFields) (keeper.Opened, error) {
	return s.SetProfile(context.Background(), s.caller(), s.login.Token.Reveal(), fields)
}

func (s *scene) uploads(file []byte) (string, error) {
	return s.StoreAvatar(context.Background(), s.caller(), s.login.Token.Reveal(), file, avatarBase)
}

func (s *scene) reports(api, errno, message string) {
	s.t.Helper()
	failure := app.ClientFailure{API: api, Errno: errno, Message: message}
	if err := s.Report(context.Background(), s.caller(), s.login.Token.Reveal(), failure); err != nil {
		s.t.Error(err)
	}
}

// jpegOf is a square picture.
func jpegOf(t testing.TB, edge int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, edge, edge)), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestWhatReplacesWhat holds the one rule for what users say and what WeChat sealed: the later counts, and 微信用户 replaces nobody.
func TestWhatReplacesWhat(t *testing.T) {
	s := newScene(t)
	want := func(step, nickname string, reason app.Reason) {
		t.Helper()
		event := s.lastEvent("oA")
		if got := s.user("oA").Profile.Nickname; got != nickname || event.Reason != reason && !slices.Contains(event.Detail.Notes, reason) {
			t.Errorf("%s: %q, %+v", step, got, event)
		}
	}
	s.opens(s.seal(s.key, profileOf("sealed")))
	s.pass(time.Minute)
	if _, err := s.says(keeper.ProfileFields{Nickname: " 小\u202e明 ", City: "广州", Gender: "2"}); err != nil {
		t.Fatal(err)
	}
	want("said later", "小明", app.ProfileWasUpdated)
	if profile := s.user("oA").Profile; profile.City != "广州" || profile.Gender != 2 {
		t.Errorf("%+v", profile)
	}
	s.opens(s.marked(appid, -30*time.Second))
	want("sealed before", "小明", app.ProfileWasOlder)
	opened, err := s.says(keeper.ProfileFields{Nickname: app.AnonymousNickname})
	if err != nil || opened.Profile.Nickname != "小明" {
		t.Errorf("%+v, %v", opened, err)
	}
	want("anonymous", "小明", app.ProfileWasAnonymous)
	s.pass(time.Minute)
	s.opens(s.seal(s.key, profileOf("sealed again")))
	want("sealed later", "sealed again", app.ProfileWasUpdated)
	found, err := s.store.Read().NicknameIndexed(t.Context(), s.user("oA"))
	if err != nil || !found {
		t.Errorf("not in the index: %v", err)
	}
	if commits := s.commits(func() { s.says(keeper.ProfileFields{Nickname: "sealed again"}) }); commits != 0 {
		t.Errorf("saying the same again took %d commits", commits)
	}
}

func TestRefusedProfilesChangeNothing(t *testing.T) {
	s := newScene(t)
	s.opens(s.seal(s.key, profileOf("x")))
	before := s.user("oA").Profile
	for name, test := range map[string]struct {
		fields keeper.ProfileFields
		kind   app.Kind
		reason app.Reason
	}{
		"nothing":           {keeper.ProfileFields{}, app.MissingParameter, ""},
		"too long":          {keeper.ProfileFields{Nickname: strings.Repeat("明", 65)}, app.Malformed, app.ProfileRefused},
		"invisible":         {keeper.ProfileFields{Nickname: "\u200b\u2060"}, app.Malformed, app.ProfileRefused},
		"city too long":     {keeper.ProfileFields{Nickname: "y", City: strings.Repeat("c", 65)}, app.Malformed, app.ProfileRefused},
		"gender":            {keeper.ProfileFields{Nickname: "y", Gender: "3"}, app.Malformed, app.ProfileRefused},
		"temporary path":    {keeper.ProfileFields{Nickname: "y", AvatarURL: "http://tmp/a.jpg"}, app.Malformed, app.ProfileAvatarLocal},
		"script as address": {keeper.ProfileFields{Nickname: "y", AvatarURL: "javascript:alert(1)"}, app.Malformed, app.ProfileRefused},
	} {
		if _, err := s.says(test.fields); app.KindOf(err) != test.kind || app.ReasonOf(err) != test.reason {
			t.Errorf("%s: %v", name, err)
		}
		if after := s.user("oA").Profile; after != before {
			t.Errorf("%s: %+v", name, after)
		}
	}
}

// TestUploadsOfAUserAreLimited, good or bad and from whatever device: a small file may take a second of a processor.
func TestUploadsOfAUserAreLimited(t *testing.T) {
	s := newScene(t)
	for i := range keeper.UploadsAllowed {
		if _, err := s.uploads([]byte("no picture")); app.KindOf(err) != app.Malformed {
			t.Fatalf("upload %d: %v", i, err)
		}
	}
	s.login = s.house.login("oA", s.key)
	s.pass(time.Minute)
	var failure *app.Error
	if _, err := s.uploads(jpegOf(t, 10)); !errors.As(err, &failure) || failure.Kind != app.TooManyRequests ||
		failure.RetryAfter != keeper.FailuresWindow-time.Minute {
		t.Errorf("one more: %v", err)
	}
	s.pass(keeper.FailuresWindow)
	if _, err := s.uploads(jpegOf(t, 10)); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestAvatarsComeAndGo(t *testing.T) {
	s := newScene(t)
	first, err := s.uploads(jpegOf(t, 600))
	if err != nil || !strings.HasPrefix(first, avatarBase) || s.user("oA").Profile.AvatarURL != first {
		t.Fatalf("%q, %v", first, err)
	}
	stored, err := s.Avatar(t.Context(), app.AvatarNameOf(first))
	if config, _ := jpeg.DecodeConfig(bytes.NewReader(stored)); err != nil || config.Width != 256 {
		t.Errorf("%d pixels, %v", config.Width, err)
	}
	var exported bytes.Buffer
	if err := s.ExportUser(t.Context(), order, app.RoleAdmin, s.login.User, &exported); err != nil ||
		!strings.Contains(exported.String(), base64.StdEncoding.EncodeToString(stored)) {
		t.Errorf("the export is without the picture: %v", err)
	}
	gone := func(step, address string) {
		t.Helper()
		if _, err := s.Avatar(t.Context(), app.AvatarNameOf(address)); app.KindOf(err) != app.NotFound {
			t.Errorf("%s: the picture is still there: %v", step, err)
		}
	}
	second, err := s.uploads(jpegOf(t, 10))
	if err != nil || second == first {
		t.Fatalf("%q, %v", second, err)
	}
	gone("another one", first)
	if _, err := s.says(keeper.ProfileFields{Nickname: "小明", AvatarURL: second}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Avatar(t.Context(), app.AvatarNameOf(second)); err != nil {
		t.Errorf("a profile with its address cost the picture: %v", err)
	}
	if _, err := s.says(keeper.ProfileFields{AvatarURL: "https://thirdwx.qlogo.cn/x/132"}); err != nil {
		t.Fatal(err)
	}
	gone("another address", second)
	third, err := s.uploads(jpegOf(t, 10))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Erase(t.Context(), order, s.login.User); err != nil {
		t.Fatal(err)
	}
	gone("erased", third)
}

func TestReportsTouchNothing(t *testing.T) {
	s := newScene(t)
	before, keys := s.user("oA"), s.keys("oA")
	s.reports("requestVirtualPayment", "-15005", "fail")
	after := s.user("oA")
	if event := s.lastEvent("oA"); event.Detail.API != "requestVirtualPayment" || event.Detail.Errno != "-15005" {
		t.Errorf("event %+v", event)
	}
	if after.LastEvent = before.LastEvent; after.LastSeenAt != before.LastSeenAt || s.keys("oA")[0].FailedAt != keys[0].FailedAt {
		t.Error("a report changed the user or the key")
	}
	failure := app.ClientFailure{API: "request", Message: "request:fail timeout"}
	for _, token := range []string{"", "nonsense", app.NewToken().Reveal()} {
		if err := s.Report(t.Context(), s.caller(), token, failure); err != nil {
			t.Errorf("%q: %v", token, err)
		}
	}
	strangers := s.strangers()
	if len(strangers) != 3 || strangers[0].Reason != app.ReportTimeout {
		t.Errorf("%d events of nobody: %+v", len(strangers), strangers)
	}
}
