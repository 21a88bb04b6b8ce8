package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oasdiff/yaml"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"wxkeeper/app"
	"wxkeeper/app/apps"
	"wxkeeper/app/backend"
	"wxkeeper/app/keeper"
	"wxkeeper/app/meter"
	"wxkeeper/app/operator"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/web"
	"wxkeeper/db"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const secondAppid, secondSecret = app.Appid("wx5a9db0c0de000002"), app.Secret("5a9db0c0de0000025a9db0c0de000002")

// The apps as labels.
const (
	here  = "appid=wx5a9db0c0de000001"
	there = "appid=" + string(secondAppid)
)

// house is a server with its metrics, and one phone. WeChat knows a second app, which the server does not serve yet.
type house struct {
	Options
	emulator *sandbox.WeChat
	register apps.Register
	serving  *apps.Serving
	server   *httptest.Server
	phone    *sandbox.MiniProgram
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{Options: Options{
		Version: "v1", Folder: t.TempDir(), Clock: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Backups: true,
	}}
	var err error
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h.Store, err = db.Open(t.Context(), h.Folder)
	check(err)
	t.Cleanup(func() { h.Store.Close() })
	ring, err := h.Store.EnsureKeyRing(t.Context(), [32]byte{}, noon)
	check(err)
	demo := sandbox.DemoApp()
	h.emulator = sandbox.New(sandbox.Options{Clock: h.Clock, Apps: []sandbox.App{demo, {Appid: secondAppid, Secret: secondSecret}}})
	weChat := httptest.NewServer(h.emulator)
	t.Cleanup(weChat.Close)
	_, err = h.Store.EnsureApp(t.Context(), demo.Appid, noon)
	check(err)
	h.Accounts = operator.New(operator.Options{Store: h.Store, Ring: ring, Clock: h.Clock, Log: h.Log})
	h.BackEnds = backend.New(backend.Options{Store: h.Store, Ring: ring, Clock: h.Clock, Log: h.Log})
	t.Cleanup(h.BackEnds.Close)
	h.Site = web.NewSite(web.SiteOptions{
		API:       web.Options{BackEnds: h.BackEnds, Ready: h.Store.Ready, APIRate: 3, Log: h.Log, Clock: h.Clock},
		Dashboard: web.DashboardOptions{Accounts: h.Accounts, Store: h.Store, Location: time.UTC, Log: h.Log, Clock: h.Clock},
		Ring:      ring,
	})
	h.register = apps.Register{Store: h.Store, Ring: ring, Clock: h.Clock, Default: demo.Appid, WeChatURL: weChat.URL}
	h.serving, err = apps.Serve(t.Context(), apps.Options{
		Register: h.register, Secrets: app.AppSecrets[app.Secret]{Secret: demo.Secret}, Log: h.Log,
		Settings: keeper.Settings{
			Sessions: app.SessionPolicy{Idle: time.Hour, MaxAge: 2 * time.Hour}, KeyAging: time.Hour, KeyGrace: time.Minute,
			SealedMaxAge: time.Hour, ChecksPerMinute: 600,
		},
	}, h.Site.Faces)
	check(err)
	t.Cleanup(h.serving.Close)
	h.Site.Attach(h.serving)
	h.Jobs = func(time.Time) []app.JobRun {
		return []app.JobRun{{Name: "sweep", Every: time.Hour, StartedAt: noon, GoodAt: noon, Took: time.Second}}
	}
	h.server = httptest.NewServer(h.Site.Handler(true, true))
	t.Cleanup(h.server.Close)
	h.phone = h.newPhone(demo.Appid, "")
	return h
}

// newPhone is a phone with one of the apps, which calls the server under a path.
func (h *house) newPhone(of app.Appid, path string) *sandbox.MiniProgram {
	return sandbox.NewMiniProgram(h.emulator.AddPhone(sandbox.PhoneOptions{Appid: of}), h.server.URL+path, h.server.Client())
}

