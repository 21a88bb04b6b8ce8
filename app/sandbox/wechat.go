package sandbox

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"wxkeeper/app"
)

// App is one mini program registered at the emulated WeChat.
type App struct {
	Appid  app.Appid
	Secret app.Secret

	// OpenPlatform names the Open Platform account the app is bound to. Apps bound to the same account see the same
	// unionid for a person; "": bound to none, no unionid (UnionID 机制说明).
	OpenPlatform string
}

// DemoApp is the mini program of a sandbox that names none, bound to an Open Platform account.
func DemoApp() App {
	return App{Appid: "wx5a9db0c0de000001", Secret: "5a9db0c0de0000015a9db0c0de000001", OpenPlatform: "demo"}
}

// Options say what is emulated. The zero value is good: one DemoApp, the system's clock, WeChat's usual times.
type Options struct {
	Apps  []App            // registered mini programs; the first one is that of phones that name none
	Clock func() time.Time // nil: time.Now
	Seed  uint64           // openids, unionids and group ids follow from it
	Host  string           // by which the control may be reached beside localhost; empty: by no other

	// KeyRefresh is the least age at which wx.login replaces a session key: quick repeated logins keep the same one.
	// WeChat says only that there is such a time (signature.html, 会话密钥 session_key 有效性). 0: DefaultKeyRefresh.
	KeyRefresh time.Duration

	// KeyLife is how long a session key lives without being used; use extends it. WeChat does not disclose it (same
	// page). 0: DefaultKeyLife.
	KeyLife time.Duration

	// Transport carries what WeChat's servers send to those of developers: data pre-fetch and message push. nil: one of
	// its own.
	Transport http.RoundTripper
}

// The times WeChat does not disclose: a guess on the short side, and what integrators report.
const (
	DefaultKeyRefresh = 5 * time.Minute
	DefaultKeyLife    = 72 * time.Hour
)

// CodeLife is how long a code of wx.login can be exchanged (wx.login, object.success, code).
const CodeLife = 5 * time.Minute

// LoginsPerMinute is how many exchanges a minute WeChat grants one user before it answers 45011 (auth.code2Session, errcode
// 的合法值).
const LoginsPerMinute = 100

// WeChat is the emulator's server side. It is an http.Handler for two things: WeChat's API (see API), and the control of
// the sandbox under /sandbox/, which answers only requests addressed to a loopback host. It is safe for concurrent use.
type WeChat struct {
	apps       []App
	clock      func() time.Time
	seed       uint64
	host       string // by which the control may be reached beside localhost
	keyRefresh time.Duration
	keyLife    time.Duration
	handler    http.Handler
	developers *http.Client // to the servers of mini programs
	faults     *faultQueue
	calls      map[API]*atomic.Int64

	mu         sync.Mutex // guards what follows, and everything reached through it
	phones     []*Phone
	mocks      map[app.Appid]*Phone
	accounts   map[accountID]*account
	users      map[userID]*account // the same, by what servers call them
	owners     int
	codes      codeBook
	phoneCodes codeBook   // of the phone number button
	made       []madeData // oldest first
	tokens     tokenBook
	quotas     quotas
	allowed    []netip.Addr
	offices    map[app.Appid]backOffice
}

// New makes an emulator in which nobody lives yet.
func New(options Options) *WeChat {
	w := &WeChat{
		apps:       slices.Clone(options.Apps),
		clock:      options.Clock,
		seed:       options.Seed,
		host:       options.Host,
		keyRefresh: durationOr(options.KeyRefresh, DefaultKeyRefresh),
		keyLife:    durationOr(options.KeyLife, DefaultKeyLife),
		developers: newDeveloperClient(options.Transport),
		faults:     newFaultQueue(),
		calls:      map[API]*atomic.Int64{},
		mocks:      map[app.Appid]*Phone{},
		accounts:   map[accountID]*account{},
		users:      map[userID]*account{},
		codes:      codeBook{byText: map[string]*code{}},
		phoneCodes: codeBook{byText: map[string]*code{}},
		tokens:     newTokenBook(),
		quotas:     newQuotas(),
		offices:    map[app.Appid]backOffice{},
	}
	if len(w.apps) == 0 {
		w.apps = []App{DemoApp()}
	}
	if w.clock == nil {
		w.clock = time.Now
	}
	w.handler = w.routes()
	return w
}

