package web

import (
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/backend"
	"wxkeeper/app/keeper"
)

const backEndKey = "wxkeeper.backend"

// backEndOf is the back end whose credentials a request has shown; none for anybody else's.
func backEndOf(c echo.Context) (app.BackEnd, bool) {
	known, ok := c.Get(backEndKey).(app.BackEnd)
	return known, ok
}

// admitBackEnd lets a back end in by its credentials (HTTP Basic, RFC 7617). Whoever comes without any is nobody's back end and
// goes on; wrong ones are a failure like any other, so that whoever guesses has to wait. What good ones bring is limited by
// back end, not by address.
func (s *Server) admitBackEnd(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !comesAsBackEnd(c.Request()) {
			return next(c)
		}
		name, secret, _ := c.Request().BasicAuth()
		known, err := s.backEnds.Authenticate(c.Request().Context(), s.keeper.AppID(), name, app.BackEndSecret{Secret: app.Secret(secret)})
		switch {
		case app.KindOf(err) == app.InvalidToken:
			return s.refuseBackEnd(c, err)
		case err != nil:
			return err
		}
		c.Set(backEndKey, known)
		if wait := s.backEnds.Wait(known); wait > 0 {
			s.backEnds.Note(known, s.keeper.AppID(), backend.CountRefused)
			s.keeper.NoteFailure(callerOf(c), app.BackEndLimited, "")
			s.limits.Add(app.LimitBackEnd, 1)
			return app.Fail(app.TooManyRequests, app.BackEndLimited).After(wait)
		}
		err = next(c)
		asked := path.Base(c.Path())
		if err != nil {
			asked = backend.CountRefused
		}
		s.backEnds.Note(known, s.keeper.AppID(), asked)
		return err
	}
}

func comesAsBackEnd(request *http.Request) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(request.Header.Get(echo.HeaderAuthorization)), " ")
	return strings.EqualFold(scheme, "Basic")
}

// refuseBackEnd turns unknown credentials away, or an address that has tried too many.
func (s *Server) refuseBackEnd(c echo.Context, err error) error {
	caller := callerOf(c)
	s.keeper.NoteFailure(caller, app.BackEndUnknown, "")
	if wait := s.failures.wait(caller.Client.Address, caller.At); wait > 0 {
		s.limits.Add(app.LimitAddress, 1)
		return app.Fail(app.TooManyRequests, app.BackEndUnknown).After(wait)
	}
	return challengeBackEnd(c, err)
}

// challengeBackEnd adds what HTTP demands of a 401.
func challengeBackEnd(c echo.Context, err error) error {
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="wxkeeper", charset="UTF-8"`)
	return err
}

// backEndsOnly refuses whoever has shown no credentials.
func backEndsOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, known := backEndOf(c); !known {
			return challengeBackEnd(c, app.Fail(app.InvalidToken, ""))
		}
		return next(c)
	}
}

// readCall reads the parameters of a call about one user, and who that is: by the token or, where a back end asks, also by
// openid or user number, of which it gives one.
func readCall(c echo.Context, required []string, optional ...string) (fields, keeper.Who, error) {
	if _, known := backEndOf(c); !known {
		in, err := readFields(c, append([]string{"token"}, required...), optional...)
		return in, keeper.ByToken(in["token"]), err
	}
	in, err := readFields(c, required, append([]string{"token", "openid", "user"}, optional...)...)
	if err != nil {
		return nil, keeper.Who{}, err
	}
	who, err := namedBy(in)
	return in, who, err
}

func namedBy(in fields) (keeper.Who, error) {
	switch {
	case in["token"] == "" && in["openid"] == "" && in["user"] == "":
		return keeper.Who{}, app.FailField(app.MissingParameter, "", "openid")
	case in["openid"] == "" && in["user"] == "":
		return keeper.ByToken(in["token"]), nil
	case in["token"] != "" || in["openid"] != "" && in["user"] != "":
		return keeper.Who{}, malformed("openid") // whichever was meant, the other would be ignored
	case in["openid"] != "":
		return keeper.ByOpenID(app.OpenID(in["openid"])), nil
	}
	number, err := strconv.ParseUint(in["user"], 10, 31)
	if err != nil || app.UserNumber(number).String() != in["user"] {
		return keeper.Who{}, malformed("user")
	}
	return keeper.ByNumber(app.UserNumber(number)), nil
}