// families are the metrics as they are now, by name.
func (h *house) families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	gathered, err := registry(h.Options).Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, family := range gathered {
		byName[family.GetName()] = family
	}
	return byName
}

// deliver has one message for a webhook that nothing more may wait for and for one more, and three tries with each result.
func (h *house) deliver(t *testing.T) {
	err := h.Store.Write(t.Context(), func(tx *db.Tx) error {
		full := app.Webhook{ID: 1, Sealed: []byte{1}, Waiting: db.DeliveriesWaiting}
		empty := app.Webhook{ID: 2, Sealed: []byte{1}}
		if err := errors.Join(tx.InsertWebhook(full), tx.InsertWebhook(empty)); err != nil {
			return err
		}
		for _, state := range []app.DeliveryState{app.DeliveryDone, app.DeliveryWaiting, app.DeliveryGivenUp} {
			tx.CountDelivery(app.Delivery{AppID: 1, State: state}, noon)
		}
		return tx.Announce(noon, app.UserProfileChanged, app.User{AppID: 1}, "")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// find finds a metric by its labels, given as "name=value"; nil: it is not there.
func find(family *dto.MetricFamily, labels ...string) *dto.Metric {
	for _, one := range family.GetMetric() {
		var has []string
		for _, label := range one.Label {
			has = append(has, label.GetName()+"="+label.GetValue())
		}
		if !slices.ContainsFunc(labels, func(label string) bool { return !slices.Contains(has, label) }) {
			return one
		}
	}
	return nil
}

func has(family *dto.MetricFamily, labels ...string) bool { return find(family, labels...) != nil }

// value tells a metric's value. 0 where it is not there.
func value(family *dto.MetricFamily, labels ...string) float64 {
	switch one := find(family, labels...); {
	case one == nil:
		return 0
	case one.Counter != nil:
		return one.Counter.GetValue()
	case one.Gauge != nil:
		return one.Gauge.GetValue()
	default:
		return float64(one.Histogram.GetSampleCount())
	}
}

func TestMetrics(t *testing.T) {
	h := newHouse(t)
	if err := h.phone.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.phone.Send(t.Context(), sandbox.SealedProfile); err != nil {
		t.Fatal(err)
	}
	for range 5 { // of which the last two are turned away for the first three
		answer, err := http.PostForm(h.server.URL+"/getinfo/", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	h.deliver(t)
	h.serving.Default().Keeper.Close() // what is told of strangers is written
	families := h.families(t)
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"wxkeeper_build_info", []string{"version=v1"}, 1},
		{"wxkeeper_logins_total", []string{"result=ok", "reason=login.first"}, 1},
		{"wxkeeper_openings_total", []string{"result=ok", "reason=open.ok", "key=current"}, 1},
		{"wxkeeper_openings_total", []string{"result=ok", "reason=open.ok_previous", "key=previous"}, 0},
		{"wxkeeper_openings_total", []string{"result=failed", "reason=open.malformed", "key=none"}, 3},
		{"wxkeeper_openings_total", []string{"result=failed", "reason=open.limited", "key=none"}, 2},
		{"wxkeeper_users", []string{here}, 1},
		{"wxkeeper_sessions", []string{here}, 1},
		{"wxkeeper_session_keys", []string{"state=confirmed"}, 1},
		{"wxkeeper_api_answers_total", []string{"path=/login", "code=0"}, 1},
		{"wxkeeper_api_answers_total", []string{"path=/getinfo", "code=1"}, 3},
		{"wxkeeper_api_answers_total", []string{"path=/getinfo", "code=6"}, 2},
		{"wxkeeper_api_answer_duration_seconds", []string{"path=/login"}, 1},
		{"wxkeeper_wechat_calls_total", []string{"api=jscode2session", "problem=", "errcode=0"}, 1},
		{"wxkeeper_wechat_call_duration_seconds", []string{"api=jscode2session"}, 1},
		{"wxkeeper_wechat_breaker_state", []string{"state=closed"}, 1},
		{"wxkeeper_wechat_breaker_state", []string{"state=open"}, 0},
		{"wxkeeper_limit_hits_total", []string{"limit=api_address"}, 2},
		{"wxkeeper_webhook_tries_total", []string{"result=ok"}, 1},
		{"wxkeeper_webhook_tries_total", []string{"result=failed"}, 2},
		{"wxkeeper_webhook_given_up_total", nil, 1},
		{"wxkeeper_webhook_dropped_total", nil, 1},
		{"wxkeeper_webhook_waiting", nil, db.DeliveriesWaiting + 1},
		{"wxkeeper_job_last_success_timestamp_seconds", []string{"job=sweep"}, float64(noon.Unix())},
		{"wxkeeper_backup_scheduled", nil, 1},
		{"wxkeeper_unread_parts", nil, 0},
	} {
		if got := value(families[want.name], want.labels...); got != want.value {
			t.Errorf("%s %v: %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	commits := value(families["wxkeeper_db_commit_writes"])
	if flushes := value(families["wxkeeper_db_flush_duration_seconds"]); commits < 2 || flushes != commits {
		t.Errorf("%v commits, %v flushes", commits, flushes)
	}
	h.readAnswer(t)
	t.Run("lint", h.lint)
	t.Run("limits", func(t *testing.T) { everyLimitIsTold(t, families) })
	t.Run("page", func(t *testing.T) { thePageListsThem(t, families) })
	t.Run("alerts", func(t *testing.T) { alertsNameWhatThereIs(t, families) })
	t.Run("unread", h.storageClosed)
}

// TestMetricsOfTwoApps: a second app that begins while the server runs is told beside the first. What was counted of it goes on where it
// is served anew, and when it is not served any more.
func TestMetricsOfTwoApps(t *testing.T) {
	h := newHouse(t)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(h.phone.Launch(t.Context()))
	if families := h.families(t); value(families["wxkeeper_users"], here) != 1 || has(families["wxkeeper_users"], there) {
		t.Error("an app is told before it is there")
	}
	check(h.register.Add(t.Context(), app.CommandLine, secondAppid, "", app.PolicyServer, secondSecret))
	check(h.serving.Refresh(t.Context()))
	path := "/apps/" + string(secondAppid)
	second := h.newPhone(secondAppid, path)
	check(second.Launch(t.Context()))
	_, err := second.Send(t.Context(), sandbox.SealedProfile)
	check(err)
	served := h.Site.Served()[1]
	for _, limits := range []*meter.Tally[app.Limit]{served.Keeper.LimitHits(), served.WeChat.LimitHits(), served.Pages.LimitHits()} {
		for limit := range limits.Each() {
			limits.Add(limit, 1)
		}
	}
	h.tells(t, there, 1, 1)

	check(h.register.SetPush(t.Context(), app.CommandLine, secondAppid, "token", app.Secret(strings.Repeat("a", 42)+"0")))
	check(h.serving.Refresh(t.Context()))
	check(h.newPhone(secondAppid, path).Launch(t.Context()))
	h.tells(t, there, 2, 1)

	check(h.register.Disable(t.Context(), app.CommandLine, secondAppid))
	check(h.serving.Refresh(t.Context()))
	h.tells(t, there, 2, 1)
	h.tells(t, here, 1, 0)
	h.lint(t)
}

// tells compares what is told of one app whose users have logged in once each. Limits of the second app were hit once.
func (h *house) tells(t *testing.T, appid string, logins, openings float64) {
	t.Helper()
	families := h.families(t)
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"wxkeeper_logins_total", []string{"result=ok", "reason=login.first"}, logins},
		{"wxkeeper_openings_total", []string{"result=ok", "key=current"}, openings},
		{"wxkeeper_users", nil, logins},
		{"wxkeeper_sessions", nil, logins},
		{"wxkeeper_session_keys", []string{"state=new"}, logins - openings},
		{"wxkeeper_session_keys", []string{"state=confirmed"}, openings},
		{"wxkeeper_api_answers_total", []string{"path=/login", "code=0"}, logins},
		{"wxkeeper_api_answer_duration_seconds", []string{"path=/getinfo"}, openings},
		{"wxkeeper_wechat_calls_total", []string{"api=jscode2session", "errcode=0"}, logins},
		{"wxkeeper_wechat_call_duration_seconds", []string{"api=jscode2session"}, logins},
		{"wxkeeper_wechat_breaker_state", []string{"state=closed"}, 1},
	} {
		if got := value(families[want.name], append(want.labels, appid)...); got != want.value {
			t.Errorf("%s %s %v: %v, want %v", want.name, appid, want.labels, got, want.value)
		}
	}
	for _, limit := range []app.Limit{app.LimitSession, app.LimitUserUploads, app.LimitLoginsWaiting, app.LimitBreaker, app.LimitStrangers,
		app.LimitInquiries, app.LimitStreams} {
		hits := find(families["wxkeeper_limit_hits_total"], appid, "limit="+string(limit))
		if hits == nil || (hits.Counter.GetValue() == 1) != (appid == there) {
			t.Errorf("%s of %s: %v", limit, appid, hits)
		}
	}
}

// readAnswer asks by HTTP.
func (h *house) readAnswer(t *testing.T) {
	server := httptest.NewServer(Handler(h.Options))
	defer server.Close()
	for path, want := range map[string]int{"/metrics": http.StatusOK, "/": http.StatusNotFound, "/admin/": http.StatusNotFound} {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != want {
			t.Errorf("%s: HTTP %d, %v", path, answer.StatusCode, err)
		}
		if path == "/metrics" && (!strings.Contains(string(body), "\nwxkeeper_users{"+`appid="wx5a9db0c0de000001"} 1`+"\n") || !strings.Contains(string(body), "\ngo_goroutines ")) {
			t.Errorf("%s", body)
		}
	}
}

func (h *house) lint(t *testing.T) {
	problems, err := testutil.GatherAndLint(registry(h.Options))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func everyLimitIsTold(t *testing.T, families map[string]*dto.MetricFamily) {
	var told []app.Limit
	for _, one := range families["wxkeeper_limit_hits_total"].GetMetric() {
		told = append(told, app.Limit(one.Label[1].GetValue()))
	}
	slices.Sort(told)
	want := app.Limits()
	slices.Sort(want)
	if !slices.Equal(told, want) {
		t.Errorf("told: %v", told)
	}
}

// What is told only where there is something to tell, and was not here.
var untold = []string{
	"wxkeeper_wechat_access_token_expiry_timestamp_seconds", "wxkeeper_backup_last_success_timestamp_seconds",
	"wxkeeper_audit_checked_timestamp_seconds",
}

var pageRow = regexp.MustCompile("(?m)^\\| `(wxkeeper_\\w+)` \\| (.*?) \\| (.+) \\|$")

func thePageListsThem(t *testing.T, families map[string]*dto.MetricFamily) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, row := range pageRow.FindAllStringSubmatch(string(page), -1) {
		if _, twice := listed[row[1]]; twice {
			t.Errorf("%s is listed twice", row[1])
		}
		listed[row[1]] = row[2]
	}
	for name, family := range families {
		labels, found := listed[name]
		if !strings.HasPrefix(name, "wxkeeper_") {
			continue
		}
		if !found {
			t.Errorf("docs/metrics.md does not list %s", name)
		}
		for _, label := range family.Metric[0].Label { // an appid that is empty stands for all apps
			if !strings.Contains(labels, "`"+label.GetName()+"`") {
				t.Errorf("docs/metrics.md does not tell the label %s of %s", label.GetName(), name)
			}
		}
	}
	for name := range listed {
		if families[name] == nil && !slices.Contains(untold, name) {
			t.Errorf("docs/metrics.md lists %s, which there is not", name)
		}
	}
	if len(listed) != len(all) {
		t.Errorf("%d are listed, %d described", len(listed), len(all))
	}
}

type alertRules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

var (
	selector = regexp.MustCompile(`\b((?:wxkeeper|go|process)_\w+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)=~?"([^"]*)"`)
	// aggregation is what would make one number of all apps.
	aggregation = regexp.MustCompile(`\b(?:sum|min|max)\b`)

	suffix = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// ofAllApps are the alerts with sums that ask for no app: what they are about is shared by all, or is WeChat, or the disk.
var ofAllApps = []string{
	"WxkeeperWeChatSlow", "WxkeeperDiskSlow", "WxkeeperPasswordsGuessed", "WxkeeperCodesGuessed", "WxkeeperAddressesLimited",
}

func alertsNameWhatThereIs(t *testing.T, families map[string]*dto.MetricFamily) {
	text, err := os.ReadFile("../../docs/alerts.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules alertRules
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	if len(rules.Groups) == 0 || len(rules.Groups[0].Rules) < 15 {
		t.Fatal("no alerts")
	}
	seen := map[string]bool{}
	for _, rule := range rules.Groups[0].Rules {
		if !strings.HasPrefix(rule.Alert, "Wxkeeper") || seen[rule.Alert] || rule.Annotations["summary"] == "" ||
			!slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) {
			t.Errorf("%+v", rule)
		}
		seen[rule.Alert] = true
		if _, err := time.ParseDuration(rule.For); rule.For != "" && err != nil {
			t.Errorf("%s: for %s", rule.Alert, rule.For)
		}
		if strings.Count(rule.Expr, "(") != strings.Count(rule.Expr, ")") {
			t.Errorf("%s: brackets", rule.Alert)
		}
		named := selector.FindAllStringSubmatch(rule.Expr, -1)
		if len(named) == 0 && rule.Alert != "WxkeeperDown" {
			t.Errorf("%s names no metric", rule.Alert)
		}
		sums := len(aggregation.FindAllString(rule.Expr, -1))
		if slices.Contains(ofAllApps, rule.Alert) {
			sums = 0
		}
		if strings.Count(rule.Expr, "by (appid)") != sums {
			t.Errorf("%s: is it about every app by itself?", rule.Alert)
		}
		if byApp := strings.Contains(rule.Expr, "(appid)") || rule.Alert == "WxkeeperConfigurationRefused"; byApp !=
			strings.Contains(rule.Annotations["summary"], "{{ $labels.appid }}") {
			t.Errorf("%s: the summary names the app, or there is none", rule.Alert)
		}
		for _, one := range named {
			family := families[one[1]]
			if base := suffix.ReplaceAllString(one[1], ""); family == nil && families[base].GetType() == dto.MetricType_HISTOGRAM {
				family = families[base]
			}
			if family == nil && !slices.Contains(untold, one[1]) {
				t.Errorf("%s: there is no %s", rule.Alert, one[1])
			}
			for _, label := range matcher.FindAllStringSubmatch(one[2], -1) {
				if label[1] != "errcode" && !hasValue(family, label[1], label[2]) {
					t.Errorf("%s: %s never has %s", rule.Alert, one[1], label[0])
				}
			}
		}
	}
}

func hasValue(family *dto.MetricFamily, name, value string) bool {
	return slices.ContainsFunc(family.GetMetric(), func(one *dto.Metric) bool {
		return slices.ContainsFunc(one.Label, func(label *dto.LabelPair) bool {
			return label.GetName() == name && label.GetValue() == value
		})
	})
}

// storageClosed leaves out what cannot be read, and tells the rest.
func (h *house) storageClosed(t *testing.T) {
	h.Store.Close()
	families := h.families(t)
	if value(families["wxkeeper_unread_parts"]) != 6 || families["wxkeeper_users"] != nil {
		t.Errorf("%v parts are unread", value(families["wxkeeper_unread_parts"]))
	}
	if value(families["wxkeeper_logins_total"], "reason=login.first") != 1 {
		t.Error("what the process knows is lost")
	}
}
