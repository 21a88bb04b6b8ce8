package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/apps"
	"wxkeeper/app/config"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// App manages the mini programs that a server keeps keys for, besides the one of its settings.
type App struct {
	Add       AppAdd       `cmd:"" help:"Add a mini program; its AppSecret is read from standard input or a file. A running server serves it within seconds."`
	List      AppList      `cmd:"" help:"List the mini programs."`
	Test      AppTest      `cmd:"" help:"Ask WeChat whether it takes a mini program's stored AppID and AppSecret."`
	SetSecret AppSetSecret `cmd:"" help:"Replace a mini program's AppSecret."`
	SetPush   AppSetPush   `cmd:"" help:"Set up a mini program's message push: two lines, Token and EncodingAESKey; nothing turns it off."`
	Disable   AppDisable   `cmd:"" help:"Turn a mini program's users away; its data stays."`
	Enable    AppEnable    `cmd:"" help:"Serve a disabled mini program again."`
}

// secretFlag says where a secret comes from.
type secretFlag struct {
	SecretFile string `placeholder:"FILE" help:"File that holds the secret, and nothing else. Without it standard input is read."`
}

// secretsAtMost is how many bytes of a secret are read.
const secretsAtMost = 4096

func (f secretFlag) read(std Streams) (string, error) {
	in := std.In
	if f.SecretFile != "" {
		file, err := os.Open(f.SecretFile)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(bufio.NewReader(in), secretsAtMost))
	return strings.TrimRight(string(text), "\r\n"), err
}

// registerFlag is where the mini programs are.
type registerFlag struct {
	Appid string `arg:"" help:"AppID of the mini program."`
	config.Store
}

// withApps opens a data folder that was served before: the keys that seal secrets are in it.
func withApps(ctx context.Context, settings config.Store, env config.Env, weChatURL string, work func(register apps.Register, ofSettings app.Secret) error) error {
	appid, secret, err := config.DefaultApp(env)
	if err != nil {
		return err
	}
	folder, key, err := settings.Open(env)
	if err != nil {
		return err
	}
	if err := mustExist(folder); err != nil {
		return err
	}
	return withStore(ctx, folder, func(store *db.DB) error {
		ring, err := store.KeyRing(ctx, key.Bytes())
		if err != nil {
			return err
		}
		return work(apps.Register{Store: store, Ring: ring, Clock: time.Now, Default: appid, WeChatURL: weChatURL}, secret)
	})
}

// change is withApps for work on one mini program.
func (f registerFlag) change(ctx context.Context, env config.Env, work func(apps.Register, app.Appid) error) error {
	err := withApps(ctx, f.Store, env, "", func(register apps.Register, _ app.Secret) error { return work(register, app.Appid(f.Appid)) })
	switch app.KindOf(err) {
	case app.NotFound:
		return fmt.Errorf("there is no mini program %s: wxkeeper app add %s", f.Appid, f.Appid)
	case app.AlreadyExists:
		return fmt.Errorf("the mini program %s is here already: wxkeeper app set-secret %s gives it another secret", f.Appid, f.Appid)
	}
	return err
}

// AppAdd adds a mini program.
type AppAdd struct {
	registerFlag
	secretFlag
	Name        string `help:"What people call it, up to 40 characters."`
	TokenPolicy string `enum:",fixed,follow-key" default:"" help:"What ends a session, as WXKEEPER_TOKEN_POLICY says; empty: as the server's settings say."`
}

// Run adds a mini program.
func (c *AppAdd) Run(ctx context.Context, env config.Env, std Streams) error {
	secret, err := c.read(std)
	if err != nil {
		return err
	}
	err = c.change(ctx, env, func(register apps.Register, appid app.Appid) error {
		return register.Add(ctx, app.CommandLine, appid, c.Name, app.TokenPolicy(c.TokenPolicy), app.Secret(secret))
	})
	return told(std.Out, err, "%s is added, at /apps/%s/login/. Ask WeChat about it: wxkeeper app test %s\n", c.Appid, c.Appid, c.Appid)
}

// AppSetSecret replaces an AppSecret.
type AppSetSecret struct {
	registerFlag
	secretFlag
}

