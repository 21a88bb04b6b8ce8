package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
)

// wireFailure is how one kind of failure looks on the wire.
type wireFailure struct {
	code   int
	status int
	msg    string
}

// wireFailures is the error table of the contract. Internal is told apart from a failing disk by its status alone: the client
// cannot do more about it. NotFound, AlreadyExists and Forbidden are answers to operators; from the API they would be our own mistake.
var wireFailures = map[app.Kind]wireFailure{
	app.MissingParameter:       {1, http.StatusBadRequest, "缺少参数"},
	app.InvalidToken:           {2, http.StatusUnauthorized, "无效的token"},
	app.SealedDataUnopened:     {3, http.StatusConflict, "会话密钥已失效，请重新登录"},
	app.InvalidCode:            {4, http.StatusBadRequest, "登录凭证code无效"},
	app.Malformed:              {5, http.StatusBadRequest, "参数格式错误"},
	app.TooManyRequests:        {6, http.StatusTooManyRequests, "请求过于频繁"},
	app.WeChatUnavailable:      {7, http.StatusServiceUnavailable, "微信服务暂不可用"},
	app.BlockedByWeChat:        {8, http.StatusForbidden, "登录被微信拒绝"},
	app.UserDisabled:           {9, http.StatusForbidden, "账号已停用"},
	app.Misconfigured:          {10, http.StatusBadGateway, "服务配置错误"},
	app.BodyTooLarge:           {11, http.StatusRequestEntityTooLarge, "请求体过大"},
	app.StorageUnavailable:     {12, http.StatusServiceUnavailable, "存储暂不可用"},
	app.UnknownPath:            {13, http.StatusNotFound, "路径不存在"},
	app.MethodNotAllowed:       {14, http.StatusMethodNotAllowed, "方法不支持"},
	app.UnsupportedContentType: {15, http.StatusUnsupportedMediaType, "不支持的内容类型"},
	app.Internal:               {12, http.StatusInternalServerError, "存储暂不可用"},
	app.NotFound:               {12, http.StatusInternalServerError, "存储暂不可用"},
	app.AlreadyExists:          {12, http.StatusInternalServerError, "存储暂不可用"},
	app.Forbidden:              {12, http.StatusInternalServerError, "存储暂不可用"},
}

// msgOf is the msg of a failure: that of its kind, but where a call has words of its own for it.
func msgOf(failure *app.Error) string {
	switch failure.Reason {
	case app.PhoneCodeInvalid, app.PhoneLoginCode, app.PhoneOtherUser:
		if failure.Kind == app.InvalidCode {
			return "手机号凭证code无效"
		}
	case app.ProfileAvatarLocal:
		return "avatarUrl是临时路径，请先上传到/avatar/"
	case app.AvatarRefused:
		return "不是可用的图片"
	}
	return wireFailures[failure.Kind].msg
}

// callersFault says whether the failure counts against the caller's address.
func (f wireFailure) callersFault() bool {
	return f.status < http.StatusInternalServerError && f.status != http.StatusTooManyRequests
}

// hasJustEnded says whether a token was good until this call, which it is told once: nobody guessed. After everybody was made to log in
// again, a thousand phones behind one address are told so within a minute.
func hasJustEnded(reason app.Reason) bool {
	return reason == app.DeviceForced || reason == app.DeviceIdle || reason == app.DeviceMaxAge
}

type nothing struct{}

type successReply struct {
	Status int    `json:"status"`
	Code   int    `json:"code"`
	Msg    string `json:"msg"`
	Data   any    `json:"data"`
}

type failureReply struct {
	Status    int           `json:"status"`
	Code      int           `json:"code"`
	Msg       string        `json:"msg"`
	RequestID app.RequestID `json:"request_id"`
}

func reply(c echo.Context, data any) error {
	return writeJSON(c, http.StatusOK, successReply{Msg: "ok", Data: data})
}

