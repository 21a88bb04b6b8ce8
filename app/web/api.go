package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

type loginReply struct {
	Token     string `json:"token"`
	ExpiresIn int64  `json:"expires_in"`
	User      string `json:"user"`
}

// backEndLoginReply tells a back end who logged in.
type backEndLoginReply struct {
	loginReply
	OpenID  app.OpenID  `json:"openid"`
	UnionID app.UnionID `json:"unionid"`
	New     bool        `json:"new"`
}

func (s *Server) login(c echo.Context) error {
	in, err := readFields(c, []string{"code"})
	if err != nil {
		return s.unreadable(c, app.LoginCodeMalformed, err)
	}
	login, err := s.keeper.Login(c.Request().Context(), callerOf(c), in["code"])
	if err != nil {
		return err
	}
	s.noteStorage(c.Request().Context())
	told := loginReply{login.Token.Reveal(), seconds(login.ExpiresIn), login.User.String()}
	if _, known := backEndOf(c); known {
		return reply(c, backEndLoginReply{told, login.OpenID, login.UnionID, login.New})
	}
	return reply(c, told)
}

// unreadable records a login or an opening that did not get as far as the keeper, so that its support code is found.
func (s *Server) unreadable(c echo.Context, reason app.Reason, err error) error {
	failure := failureOf(err)
	s.keeper.NoteFailure(callerOf(c), reason, failure.Field)
	return err
}

// profileReply is the seed article's profile: all seven always there, then what is ours. Never the openid.
type profileReply struct {
	Name     string `json:"name"`
	Avatar   string `json:"avatar"`
	Gender   int    `json:"gender"`
	Language string `json:"language"`
	Province string `json:"province"`
	City     string `json:"city"`
	Country  string `json:"country"`
	User     string `json:"user"`
}

func (s *Server) getInfo(c echo.Context) error {
	in, who, err := readCall(c, []string{"iv", "encryptedData"}, "rawData", "signature")
	if err != nil {
		return s.unreadable(c, app.OpenMalformed, err)
	}
	sealed := keeper.Sealed{EncryptedData: in["encryptedData"], IV: in["iv"], RawData: in["rawData"], Signature: in["signature"]}
	opened, err := s.keeper.Open(c.Request().Context(), callerOf(c), who, sealed)
	if err != nil {
		return err
	}
	s.noteStorage(c.Request().Context())
	return reply(c, openedReply(opened))
}

func openedReply(opened keeper.Opened) any {
	if !opened.IsProfile {
		return json.RawMessage(opened.Object)
	}
	profile := opened.Profile
	return profileReply{
		Name:     profile.Nickname,
		Avatar:   profile.AvatarURL,
		Gender:   profile.Gender,
		Language: profile.Language,
		Province: profile.Province,
		City:     profile.City,
		Country:  profile.Country,
		User:     opened.User.String(),
	}
}

// phoneReply is a phone number in the form in which WeChat also seals it.
type phoneReply struct {
	PhoneNumber     string `json:"phoneNumber"`
	PurePhoneNumber string `json:"purePhoneNumber"`
	CountryCode     string `json:"countryCode"`
}

func (s *Server) phone(c echo.Context) error {
	in, who, err := readCall(c, []string{"code"})
	if err != nil {
		return s.unreadable(c, app.PhoneCodeInvalid, err)
	}
	phone, err := s.keeper.PhoneByCode(c.Request().Context(), callerOf(c), who, in["code"])
	if err != nil {
		return err
	}
	s.noteStorage(c.Request().Context())
	return reply(c, phoneReply{phone.Number, phone.PureNumber, phone.CountryCode})
}

type sessionReply struct {
	User      string         `json:"user"`
	ExpiresIn *int64         `json:"expires_in,omitempty"` // none where a back end named the user: there is no session
	KeyStatus keyStatusReply `json:"key_status"`
	Next      app.Next       `json:"next"`
}

// keyStatusReply is what a client may know of its user's session key.
type keyStatusReply struct {
	State app.KeyState `json:"state"`
}

func (s *Server) session(c echo.Context) error {
	_, who, err := readCall(c, nil)
	if err != nil {
		return err
	}
	session, err := s.keeper.Session(c.Request().Context(), callerOf(c), who)
	if err != nil {
		return err
	}
	told := sessionReply{User: session.User.String(), KeyStatus: keyStatusReply{session.Key}, Next: session.Next}
	if session.ExpiresIn > 0 {
		left := seconds(session.ExpiresIn)
		told.ExpiresIn = &left
	}
	return reply(c, told)
}

func (s *Server) logout(c echo.Context) error {
	in, err := readFields(c, []string{"token"})
	if err != nil {
		return err
	}
	if err := s.keeper.Logout(c.Request().Context(), callerOf(c), in["token"]); err != nil {
		return err
	}
	return reply(c, nothing{})
}

// prefetch takes the code that WeChat's servers send when the mini program starts cold (数据预拉取): it may have replaced the
// user's key. The client finds the answer in wx.getBackgroundFetchData. What else stands in the query is for back ends that
// prepare data, and a query that is not well formed is no reason to lose the code.
func (s *Server) prefetch(c echo.Context) error {
	query := c.QueryParams()
	code, appid := query.Get("code"), query.Get("appid")
	switch {
	case code == "":
		return app.FailField(app.MissingParameter, "", "code")
	case appid != "" && appid != string(s.keeper.Appid()):
		return malformed("appid")
	}
	if err := s.keeper.Prefetch(c.Request().Context(), callerOf(c), code); err != nil {
		return err
	}
	return reply(c, nothing{})
}

const (
	loginPath       = "/login"
	getInfoPath     = "/getinfo"
	phoneNumberPath = "/phone"
	profilePath     = "/profile"
	avatarPath      = "/avatar"
	reportPath      = "/report"
	sessionPath     = "/session"
	logoutPath      = "/logout"
	prefetchPath    = "/prefetch"
	healthPath      = "/healthz"
	readyPath       = "/readyz"
)

// healthz says that the process lives, whatever the disk or WeChat do.
func (s *Server) healthz(c echo.Context) error { return reply(c, nothing{}) }

// readyz says whether requests can be served now.
func (s *Server) readyz(c echo.Context) error {
	if err := s.ready(c.Request().Context()); err != nil {
		return app.Fail(app.StorageUnavailable, "").Because(err)
	}
	s.noteStorage(c.Request().Context())
	return reply(c, nothing{})
}

//go:embed openapi.yaml
var openAPIDocument []byte

// documentAt is the document for whoever reaches us under a path.
func documentAt(base string) []byte {
	if base == "" {
		return openAPIDocument
	}
	return bytes.Replace(openAPIDocument, []byte("\n  - url: /\n"), []byte("\n  - url: "+base+"\n"), 1)
}

func (s *Server) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", s.document)
}

// seconds rounds down: a client must not believe in a token longer than we do.
func seconds(d time.Duration) int64 { return int64(d / time.Second) }
