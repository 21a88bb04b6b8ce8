//go:build unix

package web

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const (
	benchUsers   = 1000
	benchClients = 64
	benchIPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN"
)

// benchRequest is a request of a mini program on an iPhone.
func benchRequest(method, path, body, token string) *http.Request {
	built := httptest.NewRequest(method, path, strings.NewReader(body))
	built.Header.Set("Referer", "https://servicewechat.com/"+ourAppid+"/101/page-frame.html")
	built.Header.Set("User-Agent", benchIPhone)
	if body != "" {
		built.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		built.Header.Set("Authorization", "Bearer "+token)
	}
	return built
}

// benchParallel asks for persons at random, 64 at once, and insists on the status.
func (h house) benchParallel(b *testing.B, status int, request func(person int) *http.Request) {
	b.ReportAllocs()
	b.SetParallelism(benchClients / 2)
	cpu := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			recorder := httptest.NewRecorder()
			h.Handler().ServeHTTP(recorder, request(rand.IntN(benchUsers)))
			if recorder.Code != status {
				b.Errorf("HTTP %d: %s", recorder.Code, recorder.Body)
				return
			}
		}
	})
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func benchPerson(number int) string { return fmt.Sprintf("6_bmjrPTlm6_2sgVt7hMZO%04d", number) }

// benchTokens logs everybody in.
func (h house) benchTokens(b *testing.B) []string {
	tokens := make([]string, benchUsers)
	for number := range tokens {
		tokens[number] = h.login(b, benchPerson(number))
	}
	return tokens
}

// BenchmarkLogin measures POST /login/, WeChat's answer over HTTP included.
func BenchmarkLogin(b *testing.B) {
	h := newHouse(b)
	h.benchTokens(b)
	h.benchParallel(b, http.StatusOK, func(person int) *http.Request {
		return benchRequest("POST", "/login/", jsonOf(map[string]string{"code": h.value(b, "code", benchPerson(person))}), "")
	})
}

// BenchmarkGetInfo measures POST /getinfo/. Each request changes the profile, one in ten the nickname.
func BenchmarkGetInfo(b *testing.B) {
	h := newHouse(b)
	tokens := h.benchTokens(b)
	const payloads = 20
	bodies := make([][payloads]string, benchUsers)
	for person := range bodies {
		for i := range bodies[person] {
			bodies[person][i] = benchSealed(b, person, i)
		}
	}
	turns := make([]atomic.Uint32, benchUsers)
	h.benchParallel(b, http.StatusOK, func(person int) *http.Request {
		body := bodies[person][turns[person].Add(1)%payloads]
		return benchRequest("POST", "/getinfo/", body, tokens[person])
	})
}

func benchSealed(b *testing.B, person, number int) string {
	key, err := app.NewSessionKey(keyOf(benchPerson(person), 0))
	if err != nil {
		b.Fatal(err)
	}
	text := fmt.Sprintf(`{"nickName":"小明%d😀","gender":1,"language":"zh_CN","city":"广州","province":"广东","country":"中国",`+
		`"avatarUrl":"https://thirdwx.qlogo.cn/mmopen/vi_32/Q0j4TwGTfTKYzEoQ3icQnxMF%dVhZJ4kXyRn7ibXWQ/132",`+
		`"watermark":{"timestamp":%d,"appid":%q}}`, number/10, number, noon.Unix(), ourAppid)
	data, iv, err := wechat.Seal(key, ivThatNeedsPlus, []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	return jsonOf(map[string]string{"encryptedData": data, "iv": iv})
}

// BenchmarkVerify measures GET /verify/.
func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	tokens := h.benchTokens(b)
	h.benchParallel(b, http.StatusNoContent, func(person int) *http.Request {
		return benchRequest("GET", "/verify/", "", tokens[person])
	})
}

// cpuTime is what the process has used so far: where a machine is shared it tells more than the time on the wall.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