// Run replaces an AppSecret.
func (c *AppSetSecret) Run(ctx context.Context, env config.Env, std Streams) error {
	secret, err := c.read(std)
	if err != nil {
		return err
	}
	err = c.change(ctx, env, func(register apps.Register, appid app.Appid) error {
		return register.SetSecret(ctx, app.CommandLine, appid, app.Secret(secret))
	})
	return told(std.Out, err, "%s has another AppSecret. Ask WeChat about it: wxkeeper app test %s\n", c.Appid, c.Appid)
}

// AppSetPush sets up a message push.
type AppSetPush struct {
	registerFlag
	secretFlag
}

// Run sets up a message push.
func (c *AppSetPush) Run(ctx context.Context, env config.Env, std Streams) error {
	text, err := c.read(std)
	if err != nil {
		return err
	}
	token, key, _ := strings.Cut(strings.ReplaceAll(text, "\r", ""), "\n")
	err = c.change(ctx, env, func(register apps.Register, appid app.Appid) error {
		return register.SetPush(ctx, app.CommandLine, appid, app.Secret(token), app.Secret(key))
	})
	if token == "" {
		return told(std.Out, err, "%s takes no message push any more.\n", c.Appid)
	}
	return told(std.Out, err, "%s takes message push at /apps/%s/wechat/push/.\n", c.Appid, c.Appid)
}

// AppDisable turns a mini program's users away.
type AppDisable struct{ registerFlag }

// Run turns a mini program's users away.
func (c *AppDisable) Run(ctx context.Context, env config.Env, std Streams) error {
	err := c.change(ctx, env, func(register apps.Register, appid app.Appid) error {
		return register.Disable(ctx, app.CommandLine, appid)
	})
	return told(std.Out, err, "%s is not served any more.\n", c.Appid)
}

// AppEnable serves a mini program again.
type AppEnable struct{ registerFlag }

// Run serves a mini program again.
func (c *AppEnable) Run(ctx context.Context, env config.Env, std Streams) error {
	err := c.change(ctx, env, func(register apps.Register, appid app.Appid) error {
		return register.Enable(ctx, app.CommandLine, appid)
	})
	return told(std.Out, err, "%s is served again.\n", c.Appid)
}

// AppList lists the mini programs.
type AppList struct{ config.Folder }

// Run lists the mini programs.
func (c *AppList) Run(ctx context.Context, std Streams) error {
	if err := mustExist(c.Path()); err != nil {
		return err
	}
	return withStore(ctx, c.Path(), func(store *db.DB) error {
		records, err := store.Read().AppRecords(ctx)
		if err != nil {
			return err
		}
		rows := [][]string{{"APPID", "NAME", "USERS", "SECRET", "STATE"}}
		for _, one := range records {
			users, err := store.Read().CountUsers(ctx, one.ID)
			if err != nil {
				return err
			}
			secret, state := "not stored", "enabled"
			if len(one.Sealed.Secret) > 0 {
				secret = "stored"
			}
			if one.Disabled() {
				state = "disabled since " + dated(one.DisabledAt, "")
			}
			rows = append(rows, []string{string(one.Appid), one.Name, fmt.Sprint(users), secret, state})
		}
		return writeTable(std.Out, rows)
	})
}

// AppTest asks WeChat about a mini program.
type AppTest struct {
	registerFlag
	WeChatURL string `name:"wechat-url" env:"WXKEEPER_WECHAT_URL" default:"https://api.weixin.qq.com" help:"Where WeChat's server API is."`
}

var errRefused = errors.New("WeChat does not take everything")

// Run asks WeChat about a mini program, and fails unless it takes everything.
func (c *AppTest) Run(ctx context.Context, env config.Env, std Streams) error {
	var trial apps.Trial
	err := withApps(ctx, c.Store, env, c.WeChatURL, func(register apps.Register, ofSettings app.Secret) (err error) {
		trial, err = register.Try(ctx, app.Appid(c.Appid), ofSettings)
		return err
	})
	if app.KindOf(err) == app.NotFound {
		return fmt.Errorf("there is no mini program %s, or no AppSecret of it: wxkeeper app add, or set-secret", c.Appid)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Out, "logins:        %s\naccess token:  %s\n", taken(trial.Login), taken(trial.Calls))
	if !trial.OK() {
		return errRefused
	}
	return nil
}

func taken(refusal *wechat.Error) string {
	switch {
	case refusal == nil:
		return "WeChat takes AppID and AppSecret"
	case refusal.Address != "":
		return refusal.Error() + "; add " + refusal.Address + " to the IP list (IP 白名单) at mp.weixin.qq.com"
	}
	return refusal.Error()
}
