//go:build unix

package keeper_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

const (
	benchUsers   = 2000
	benchClients = 64
)

// benchHouse is a house with a running clock, whose WeChat reads user and key out of the code: user, key, anything else.
func benchHouse(b *testing.B) *house {
	h := newHouse(b)
	h.Close()
	h.Options.Clock = time.Now
	h.Keeper = keeper.New(h.Options)
	h.weChatSays(func(code string) string {
		part := strings.Split(code, "-")
		return fmt.Sprintf(`{"openid":%q,"session_key":%q}`, "o6_bmjrPTlm6_2sgVt7hMZOP"+part[0], benchKey(part[0], part[1]))
	})
	return h
}

func benchKey(user, number string) string {
	sum := md5.Sum([]byte(user + "-" + number))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func benchCaller() app.Caller {
	now := time.Now()
	return app.Caller{RequestID: app.NewRequestID(now), At: now, Client: app.Client{
		Appid: appid, Version: "101", Platform: app.PlatformAndroid, Model: "M2012K11AC", WeChatVersion: "8.0.42.2460", Address: "192.0.2.1",
	}}
}

// benchLogin logs a user in with a key of the user's.
func (h *house) benchLogin(user int, key int) app.Token {
	code := strconv.Itoa(1000+user) + "-" + strconv.Itoa(key) + "-" + strconv.FormatUint(rand.Uint64(), 36)
	login, err := h.Login(h.t.Context(), benchCaller(), code)
	if err != nil {
		h.t.Error(err)
	}
	return login.Token
}

// benchTokens logs everybody in.
func (h *house) benchTokens() []app.Token {
	tokens := make([]app.Token, benchUsers)
	var next atomic.Int64
	done := make(chan bool)
	for range benchClients {
		go func() {
			for user := next.Add(1) - 1; user < benchUsers; user = next.Add(1) - 1 {
				tokens[user] = h.benchLogin(int(user), 0)
			}
			done <- true
		}()
	}
	for range benchClients {
		<-done
	}
	return tokens
}

// BenchmarkLogin measures logins of 64 clients at once, WeChat's answer over HTTP included.
func BenchmarkLogin(b *testing.B) {
	for _, test := range []struct {
		name string
		key  func() int
	}{
		{"same key", func() int { return 0 }},
		{"new key", func() int { return rand.Int() }},
	} {
		b.Run(test.name, func(b *testing.B) {
			h := benchHouse(b)
			h.benchTokens()
			h.benchParallel(b, func(user int) error {
				h.benchLogin(user, test.key())
				return nil
			})
		})
	}
}

// BenchmarkGetInfo measures openings of 64 clients at once. Each changes the profile, one in ten the nickname.
func BenchmarkGetInfo(b *testing.B) {
	h := benchHouse(b)
	tokens := h.benchTokens()
	const payloads = 20
	sealed := make([][payloads]keeper.Sealed, benchUsers)
	for user := range sealed {
		key, err := app.NewSessionKey(benchKey(strconv.Itoa(1000+user), "0"))
		if err != nil {
			b.Fatal(err)
		}
		for i := range sealed[user] {
			sealed[user][i] = h.sealText(key, benchProfile(i))
		}
	}
	turns := make([]atomic.Uint32, benchUsers)
	h.benchParallel(b, func(user int) error {
		turn := turns[user].Add(1)
		_, err := h.Open(b.Context(), benchCaller(), keeper.ByToken(tokens[user].Reveal()), sealed[user][turn%payloads])
		return err
	})
}

// benchProfile is a profile as WeChat gives it, of which each is unlike the one before, and one in ten has another nickname.
func benchProfile(number int) string {
	return fmt.Sprintf(`{"nickName":"小明%d😀","gender":1,"language":"zh_CN","city":"广州","province":"广东","country":"中国",`+
		`"avatarUrl":"https://thirdwx.qlogo.cn/mmopen/vi_32/Q0j4TwGTfTKYzEoQ3icQnxMF%dVhZJ4kXyRn7ibXWQ/132",`+
		`"watermark":{"timestamp":%d,"appid":%q}}`, number/10, number, time.Now().Unix(), appid)
}

// BenchmarkVerify measures the check of 2,000 users' tokens by 64 clients at once.
func BenchmarkVerify(b *testing.B) {
	h := benchHouse(b)
	tokens := h.benchTokens()
	h.benchParallel(b, func(user int) error {
		_, err := h.Verify(b.Context(), benchCaller(), tokens[user].Reveal())
		return err
	})
}

// benchParallel runs a call for users at random and tells how many calls shared a commit.
func (h *house) benchParallel(b *testing.B, call func(user int) error) {
	commits, writes := h.store.Written()
	b.ReportAllocs()
	b.SetParallelism(benchClients / 2)
	cpu := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(rand.IntN(benchUsers)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
	if now, all := h.store.Written(); now > commits {
		b.ReportMetric(float64(all-writes)/float64(now-commits), "writes/commit")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// cpuTime is what the process has used so far: where a machine is shared it tells more than the time on the wall.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