// writeJSON encodes before it writes, so that no half answer leaves with a good status, and leaves <, > and & as they came.
func writeJSON(c echo.Context, status int, answer any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return c.Blob(status, "application/json; charset=utf-8", body.Bytes())
}

// answerFailure is Echo's HTTPErrorHandler: every failure is logged, counted and answered here.
func (s *Server) answerFailure(err error, c echo.Context) {
	if c.Response().Committed {
		return // the client has gone while the answer was being written
	}
	failure, caller := failureOf(err), callerOf(c)
	wire := wireFailures[failure.Kind]
	s.logFailure(c, err, wire)
	if failure.Kind == app.BodyTooLarge {
		s.limits.Add(app.LimitBody, 1)
	}
	if wire.callersFault() && !s.spared(c) && !hasJustEnded(failure.Reason) {
		s.failures.count(caller.Client.Address, caller.At)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) { // who was too slow once is not waited for again
		drain(c)
	}
	setRetryAfter(c, failure)
	// A client that no longer reads is nobody's failure.
	_ = writeJSON(c, s.statusOf(c, wire), failureReply{wire.code, wire.code, msgOf(failure), caller.RequestID})
}

// failureOf gives an error its Kind; Echo's own errors are its router's.
func failureOf(err error) *app.Error {
	var failure *app.Error
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &failure):
		return failure
	case errors.As(err, &routing) && routing.Code == http.StatusNotFound:
		return app.Fail(app.UnknownPath, "")
	case errors.As(err, &routing) && routing.Code == http.StatusMethodNotAllowed:
		return app.Fail(app.MethodNotAllowed, "")
	}
	return app.Fail(app.Internal, "").Because(err)
}

// logFailure tells the operator what the client is not told; what was the caller's own doing, for debugging only, and of failing
// storage the first request alone. The route stands for the address, which may hold anything.
func (s *Server) logFailure(c echo.Context, err error, wire wireFailure) {
	ctx, level := c.Request().Context(), slog.LevelError
	gone := ctx.Err() != nil && errors.Is(err, context.Canceled)
	if wire.status < http.StatusInternalServerError || gone {
		level = slog.LevelDebug
	}
	if level == slog.LevelError && app.KindOf(err) == app.StorageUnavailable && !s.storageFailing.CompareAndSwap(false, true) {
		level = slog.LevelDebug // it was told already
	}
	s.log.LogAttrs(ctx, level, "request failed",
		slog.String("request_id", string(callerOf(c).RequestID)),
		slog.String("route", c.Path()),
		slog.Int("code", wire.code),
		slog.String("reason", string(app.ReasonOf(err))),
		slog.String("error", err.Error()))
}

// noteStorage is called when something was stored: the operator who was told that the storage fails learns that it is well again.
func (s *Server) noteStorage(ctx context.Context) {
	if s.storageFailing.Load() && s.ready(ctx) == nil && s.storageFailing.CompareAndSwap(true, false) {
		s.log.InfoContext(ctx, "the storage works again")
	}
}

// setRetryAfter says when to come again, where that is known; with TooManyRequests always.
func setRetryAfter(c echo.Context, failure *app.Error) {
	if failure.Kind == app.TooManyRequests || failure.RetryAfter > 0 {
		wait := max(1, math.Ceil(failure.RetryAfter.Seconds()))
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.FormatInt(int64(wait), 10))
	}
}

// statusOf gives the status as it is to whoever looks at nothing else: probes, front doors that let people in by it, and WeChat.
func (s *Server) statusOf(c echo.Context, wire wireFailure) int {
	switch strings.TrimSuffix(c.Request().URL.Path, "/") {
	case healthPath, readyPath, verifyPath, introspectPath, pushPath:
		return wire.status
	}
	if s.status200 {
		return http.StatusOK
	}
	return wire.status
}

// recoverPanics turns a panic into a failure like any other, with the stack in the log.
func recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
			}
		}()
		return next(c)
	}
}