func durationOr(duration, fallback time.Duration) time.Duration {
	if duration == 0 {
		return fallback
	}
	return duration
}

func (w *WeChat) routes() http.Handler {
	mux := http.NewServeMux()
	for api, played := range apis {
		w.calls[api] = new(atomic.Int64)
		mux.HandleFunc(played.path, w.serveAPI(api))
	}
	mux.Handle("/sandbox/", w.control())
	mux.HandleFunc("/", w.serveUnknownURL)
	return mux
}

// ServeHTTP answers as api.weixin.qq.com does, and the control of the sandbox.
func (w *WeChat) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	w.handler.ServeHTTP(response, request)
}

// Apps lists the registered mini programs.
func (w *WeChat) Apps() []App { return slices.Clone(w.apps) }

// Phones lists every phone in the order it was added; the first one is number 1.
func (w *WeChat) Phones() []*Phone {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.phones)
}

// AddPhone gives a person a phone. It panics if the options name an app that is not registered.
func (w *WeChat) AddPhone(options PhoneOptions) *Phone {
	if options.Appid == "" {
		options.Appid = w.apps[0].Appid
	}
	registered := w.mustFind(options.Appid)
	w.mu.Lock()
	defer w.mu.Unlock()
	if options.Owner != nil {
		return w.addPhone(registered, options.Owner.account.owner, options.Device)
	}
	w.owners++
	return w.addPhone(registered, newOwner(strconv.Itoa(w.owners), options.Person, w.seed), options.Device)
}

// AddPeople adds the default cast (People), all of them users of the first app; the first of them has two devices.
func (w *WeChat) AddPeople() []*Phone {
	var phones []*Phone
	for _, options := range People() {
		phones = append(phones, w.AddPhone(options))
	}
	return append(phones, phones[0].SecondDevice(Device{Platform: app.PlatformWindows}))
}

// MockPhone is the phone that the developer tools' mock code (app.MockCode) logs in for an app. It is made when first asked
// for. It panics if the app is not registered.
func (w *WeChat) MockPhone(appid app.Appid) *Phone {
	registered := w.mustFind(appid)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mockPhone(registered)
}

// Calls is how many calls of code2Session have arrived so far, whatever became of them.
func (w *WeChat) Calls() int { return w.CallsOf(APICode2Session) }

// CallsOf is how many calls of an API have arrived so far, whatever became of them. It panics if the API is not played.
func (w *WeChat) CallsOf(api API) int { return int(w.calls[api].Load()) }

func (w *WeChat) mockPhone(registered App) *Phone {
	phone := w.mocks[registered.Appid]
	if phone == nil {
		phone = w.addPhone(registered, newOwner("mock", Person{Nickname: "开发者"}, w.seed), Device{Platform: app.PlatformDevtools})
		phone.mock = true
		w.mocks[registered.Appid] = phone
	}
	return phone
}

func (w *WeChat) addPhone(registered App, owner *owner, device Device) *Phone {
	phone := &Phone{
		wechat:  w,
		number:  len(w.phones) + 1,
		account: w.accountOf(registered, owner),
		device:  device.complete(),
	}
	w.phones = append(w.phones, phone)
	return phone
}

func (w *WeChat) mustFind(appid app.Appid) App {
	registered, ok := w.app(appid)
	if !ok {
		panic(fmt.Sprintf("sandbox: no app %q is registered", appid))
	}
	return registered
}

func (w *WeChat) app(appid app.Appid) (App, bool) {
	for _, registered := range w.apps {
		if registered.Appid == appid {
			return registered, true
		}
	}
	return App{}, false
}
