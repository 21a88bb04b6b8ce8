package web

import (
	"os"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/sandbox"
)

func TestOneUserLook(t *testing.T) {
	if os.Getenv("ONEUSERLOOK") == "" {
		t.Skip()
	}
	o := newOffice(t)
	ctx := t.Context()
	order := keeper.Order{Operator: "周敏", Reason: "用户反馈登录异常：工单 2231"}
	program := o.phone(t, sandbox.Person{Nickname: "小雨 🌧", Gender: 2, City: "Hangzhou", Province: "Zhejiang", Country: "China", PhoneNumber: "13800135678"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Log(err)
		}
	}
	phone := program.Phone()
	number := func() app.UserNumber { return o.user(t, program).Number }
	must(program.Launch(ctx))
	o.pass(40 * time.Second)
	_, err := program.Send(ctx, sandbox.SealedUserInfo)
	must(err)
	_, err = program.Send(ctx, sandbox.SealedPhone)
	must(err)
	o.pass(2 * time.Hour)
	_, err = program.Send(ctx, sandbox.SealedUserInfo)
	must(err)
	o.pass(26 * time.Hour)
	phone.ReplaceKeyAtLogin()
	_, err = program.CollectThenLogin(ctx, sandbox.SealedUserInfo)
	must(err)
	o.pass(15 * time.Minute)
	_, err = program.Send(ctx, sandbox.SealedUserInfo)
	must(err)
	o.pass(9 * 24 * time.Hour)
	_, err = o.keeper.CheckNow(ctx, order, number())
	must(err)
	o.pass(30 * time.Hour)
	phone.RotateKey()
	sealed := phone.Collect(sandbox.SealedUserInfo)
	_, err = o.keeper.Open(ctx, app.Caller{RequestID: app.NewRequestID(o.now()), At: o.now(), Client: app.Client{Version: "57", Platform: app.PlatformAndroid, Model: "M2012K11AC", WeChatVersion: "8.0.42", Address: "10.2.3.4"}}, program.Token(), keeper.Sealed{EncryptedData: sealed.EncryptedData, IV: sealed.IV})
	t.Log(err)
	time.Sleep(300 * time.Millisecond)
	o.pass(3 * time.Minute)
	must(program.Launch(ctx))
	_, err = program.Send(ctx, sandbox.SealedPhone)
	must(err)
	o.pass(5 * time.Hour)
	_, err = o.keeper.Reset(ctx, order, number())
	must(err)
	o.pass(4 * time.Minute)
	must(program.Launch(ctx))
	_, err = program.Send(ctx, sandbox.SealedUserInfo)
	must(err)
	second := sandbox.NewMiniProgram(phone.SecondDevice(sandbox.Device{Platform: app.PlatformIOS}), o.server.URL, o.server.Client())
	o.pass(19 * time.Hour)
	must(second.Launch(ctx))
	phone.ReplaceKeyAtLogin()
	o.pass(time.Hour)
	must(program.Launch(ctx))
	_, err = program.Send(ctx, sandbox.SealedUserInfo)
	must(err)
	o.pass(6 * time.Minute)

	dead := o.phone(t, sandbox.Person{Nickname: `"><script>alert(1)</script>` + "\u202e" + "evil " + string(make([]rune, 0)) + "王小明王小明王小明王小明王小明王小明王小明王小明王小明王小明王小明王小明王小明王小明", AvatarURL: "javascript:alert(1)"})
	must(dead.Launch(ctx))
	o.pass(time.Minute)
	_, err = dead.Send(ctx, sandbox.SealedUserInfo)
	must(err)
	dead.Phone().ExpireKey()
	_, err = o.keeper.CheckNow(ctx, order, o.user(t, dead).Number)
	must(err)
	must(o.keeper.Disable(ctx, order, o.user(t, dead).Number))
	fresh := o.phone(t, sandbox.Person{Anonymous: true})
	must(fresh.Launch(ctx))
	o.pass(5 * time.Second)

	b := o.signIn(t, app.RoleAdmin)
	save := func(name, body string) { must(os.WriteFile("/tmp/oneuser-look/"+name+".html", []byte(body), 0o644)) }
	for _, language := range []string{"zh-CN", "en"} {
		b.Language = language
		for who, of := range map[string]*sandbox.MiniProgram{"rain": program, "dead": dead, "new": fresh} {
			base := "/admin/users/" + o.user(t, of).Number.String()
			for _, tab := range []string{"", "/keys", "/devices", "/events", "/audit"} {
				p := b.get(base + tab)
				if p.Status != 200 {
					t.Errorf("%s: %d %s", tab, p.Status, p.Text)
				}
				name := tab
				if name == "" {
					name = "/profile"
				}
				save(who+"-"+name[1:]+"-"+language, p.Body)
			}
			p := b.post(base+"/relogin", "reason", "", "reason_text", "")
			save(who+"-mistake-"+language, p.Body)
			p = b.post(base+"/phone", "reason", "login")
			save(who+"-phone-"+language, p.Body)
			b.get("/admin/account")
		}
	}
}
