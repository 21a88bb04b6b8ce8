package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

const (
	uploadsBytes     = 32 << 20 // of all uploads that are read or made small
	uploadsOfAddress = 4        // at a time, from one address; one more is to come again
	uploadRetry      = time.Second
	reportsPerMinute = 60 // from one address
)

var profileFields = []string{"nickName", "avatarUrl", "gender", "language", "city", "province", "country"}

func (s *Server) profile(c echo.Context) error {
	in, err := readFields(c, []string{"token"}, profileFields...)
	if err != nil {
		return s.unreadable(c, app.ProfileRefused, err)
	}
	stored, err := s.keeper.SetProfile(c.Request().Context(), callerOf(c), in["token"], keeper.ProfileFields{
		Nickname: in["nickName"], AvatarURL: in["avatarUrl"], Gender: in["gender"], Language: in["language"], City: in["city"],
		Province: in["province"], Country: in["country"],
	})
	if err != nil {
		return err
	}
	s.noteStorage(c.Request().Context())
	return reply(c, openedReply(stored))
}

type avatarReply struct {
	AvatarURL string `json:"avatarUrl"`
}

func (s *Server) uploadAvatar(c echo.Context) error {
	connection := http.NewResponseController(c.Response().Writer)
	one, begun := s.uploads.begin(callerOf(c).Client.Address, func() {
		_ = connection.SetReadDeadline(time.Now()) // where there is no connection, as in tests, nobody waits for it
	})
	if !begun {
		return s.comeAgain(nil)
	}
	defer one.end()
	in, file, err := readUpload(c, one)
	if err != nil && one.wasStopped() {
		return s.comeAgain(err)
	}
	if err != nil {
		return s.unreadable(c, app.AvatarRefused, err)
	}
	base := s.proxies.addressOf(s.publicURL, c.Request(), avatarPath+"/")
	address, err := s.keeper.StoreAvatar(c.Request().Context(), callerOf(c), in["token"], file, base)
	if err != nil {
		return err
	}
	s.noteStorage(c.Request().Context())
	return reply(c, avatarReply{address})
}

// comeAgain refuses an upload that may be sent again soon.
func (s *Server) comeAgain(cause error) error {
	s.limits.Add(app.LimitUploads, 1)
	return app.Fail(app.TooManyRequests, "").After(uploadRetry).Because(cause)
}

func (s *Server) avatar(c echo.Context) error {
	file, err := s.keeper.Avatar(c.Request().Context(), strings.TrimSuffix(c.Param("name"), "/"))
	return showAvatar(c, file, err)
}

// showAvatar answers with a picture. It never changes under its name, and nobody may make anything of it but a picture.
func showAvatar(c echo.Context, file []byte, err error) error {
	if app.KindOf(err) == app.NotFound {
		return app.Fail(app.UnknownPath, "")
	}
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "public, max-age=31536000, immutable")
	header.Set(echo.HeaderContentSecurityPolicy, "default-src 'none'; sandbox")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return c.Blob(http.StatusOK, keeper.AvatarType, file)
}

// report takes what a client says went wrong inside WeChat. Every report counts against its address, good or bad.
func (s *Server) report(c echo.Context) error {
	caller := callerOf(c)
	if wait := s.reports.wait(caller.Client.Address, caller.At); wait > 0 {
		s.limits.Add(app.LimitReports, 1)
		return app.Fail(app.TooManyRequests, "").After(wait)
	}
	s.reports.count(caller.Client.Address, caller.At)
	in, err := readFields(c, []string{"api"}, "token", "errno", "errMsg")
	if err != nil {
		return err
	}
	failure := app.ClientFailure{API: in["api"], Errno: in["errno"], Message: in["errMsg"]}
	if err := s.keeper.Report(c.Request().Context(), caller, in["token"], failure); err != nil {
		return err
	}
	return reply(c, nothing{})
}
