// Package stage sets the stage for `wxkeeper sandbox`: users with a history, somebody who may sign in, what the emulated WeChat has to
// know, and the words of the greeting.
package stage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
	"wxkeeper/app/operator"
	"wxkeeper/app/sandbox"
	"wxkeeper/db"
	"wxkeeper/db/sample"
)

const usersWithHistory = 300 // beside those with a phone

// Populate gives an empty database users with a history, in which a release went wrong yesterday evening, and makes the emulated WeChat
// know everybody whom the database knows.
func Populate(ctx context.Context, emulator *sandbox.WeChat, store *db.DB, ring *db.KeyRing, of app.App) error {
	now := time.Now()
	err := sample.Fill(ctx, store, ring, of.ID, sample.Options{Users: usersWithHistory, Now: now, Seed: 1, BadRelease: yesterdayEvening(now)})
	if err != nil && app.KindOf(err) != app.AlreadyExists {
		return err
	}
	return keeper.EachKnown(ctx, store, ring, func(known keeper.Known) error {
		profile := known.User.Profile
		return emulator.Adopt(sandbox.Adopted{
			OpenID: known.User.OpenID, UnionID: known.User.UnionID,
			Key: known.Key, KeyMadeAt: known.Facts.AskedAt, Alive: known.Facts.DeadAt.IsZero(),
			Person: sandbox.Person{
				Nickname: profile.Nickname, AvatarURL: profile.AvatarURL, Gender: profile.Gender, Language: profile.Language,
				City: profile.City, Province: profile.Province, Country: profile.Country, Anonymous: profile.Anonymous(),
				PhoneNumber: known.Phone.PureNumber, CountryCode: known.Phone.CountryCode,
			},
		})
	})
}

// yesterdayEvening is yesterday at eight in China.
func yesterdayEvening(now time.Time) time.Time {
	year, month, day := now.In(time.FixedZone("UTC+8", 8*60*60)).Date()
	return time.Date(year, month, day-1, 12, 0, 0, 0, time.UTC)
}

// Introduce tells the emulated WeChat where the server takes pre-fetched codes and pushed messages, as an admin does at WeChat.
func Introduce(ctx context.Context, emulator *sandbox.WeChat, address string, settings config.Config) error {
	if err := emulator.SetPrefetch("", sandbox.Prefetch{URL: address + "/prefetch/"}); err != nil {
		return err
	}
	return emulator.SetPush(ctx, "", sandbox.PushSettings{
		URL: address + "/wechat/push/", Token: settings.PushToken, EncodingAESKey: settings.PushAESKey,
	})
}

// ListenNextTo listens on the port after an address's, so that the emulator is found in the same place each time; on any port
// if that one is taken.
func ListenNextTo(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	anyPort := net.JoinHostPort(host, "0")
	number, err := strconv.Atoi(port)
	if err != nil || number == 0 {
		return net.Listen("tcp", anyPort)
	}
	if listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(number+1))); err == nil {
		return listener, nil
	}
	return net.Listen("tcp", anyPort)
}

// tallyEvery is how often the sandbox says what its phones have done.
const tallyEvery = 30 * time.Second

// Live lets the phones live until the context ends, and tells from time to time how they fare.
func Live(ctx context.Context, crowd *sandbox.Crowd, out io.Writer) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		crowd.Run(ctx)
	}()
	tick := time.NewTicker(tallyEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprintln(out, crowd.Tally())
		case <-ended:
			return
		}
	}
}

// MasterKey gives the master key of a sandbox's folder. A folder that keeps its data keeps the key beside it: nothing in it
// is real. A folder that some other command filled is left alone.
func MasterKey(folder string) (config.MasterKey, error) {
	path := filepath.Join(folder, "sandbox.key")
	text, err := os.ReadFile(path)
	if err == nil {
		return config.ParseMasterKey(strings.TrimSpace(string(text)))
	}
	if _, err := os.Stat(filepath.Join(folder, "wxkeeper.db")); err == nil {
		return config.MasterKey{}, fmt.Errorf("%s was not made by a sandbox: set WXKEEPER_DATA to another folder, or to nothing", folder)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return config.MasterKey{}, err
	}
	key := config.NewMasterKey()
	return key, os.WriteFile(path, []byte(key.Reveal()+"\n"), 0o600)
}

// operatorName is who may use the sandbox's dashboard.
const operatorName = "admin"

// Operator gives the sandbox's operator a new password.
func Operator(ctx context.Context, accounts *operator.Accounts) (app.Secret, error) {
	order, password := operator.Order{Operator: app.CommandLine}, app.Secret(rand.Text()[:16])
	err := accounts.Add(ctx, order, operatorName, app.RoleAdmin, password)
	if app.KindOf(err) == app.AlreadyExists {
		err = accounts.SetPassword(ctx, order, operatorName, password)
	}
	return password, err
}

// Greet says where everything is, who may sign in, and two lines to try.
func Greet(out io.Writer, address string, settings config.Config, kept bool, password app.Secret) error {
	fate := "thrown away at the end"
	if kept {
		fate = "kept"
	}
	_, err := fmt.Fprintf(out, `wxkeeper sandbox: nothing here is real. Stop it with Ctrl+C.
  Pages    http://%[1]s/admin/ (name %[5]s, password %[6]s)
  API      http://%[1]s
  WeChat   %[2]s/sandbox/ (emulated, with a dozen phones; the page says how to play them)
  Data     %[3]s (%[4]s)
Log in as phone 1, then open its profile with the token of the answer:
  curl -d code=$(curl -s %[2]s/sandbox/phones/1/code) http://%[1]s/login/
  curl -s %[2]s/sandbox/phones/1/sealed | curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' -d @- http://%[1]s/getinfo/
`, address, settings.WeChatURL, settings.Data, fate, operatorName, password.Reveal())
	for _, warning := range settings.Warnings {
		_, failed := fmt.Fprintf(out, "WARNING: %s.\n", warning)
		err = errors.Join(err, failed)
	}
	return err
}
