package views

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"wxkeeper/app"
	"wxkeeper/static"
)

var galleryNow = time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)

const hostile = `<script>alert(1)</script>"><img src=x onerror=alert(2)>'&`

func galleryFrame(language Language, theme Theme) Frame {
	return Frame{
		Text: Text{language}, Title: "Gallery", Section: SectionUsers, Theme: theme, Address: "/admin/users?state=dead&q=%E5%B0%8F%E6%98%8E&cursor=9",
		Operator: app.Operator{ID: 7, Name: "王小雨", Role: app.RoleAdmin}, Appid: "wx0123456789abcdef", EnvName: "staging", Sandbox: false,
		Now: galleryNow, Flash: []Flash{{ToneGood, "已强制 1 台设备重新登录。"}}, RequestID: "7K2MPX9A", Attention: 2, Version: "v0.4.0",
	}
}

// in gives a component its children.
func in(parent templ.Component, children ...templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return parent.Render(templ.WithChildren(ctx, all(children...)), w)
	})
}

func all(components ...templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		ctx = templ.ClearChildren(ctx)
		for _, one := range components {
			if err := one.Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
}

// text and raw are what a page writes itself.
func text(words string) templ.Component { return templ.Raw(html.EscapeString(words)) }
func raw(markup string) templ.Component { return templ.Raw(markup) }

func element(tag string, children ...templ.Component) templ.Component {
	name, _, _ := strings.Cut(tag, " ")
	return all(raw("<"+tag+">"), all(children...), raw("</"+name+">"))
}

type galleryUser struct {
	name, avatar string
	number       app.UserNumber
	fresh        app.Freshness
	seen         time.Time
	version      string
	devices      int64
}

func galleryUsers() []galleryUser {
	ago := func(d time.Duration) time.Time { return galleryNow.Add(-d) }
	return []galleryUser{
		{"林小满", "", 482915037, app.Freshness{State: app.KeyConfirmed, Since: ago(3 * time.Minute), By: app.ConfirmedByOpening}, ago(2 * time.Minute), "2.14.0", 2},
		{"微信用户", "https://evil.example/a.png", 730184265, app.Freshness{State: app.KeyDead, Since: ago(40 * time.Minute), Errcode: 87009}, ago(38 * time.Minute), "2.13.2", 1},
		{"🍊 阿橘 orange", "", 118273645, app.Freshness{State: app.KeyNew, Since: ago(20 * time.Second)}, ago(20 * time.Second), "2.14.0", 1},
		{"Chen, Yu", "", 905516274, app.Freshness{State: app.KeySuspect, Since: ago(5 * time.Hour)}, ago(5 * time.Hour), "开发版", 12},
		{"", "", 664120983, app.Freshness{State: app.KeyAging, Since: ago(26 * time.Hour)}, ago(26 * time.Hour), "2.9.1", 1},
		{hostile, "javascript:alert(1)", 250067891, app.Freshness{State: app.KeySuperseded, Since: ago(400 * time.Hour)}, ago(400 * time.Hour), "2.14.0", 3},
	}
}

func galleryTable(p Frame) templ.Component {
	heads := []string{p.T("nav.users"), p.T("nav.keys"), p.T("word.number"), p.T("chart.time"), p.T("word.device")}
	var rows []templ.Component
	cell := func(class string, head int, content ...templ.Component) templ.Component {
		return element(`td class="`+class+`" data-label="`+heads[head]+`"`, content...)
	}
	for _, user := range galleryUsers() {
		rows = append(rows, element("tr",
			p.RowCheck("selection", "user", user.number.String(), user.name),
			cell("lead", 0, element(`a href="/admin/users/1"`, p.Person(user.avatar, user.name))),
			cell("", 1, p.KeyStatus(user.fresh)),
			cell("", 2, p.Code(user.number.String())),
			cell("", 3, p.Time(user.seen)),
			cell("num", 4, text(p.Count(user.devices))),
		))
	}
	return all(
		in(p.SelectionBar(SelectionBar{Form: "selection", Action: "/admin/users/bulk", Matching: 12345}),
			p.Confirm(Confirm{ID: "bulk", Button: Button{Text: p.T("word.relogin"), Variant: VariantPrimary, Small: true}, Title: p.T("word.relogin"), Text: p.T("word.relogin.is"),
				Action: "/admin/users/bulk", Submit: p.T("word.relogin"), Reason: true, Inside: true})),
		in(p.Table(Table{ID: "users", Caption: p.T("nav.users"), Form: "selection", Columns: []Column{
			{Text: heads[0]}, {Text: heads[1]}, {Text: heads[2]}, {Text: heads[3], Address: p.With("order", "last_seen"), Sorted: true}, {Text: heads[4], Number: true},
		}}), rows...),
		p.Pager(Pager{Newer: "", Older: p.With("cursor", "12"), Size: 50, Note: "1–6 / 12,345"}),
	)
}

func galleryCharts(p Frame) templ.Component {
	var at []time.Time
	var good, bad, rate, before []float64
	for hour := range 48 {
		at = append(at, galleryNow.Truncate(time.Hour).Add(time.Duration(hour-48)*time.Hour))
		wave := 1 + math.Sin(float64(hour-3)/24*2*math.Pi)
		good = append(good, math.Round(8000*wave+900))
		bad = append(bad, math.Round(140*wave+float64(hour%7)*9))
		rate = append(rate, 99.2-wave*0.4-float64(hour%5)*0.1)
		before = append(before, 98.8-wave*0.3)
	}
	rate[30], rate[31] = 94.5, math.NaN()
	return element(`div class="columns"`,
		in(p.Panel(Panel{Title: "登录", Note: "最近 48 小时"}), p.Chart(Chart{ID: "logins", Title: "登录次数", At: at, Shape: ShapeStack,
			Series: []Series{{"成功", good, ToneAccent}, {"失败", bad, ToneBad}}})),
		in(p.Panel(Panel{Title: "登录成功率", Link: "/admin/events", LinkText: "查看事件"}), p.Chart(Chart{ID: "rates", Title: "登录成功率", At: at, Percent: true,
			Series: []Series{{"今天", rate, ToneAccent}, {"一周前", before, ToneFaint}}})),
	)
}

func galleryNumbers(p Frame) templ.Component {
	course := []float64{3, 4, 6, 5, 8, 9, 7, 6, 9, 12, 11, 13}
	return all(
		element(`div class="stats"`,
			in(p.Stat(Stat{Label: "登录成功率", Value: p.Percent(98713, 100000), Address: "/admin/events?kind=login", Comparisons: []Comparison{
				p.CompareRates("较昨天同时段", 98713, 100000, 99514, 100000), p.CompareRates("较一周前", 98713, 100000, 97000, 100000)}}), Sparkline(course, "登录成功率，最近 12 小时")),
			in(p.Stat(Stat{Label: "解密成功率", Value: p.Percent(9999, 10000), Comparisons: []Comparison{
				p.CompareRates("较昨天同时段", 9999, 10000, 9998, 10000), p.CompareRates("较一周前", 1, 1, 0, 0)}}), Sparkline(course, "解密成功率，最近 12 小时")),
			p.Stat(Stat{Label: "今日救回", Value: p.Count(1284), Note: "只有上一把密钥能解开的数据。", Comparisons: []Comparison{p.CompareCounts("较昨天同时段", 1284, 1100)}}),
			p.Stat(Stat{Label: "活跃用户", Value: p.Short(1284567), Comparisons: []Comparison{p.CompareCounts("较昨天同时段", 900, 1000)}}),
		),
		in(p.Panel(Panel{Title: p.T("nav.keys"), Note: "密钥失效不等于无法登录"}), p.StatusBar([]StatusPart{
			{app.KeyNew, 1204, "/admin/users?state=new"}, {app.KeyConfirmed, 80312, "/admin/users?state=confirmed"}, {app.KeyAging, 21877, "/admin/users?state=aging"},
			{app.KeySuspect, 311, "/admin/users?state=suspect"}, {app.KeyDead, 2, "/admin/users?state=dead"}})),
		element(`div class="columns"`,
			in(p.Panel(Panel{Title: "失败原因"}), p.Bars([]Bar{
				{Label: "登录凭证 code 无效或已过期", Value: 1204, Address: "/admin/events?reason=login.code_invalid", Tone: ToneBad, Detail: "个别出现不用处理。几乎全部失败时，请核对客户端与服务端的 AppID。"},
				{Label: "解不开：密钥已失效", Value: 311, Tone: ToneWarn}, {Label: "微信系统繁忙，已重试 2 次", Value: 12}, {Label: hostile, Value: 1}})),
			in(p.Panel(Panel{Title: "任务"}), in(element(`div class="stack"`,
				in(p.Progress(Progress{ID: "job-1", Label: "强制 12,345 人重新登录", Note: "每批 500 人，立即生效。", Done: 4500, Total: 12345, Failed: 3, Running: true, Address: "/admin/jobs/1"}),
					p.Button(Button{Text: "取消任务", Small: true})),
				p.Progress(Progress{ID: "job-2", Label: "密钥巡检", Note: "今天的预算已用完，明天继续。", Done: 500, Total: 500})))),
		),
	)
}

func galleryForms(p Frame) templ.Component {
	return element(`div class="columns"`,
		in(p.Panel(Panel{Title: "表单"}), element(`form method="post" action="/admin/operators" class="form"`,
			p.Field(Field{Name: "name", Label: "名称", Required: true, Hint: "登录时使用，不能更改。", Attributes: templ.Attributes{"autocomplete": "off"}}),
			p.Field(Field{Name: "password", Label: "密码", Type: "password", Required: true, Error: "至少 10 个字符。", Attributes: templ.Attributes{"autocomplete": "new-password"}}),
			p.Select(Select{Name: "role", Label: "角色", Value: "operator", Options: []Option{{"viewer", "只读"}, {"operator", "运营"}, {"admin", "管理员"}}}),
			p.Field(Field{Name: "note", Label: "备注", Rows: 3, Value: hostile}),
			p.Check(Check{Name: "mail", Label: "登录后要求更改密码", Hint: "推荐。", Checked: true}),
			element(`div class="form-row"`, p.Button(Button{Text: "添加账号", Variant: VariantPrimary}), p.Button(Button{Text: "取消", Variant: VariantQuiet, Address: "/admin/operators"})),
		)),
		in(p.Panel(Panel{Title: "操作"}), element(`div class="stack"`,
			element(`div class="form-row"`,
				p.Button(Button{Text: "立即核对", Icon: "check"}),
				p.Confirm(Confirm{ID: "relogin", Button: Button{Text: "强制重新登录", Icon: "log-out"}, Title: "强制重新登录",
					Text:   "该用户的 2 台设备在下一次请求时失去登录；小程序会自动重新登录，用户通常无感。小程序若没有处理 code 2，用户会看到失败。",
					Action: "/admin/users/1/relogin", Submit: "强制重新登录", Reason: true}),
				p.Confirm(Confirm{ID: "erase", Button: Button{Text: "彻底删除", Icon: "x", Variant: VariantQuiet}, Title: "彻底删除", Text: "昵称、头像、手机号、密钥、设备与事件全部删除，无法恢复；再次登录视为新用户。",
					Action: "/admin/users/1/erase", Submit: "彻底删除", Danger: true, Reason: true, Typed: "482-915.037"}),
				p.Button(Button{Text: "停用账号", Disabled: true}),
				p.Button(Button{Text: "删除", Variant: VariantDanger}),
				p.Button(Button{Text: "更多", Icon: "menu", IconOnly: true, Variant: VariantQuiet}),
				in(p.Menu(Menu{Button: Button{Text: "添加筛选"}}), raw(`<a class="menu-item" href="/admin/users?state=dead">密钥状态</a>`)),
			),
			in(p.Alert(Alert{Tone: ToneBad, Title: "服务端配置被微信拒绝", Text: "AppSecret 错误（40125），所有用户无法登录。"}), p.Button(Button{Text: "测试连接", Small: true})),
			p.Alert(Alert{Tone: ToneWarn, Text: "微信接口自 13:02 起变慢，等待恢复。"}),
			p.Alert(Alert{Tone: ToneInfo, Text: "沙箱里的数据会在退出时清除。"}),
			p.Alert(Alert{Text: "没有需要处理的事项。"}),
			p.Confirm(Confirm{ID: "again", Title: "强制 12,345 人重新登录", Text: "短时间内会有约 12,345 次登录请求到达微信。", Action: "/admin/users/bulk", Submit: "强制重新登录",
				Typed: "12,345", Reason: true, Open: true, Error: "输入的内容不一致。"}),
		)),
	)
}

func galleryPage(p Frame) templ.Component {
	return in(p.Layout(),
		in(p.Header(Header{Title: p.T("nav.users"), Count: "12,345", Note: "密钥状态是这里的一个筛选条件。", Back: "/admin/", BackText: p.T("nav.overview")}),
			p.Button(Button{Text: "导出 CSV", Address: "/admin/users.csv"}), p.Button(Button{Text: "添加", Variant: VariantPrimary})),
		p.Tabs("用户", []Tab{{Text: "概况", Address: "/admin/users/1", Current: true}, {Text: "密钥时间线", Address: "/admin/users/1?tab=keys"}, {Text: "登录设备", Address: "/admin/users/1?tab=devices", Count: "2"},
			{Text: "事件", Address: "/admin/users/1?tab=events"}, {Text: "操作日志", Address: "/admin/users/1?tab=audit"}}),
		p.Chips([]Chip{{"密钥状态", "已失效", p.With("state", "")}, {"最后登录", "7 天内", p.With("seen", "")}}, "/admin/users"),
		galleryTable(p), element(`section class="panel"`, galleryNumbers(p)), galleryCharts(p), galleryForms(p),
		element(`div class="columns"`,
			in(p.Panel(Panel{Title: "用户"}), element(`div class="person"`, p.LargeAvatar("http://thirdwx.qlogo.cn/mmopen/x/132", "林"), p.LargeAvatar("", "林小满"), p.LargeAvatar("", "")),
				in(Definitions(), in(Definition("用户编号"), p.Code("482915037")), in(Definition("openid"), p.Code("oKx7s5-3Q8vWZyTnB2mLcRfHdJpA")),
					in(Definition("手机号"), in(p.Masked("138****5678"), p.Button(Button{Text: "查看完整手机号", Small: true}))),
					in(Definition(p.T("nav.keys")), p.KeyStatus(galleryUsers()[0].fresh)), in(Definition("停用"), p.Time(time.Time{})),
					in(Definition("标签"), p.Badge(Badge{Tone: ToneInfo, Icon: "info", Text: "开发版", Title: "开发版或体验版"})))),
			in(p.Panel(Panel{Title: "实时事件"}), in(p.Live(Live{Address: "/admin/events/stream", Title: "实时事件", Note: "打开后开始接收"}), raw("<li>14:30:02 登录成功，密钥已更换</li>")),
				in(p.Empty(Empty{Icon: "search", Title: "没有符合条件的用户", Text: "试试减少筛选条件。"}), p.Button(Button{Text: "清除筛选", Address: "/admin/users"}))),
		),
	)
}

func barePage(p Frame) templ.Component {
	p.Operator, p.Flash = app.Operator{}, nil
	return in(p.Bare(), element(`h1`, text("登录")), element(`form method="post" action="/admin/login" class="form mt-4"`,
		p.Field(Field{Name: "name", Label: "账号", Required: true, Attributes: templ.Attributes{"autocomplete": "username"}}),
		p.Field(Field{Name: "password", Label: "密码", Type: "password", Required: true, Error: "账号或密码不正确。", Attributes: templ.Attributes{"autocomplete": "current-password"}}),
		p.Button(Button{Text: "登录", Variant: VariantPrimary})))
}

func galleries() map[string]templ.Component {
	pages := map[string]templ.Component{}
	for _, language := range Languages() {
		for _, theme := range []Theme{ThemeSystem, ThemeLight, ThemeDark} {
			frame := galleryFrame(language, theme)
			name := string(language) + "-" + string(theme) + ".html"
			pages["gallery-"+name], pages["bare-"+name] = galleryPage(frame), barePage(frame)
		}
	}
	return pages
}

func render(t *testing.T, component templ.Component) string {
	t.Helper()
	var page bytes.Buffer
	if err := component.Render(context.Background(), &page); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func TestGallery(t *testing.T) {
	for name, page := range galleries() {
		t.Run(name, func(t *testing.T) {
			markup := render(t, page)
			document, err := html.Parse(strings.NewReader(markup))
			if err != nil {
				t.Fatal(err)
			}
			keepGallery(t, name, markup)
			for _, problem := range problems(document) {
				t.Error(problem)
			}
			for _, leftover := range []string{"⟦", "<no value>", "{{", "%!"} {
				if strings.Contains(markup, leftover) {
					t.Errorf("the page contains %q", leftover)
				}
			}
		})
	}
}

// keepGallery writes the page for people to look at, where WXKEEPER_GALLERY says.
func keepGallery(t *testing.T, name, markup string) {
	folder := os.Getenv("WXKEEPER_GALLERY")
	if folder == "" {
		return
	}
	if err := os.MkdirAll(filepath.Join(folder, "static"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(markup), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, address := range regexp.MustCompile(`/static/[\w.-]+`).FindAllString(markup, -1) {
		answer := httptest.NewRecorder()
		static.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, address, nil))
		if err := os.WriteFile(filepath.Join(folder, address), answer.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// problems is what no page of ours may have.
func problems(document *html.Node) []string {
	var found []string
	ids := map[string]int{}
	refers := map[string]string{}
	for node := range document.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		for _, attribute := range node.Attr {
			where := node.Data + " " + attribute.Key + "=" + attribute.Val
			switch attribute.Key {
			case "style":
				found = append(found, "the content security policy forbids "+where)
			case "id":
				ids[attribute.Val]++
			case "for", "aria-labelledby", "aria-describedby", "popovertarget", "form", "data-dialog":
				for id := range strings.FieldsSeq(attribute.Val) {
					refers[id] = where
				}
			case "href", "src", "action":
				if !strings.HasPrefix(attribute.Val, "/") && !strings.HasPrefix(attribute.Val, "#") && AvatarSource(attribute.Val) != attribute.Val {
					found = append(found, "leads away: "+where)
				}
			}
			if strings.HasPrefix(attribute.Key, "on") || strings.HasPrefix(attribute.Key, "hx-on") {
				found = append(found, "the content security policy forbids "+where)
			}
		}
		if node.Data == "script" && node.FirstChild != nil {
			found = append(found, "the content security policy forbids a script in the page")
		}
	}
	for id, count := range ids {
		if count > 1 {
			found = append(found, "more than one element is called "+id)
		}
	}
	for id, where := range refers {
		if ids[id] == 0 {
			found = append(found, "nothing is called "+id+": "+where)
		}
	}
	return found
}
