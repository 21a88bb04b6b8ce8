package views

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/static"
)

func TestAvatarSource(t *testing.T) {
	ours := static.Path("favicon.svg")
	for address, want := range map[string]string{
		"https://thirdwx.qlogo.cn/mmopen/vi_32/x/132": "https://thirdwx.qlogo.cn/mmopen/vi_32/x/132",
		"http://wx.qlogo.cn/mmhead/x/0":               "https://wx.qlogo.cn/mmhead/x/0",
		ours:                                          ours,
		"":                                            "",
		"//thirdwx.qlogo.cn/x":                        "",
		"https://thirdwx.qlogo.cn.evil.example/x":          "",
		"https://evil.example/thirdwx.qlogo.cn":            "",
		"https://thirdwx.qlogo.cn@evil.example/x":          "",
		"https://u:p@thirdwx.qlogo.cn/x":                   "",
		"https://thirdwx.qlogo.cn:8443/x":                  "",
		"https://THIRDWX.qlogo.cn\\@evil.example/x":        "",
		"javascript:alert(1)//thirdwx.qlogo.cn":            "",
		"data:image/svg+xml,<svg onload=alert(1)>":         "",
		"ftp://wx.qlogo.cn/x":                              "",
		"/static/../admin/logout":                          "",
		"/admin/logout":                                    "",
		ours + "?next=//evil.example":                      "",
		"\x00https://wx.qlogo.cn/x":                        "",
		"https://wx.qlogo.cn/x\r\nSet-Cookie: a=b":         "",
		"https://thirdwx.qlogo.cn/\"><script>alert(1)</s>": "https://thirdwx.qlogo.cn/%22%3E%3Cscript%3Ealert%281%29%3C/s%3E",
	} {
		if got := AvatarSource(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"林小满": "林", "chen": "C", "🍊 阿橘": "阿", "": "", "🍊": "", "<b>": "B", "7up": "7", "\u202etest": "T"} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestWith(t *testing.T) {
	frame := Frame{Address: "/admin/users?q=%E5%B0%8F&state=dead&cursor=42"}
	for _, test := range []struct {
		pairs []string
		want  string
	}{
		{nil, "/admin/users?q=%E5%B0%8F&state=dead"},
		{[]string{"state", ""}, "/admin/users?q=%E5%B0%8F"},
		{[]string{"size", "50"}, "/admin/users?q=%E5%B0%8F&size=50&state=dead"},
		{[]string{"cursor", "7"}, "/admin/users?cursor=7&q=%E5%B0%8F&state=dead"},
		{[]string{"q", "a&b=c", "state", ""}, "/admin/users?q=a%26b%3Dc"},
	} {
		if got := frame.With(test.pairs...); got != test.want {
			t.Errorf("%v: %q, want %q", test.pairs, got, test.want)
		}
	}
}

func TestComparisons(t *testing.T) {
	for _, test := range []struct {
		got    Comparison
		change string
		tone   Tone
		icon   string
	}{
		{Text{}.CompareRates("", 98, 100, 99, 100), "−1.0 个百分点", ToneBad, "arrow-down"},
		{Text{}.CompareRates("", 99, 100, 98, 100), "+1.0 个百分点", ToneGood, "arrow-up"},
		{Text{}.CompareRates("", 9998, 10000, 9999, 10000), "±0 个百分点", ToneFaint, "arrow-right"},
		{Text{}.CompareRates("", 1, 1, 0, 0), "暂无对比", ToneFaint, "minus"},
		{Text{}.CompareCounts("", 90, 100), "−10.0%", ToneNeutral, "arrow-down"},
		{Text{}.CompareCounts("", 7, 0), "暂无对比", ToneFaint, "minus"},
	} {
		if test.got.Change != test.change || test.got.Tone != test.tone || test.got.Icon != test.icon {
			t.Errorf("%+v, want %s, %s, %s", test.got, test.change, test.tone, test.icon)
		}
	}
}

func TestSegmentsFillTheBar(t *testing.T) {
	parts := []StatusPart{{State: app.KeyNew, Count: 1}, {State: app.KeyConfirmed, Count: 1_000_000}, {State: app.KeyAging}, {State: app.KeyDead, Count: 3}}
	all := segments(parts)
	if len(all) != 3 {
		t.Fatalf("%d segments, want 3: a state without keys has none", len(all))
	}
	at := 0.0
	for _, one := range all {
		if one.width < 2 || math.Abs(one.x-at) > 0.01 {
			t.Errorf("%s stands at %.2f with %.2f, want %.2f and at least 2", one.State, one.x, one.width, at)
		}
		at = one.x + one.width + 2
	}
	if math.Abs(at-statusBarWidth) > 0.01 {
		t.Errorf("the bar ends at %.2f, want %d", at, statusBarWidth)
	}
	if segments(nil) == nil || len(segments([]StatusPart{{State: app.KeyNew}})) != 0 {
		t.Error("a bar without keys has segments")
	}
}

func TestExactlyTakesThisTextOnly(t *testing.T) {
	for _, typed := range []string{"482915037", "12,345", "我的小程序 (测试) v1.0", `a\b^$|?*+[]{}/-`} {
		pattern := regexp.MustCompile("^(?:" + exactly(typed) + ")$")
		if !pattern.MatchString(typed) || pattern.MatchString(strings.Replace(typed, typed[:1], "z", 1)) || pattern.MatchString(typed+" ") {
			t.Errorf("%q: the pattern %q takes something else", typed, exactly(typed))
		}
	}
}

// A frame that nobody filled renders, and so does a chart without numbers.
func TestZeroValuesRender(t *testing.T) {
	for name, page := range map[string]string{
		"layout": render(t, Frame{}.Layout()), "bare": render(t, Frame{}.Bare()), "chart": render(t, Frame{}.Chart(Chart{})),
		"status": render(t, Frame{}.StatusBar(nil)), "bars": render(t, Frame{}.Bars(nil)), "spark": render(t, Sparkline(nil, "")),
		"table": render(t, Frame{}.Table(Table{})), "progress": render(t, Frame{}.Progress(Progress{})),
	} {
		if page == "" || strings.Contains(page, "NaN") || strings.Contains(page, "⟦") {
			t.Errorf("%s: %s", name, page)
		}
	}
}

func TestSparkline(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   string
	}{
		{[]float64{0, 10}, "M0.0 22.0L100.0 2.0"},
		{[]float64{5, 5}, "M0.0 12.0L100.0 12.0"},
		{[]float64{1, math.NaN(), 2}, "M0.0 22.0M100.0 2.0"},
		{[]float64{7}, "M50.0 12.0"},
	} {
		if got := sparkline(test.values); got != test.want {
			t.Errorf("%v: %s, want %s", test.values, got, test.want)
		}
	}
}

// The navigation shows what a role may open.
func TestNavigation(t *testing.T) {
	frame := func(role app.Role, sandbox bool) string {
		f := galleryFrame(Chinese, ThemeSystem)
		f.Operator.Role, f.Sandbox = role, sandbox
		return render(t, f.Layout())
	}
	if page := frame(app.RoleOperator, false); strings.Contains(page, `href="/admin/operators"`) || strings.Contains(page, `href="/admin/phones"`) {
		t.Error("an operator sees the accounts or the phones of a sandbox that is not there")
	}
	if page := frame(app.RoleAdmin, true); !strings.Contains(page, `href="/admin/operators"`) || !strings.Contains(page, `href="/admin/phones"`) {
		t.Error("an admin in the sandbox misses the accounts or the phones")
	}
}

// An address that a page writes itself lacks what a proxy takes away, or which mini program it is about: Link knows both.
func TestEveryAddressIsWrittenByLink(t *testing.T) {
	written := regexp.MustCompile(`(?:href|src|action|formaction|hx-get|hx-post|sse-connect)"?(?:="/|[=:] ?(?:\{ )?"/|=\{ (?:templ\.|\w+Address))|templ\.URL\(|"hx-get": \w+Address`)
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			if found := written.FindString(line); found != "" {
				t.Errorf("%s:%d: %s: write the address with Link", file, i+1, found)
			}
		}
	}
}
