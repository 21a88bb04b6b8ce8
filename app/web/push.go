package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const pushPath = "/wechat/push"

// shakeHands answers the check that WeChat makes when our address is entered in its back office.
func (s *Server) shakeHands(c echo.Context) error {
	echostr, err := s.push.Handshake(c.QueryParams())
	if err != nil {
		return err
	}
	return c.String(http.StatusOK, echostr)
}

// takePushed takes a message. WeChat says nothing reliable about its type.
func (s *Server) takePushed(c echo.Context) error {
	body, err := readBody(c)
	if err != nil {
		return err
	}
	caller := callerOf(c)
	message, err := s.push.Open(c.QueryParams(), body, caller.At)
	if err != nil {
		return err
	}
	if err := s.keeper.Pushed(c.Request().Context(), caller, message); err != nil {
		return err
	}
	return c.String(http.StatusOK, "success")
}

// answerWeChat answers failures with a status and its name: WeChat reads no JSON of ours, and sends again whatever is not
// taken. Nothing here counts against an address, since all of WeChat's messages come from few, and each is signed.
func (s *Server) answerWeChat(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if err == nil || c.Response().Committed {
			return err
		}
		var problem wechat.PushProblem
		if errors.As(err, &problem) {
			s.keeper.NoteBadPush(callerOf(c), problem)
		}
		wire := pushFailureOf(err)
		s.logFailure(c, err, wire)
		drain(c)
		return c.String(wire.status, http.StatusText(wire.status))
	}
}

// pushFailureOf tells whether WeChat should send again: what was wrong with the message stays wrong.
func pushFailureOf(err error) wireFailure {
	var problem wechat.PushProblem
	switch kind := app.KindOf(err); {
	case errors.As(err, &problem):
		return wireFailure{status: http.StatusForbidden}
	case kind == app.BodyTooLarge || kind == app.Malformed:
		return wireFailures[kind]
	}
	return wireFailures[app.StorageUnavailable]
}
