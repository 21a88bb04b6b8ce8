package yardstick

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
)

// Options say what a yardstick serves.
type Options struct {
	Folder    string
	Users     int // that exist from the beginning
	Keeping   Keeping
	WeChatURL string
	Appid     string
	Secret    app.Secret
}

// Serve serves until the context ends. It calls started once requests are taken.
func Serve(ctx context.Context, options Options, started func(address string, flushes func() int64)) error {
	store, err := open(ctx, options)
	if err != nil {
		return err
	}
	defer store.close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 512
	weChat := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	s := &server{options: options, store: store, weChat: weChat, sessions: map[string]session{}}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.POST("/login/", s.login)
	e.POST("/getinfo/", s.getInfo)
	e.GET("/verify/", s.verify)
	web := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	started(listener.Addr().String(), store.disk.Flushes)
	select {
	case err = <-served:
	case <-ctx.Done():
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = web.Shutdown(ending)
		<-served
	}
	return err
}

type server struct {
	options Options
	store   *store
	weChat  *http.Client

	mu       sync.RWMutex
	sessions map[string]session // by token
}

// session is what a token stands for.
type session struct {
	openid string
	cipher cipher.Block
}

func (s *server) login(c echo.Context) error {
	var in struct{ Code string }
	if err := read(c, &in, func(form url.Values) { in.Code = form.Get("code") }); err != nil || in.Code == "" {
		return c.JSON(http.StatusBadRequest, failed)
	}
	openid, key, err := s.code2Session(c.Request().Context(), in.Code)
	if err != nil {
		return err
	}
	bytes, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(bytes)
	if err != nil {
		return err
	}
	random := make([]byte, 32)
	rand.Read(random)
	token := base64.RawURLEncoding.EncodeToString(random)
	if err := s.store.login(openid, key, token, time.Now().UnixMilli()); err != nil {
		return err
	}
	s.mu.Lock()
	s.sessions[token] = session{openid, block}
	s.mu.Unlock()
	return c.JSON(http.StatusOK, answer{Msg: "ok", Data: loggedIn{token, 2592000, openid}})
}

func (s *server) code2Session(ctx context.Context, code string) (openid, key string, err error) {
	query := url.Values{
		"appid": {s.options.Appid}, "secret": {s.options.Secret.Reveal()}, "js_code": {code}, "grant_type": {"authorization_code"},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.options.WeChatURL+"/sns/jscode2session?"+query.Encode(), nil)
	if err != nil {
		return "", "", err
	}
	response, err := s.weChat.Do(request)
	if err != nil {
		return "", "", errors.New("WeChat cannot be reached") // the cause names the URL, which holds the secret
	}
	defer response.Body.Close()
	var got struct {
		OpenID  string `json:"openid"`
		Key     string `json:"session_key"`
		Errcode int    `json:"errcode"`
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		return "", "", err
	}
	if got.Errcode != 0 {
		return "", "", errors.New("WeChat refuses the code")
	}
	return got.OpenID, got.Key, nil
}

func (s *server) getInfo(c echo.Context) error {
	var in struct{ Token, IV, EncryptedData string }
	err := read(c, &in, func(form url.Values) {
		in.Token, in.IV, in.EncryptedData = form.Get("token"), form.Get("iv"), form.Get("encryptedData")
	})
	if err != nil {
		return c.JSON(http.StatusBadRequest, failed)
	}
	holder, known := s.holder(in.Token)
	if !known {
		return c.JSON(http.StatusUnauthorized, failed)
	}
	var opened profile
	if err := unseal(holder.cipher, in.EncryptedData, in.IV, &opened); err != nil {
		return c.JSON(http.StatusConflict, failed)
	}
	if err := s.store.update(holder.openid, opened); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer{Msg: "ok", Data: info{
		opened.NickName, opened.AvatarURL, opened.Gender, opened.Language, opened.Province, opened.City, opened.Country,
	}})
}

func (s *server) holder(token string) (session, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	holder, known := s.sessions[token]
	return holder, known
}

func (s *server) verify(c echo.Context) error {
	holder, known := s.holder(strings.TrimPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer "))
	if !known {
		return c.NoContent(http.StatusUnauthorized)
	}
	c.Response().Header().Set("X-Wxkeeper-User", holder.openid)
	return c.NoContent(http.StatusNoContent)
}

// read reads a body of JSON into in, or a form by fill.
func read(c echo.Context, in any, fill func(url.Values)) error {
	if strings.HasPrefix(c.Request().Header.Get(echo.HeaderContentType), echo.MIMEApplicationJSON) {
		return json.NewDecoder(c.Request().Body).Decode(in)
	}
	form, err := c.FormParams()
	fill(form)
	return err
}

// unseal opens sealed data: base64, AES-128-CBC, padding, JSON.
func unseal(block cipher.Block, data, iv string, into any) error {
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return err
	}
	start, err := base64.StdEncoding.DecodeString(iv)
	if err != nil {
		return err
	}
	if len(start) != aes.BlockSize || len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return errUnsealed
	}
	cipher.NewCBCDecrypter(block, start).CryptBlocks(text, text)
	padding := int(text[len(text)-1])
	if padding == 0 || padding > aes.BlockSize {
		return errUnsealed
	}
	return json.Unmarshal(text[:len(text)-padding], into)
}

var errUnsealed = errors.New("not sealed under this key")

// profile is the payload.
type profile struct {
	NickName  string `json:"nickName"`
	Gender    int    `json:"gender"`
	Language  string `json:"language"`
	City      string `json:"city"`
	Province  string `json:"province"`
	Country   string `json:"country"`
	AvatarURL string `json:"avatarUrl"`
}

type answer struct {
	Status int    `json:"status"`
	Code   int    `json:"code"`
	Msg    string `json:"msg"`
	Data   any    `json:"data,omitempty"`
}

var failed = answer{Status: 1, Code: 1, Msg: "refused"}

type loggedIn struct {
	Token     string `json:"token"`
	ExpiresIn int    `json:"expires_in"`
	User      string `json:"user"`
}

type info struct {
	Name     string `json:"name"`
	Avatar   string `json:"avatar"`
	Gender   int    `json:"gender"`
	Language string `json:"language"`
	Province string `json:"province"`
	City     string `json:"city"`
	Country  string `json:"country"`
}
