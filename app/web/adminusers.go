package web

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
	"wxkeeper/views"
)

// How many who match a filter are counted, at most: for the list at a glance, and before they are all made to log in again.
const (
	usersCounted     = 1_000
	usersCountedOnce = 20_000
)

var pageSizes = []int{50, 20, 100} // the first is what is shown unless another is asked for

func (d *Dashboard) usersPage(v *visit) error {
	asked := userQuery(v.QueryParams())
	filter, problem := d.userFilter(asked)
	asked.State = string(filter.KeyState)
	listing := d.Keeper.UserListing(filter, v.operator.Role)
	listing.Order, listing.After, listing.Limit = app.UserOrder(asked.Order), asked.Cursor, asked.Size
	read, ctx := d.Store.Read(), v.context()
	found, err := read.ListUsers(ctx, listing)
	if err != nil {
		return err
	}
	count, err := d.userCounts.count(ctx, read, listing, v.operator.Role)
	if err != nil {
		return err
	}
	everyone, err := read.CountUsers(ctx, d.Keeper.AppID())
	if err != nil {
		return err
	}
	page := views.UsersPage{
		Frame: v.frame(v.text.T("users.title"), views.SectionUsers), Asked: asked, Total: count.Users, More: count.More,
		Next: found.Next, Stopped: found.Stopped, Everyone: everyone, Users: d.foundUsers(v.now(), found.Users),
	}
	if problem != "" {
		page.Flash = append(page.Flash, views.Flash{Kind: views.ToneWarn, Text: v.text.T("users.badFilter", "filter", problem)})
	}
	return v.page(views.Users(page))
}

func (d *Dashboard) foundUsers(now time.Time, users []db.ListedUser) []views.FoundUser {
	found := make([]views.FoundUser, len(users))
	for i, user := range users {
		found[i].User = user.User
		if user.Key.ID != 0 {
			found[i].Freshness = user.Key.Freshness(now, d.Keeper.Settings().KeyAging)
		}
	}
	return found
}

// userQuery reads what is asked for in an address.
func userQuery(values url.Values) views.UserQuery {
	size, _ := strconv.Atoi(values.Get("size"))
	if !slices.Contains(pageSizes, size) {
		size = pageSizes[0]
	}
	order := values.Get("order")
	if order != string(app.ByFirstSeen) {
		order = ""
	}
	return views.UserQuery{
		Search: strings.TrimSpace(values.Get("q")), State: values.Get("state"),
		SeenFrom: values.Get("seen_from"), SeenTo: values.Get("seen_to"), NewFrom: values.Get("new_from"), NewTo: values.Get("new_to"),
		Version: strings.TrimSpace(values.Get("version")), Device: values.Get("device"), Disabled: values.Get("disabled") == "1",
		Order: order, Size: size, Cursor: values.Get(views.CursorParameter),
	}
}

// longestFilterText bounds what is looked for.
const longestFilterText = 200

// userFilter is what a query means. Dates are days in the dashboard's time zone, the last one included. A part that means nothing
// is left out and named.
func (d *Dashboard) userFilter(asked views.UserQuery) (filter app.UserFilter, problem string) {
	filter = app.UserFilter{
		Search: asked.Search, KeyState: app.KeyState(asked.State), Version: asked.Version, Platform: app.Platform(asked.Device),
		Disabled: asked.Disabled,
	}
	if len(filter.Search) > longestFilterText {
		filter.Search = strings.ToValidUTF8(filter.Search[:longestFilterText], "")
	}
	for _, day := range []struct {
		text string
		days int
		to   *time.Time
	}{
		{asked.SeenFrom, 0, &filter.SeenFrom}, {asked.SeenTo, 1, &filter.SeenTo},
		{asked.NewFrom, 0, &filter.NewFrom}, {asked.NewTo, 1, &filter.NewTo},
	} {
		if day.text == "" {
			continue
		}
		at, err := time.ParseInLocation(time.DateOnly, day.text, d.Location)
		if err != nil {
			problem = day.text
			continue
		}
		*day.to = at.AddDate(0, 0, day.days)
	}
	if filter.KeyState != "" && !slices.Contains(app.KeyStates(), filter.KeyState) {
		filter.KeyState, problem = "", asked.State
	}
	return filter, problem
}

// queryAsked is the filter of a query as it was asked, whether or not it is understood.
func queryAsked(query url.Values) string {
	maps.DeleteFunc(query, func(name string, values []string) bool {
		return slices.Contains([]string{"order", "size", views.CursorParameter}, name) || strings.Join(values, "") == ""
	})
	return query.Encode()
}

// usersCSV writes the list as a file. It goes out page by page, so that its length costs no memory.
func (d *Dashboard) usersCSV(v *visit) error {
	filter, problem := d.userFilter(userQuery(v.QueryParams()))
	if problem != "" {
		return app.FailField(app.Malformed, "", problem) // a file that leaves a filter out would be the wrong file
	}
	order := keeper.Order{Operator: v.operator.Name, Reason: v.text.T("users.export.reason")}
	return d.sendCSV(v, "users", func(to io.Writer, between func() error) error {
		return d.Keeper.ExportUsers(v.Request().Context(), order, filter, v.operator.Role, to, between)
	})
}

// sendCSV sends what export writes as a file. Export calls between after each part of it, and ends where that fails.
func (d *Dashboard) sendCSV(v *visit, name string, export func(to io.Writer, between func() error) error) error {
	switch v.Request().Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return app.Fail(app.Forbidden, "") // another site's link would export in the operator's name
	}
	header, connection := v.Response().Header(), http.NewResponseController(v.Response().Writer)
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	header.Set(echo.HeaderContentDisposition,
		`attachment; filename="`+name+`-`+v.now().In(d.Location).Format("20060102-1504")+`.csv"`)
	// Where the connection has no deadline, as in tests without one, there is none to move.
	between := func() error {
		_ = connection.SetWriteDeadline(time.Now().Add(writeTimeout))
		v.Response().Flush()
		return v.Request().Context().Err()
	}
	err := export(v.Response(), between)
	if err != nil && v.Response().Committed {
		d.logFailure(v.Context, err, http.StatusInternalServerError)
		panic(http.ErrAbortHandler) // a file that ends early must not look whole
	}
	return err
}

// reloginMany forces a new login of those ticked, or of all who match a filter: then it asks once more where they are many.
func (d *Dashboard) reloginMany(v *visit) error {
	form, err := v.values()
	if err != nil {
		return err
	}
	if form.Get("all") != "1" {
		return d.reloginTicked(v, form)
	}
	query, err := url.ParseQuery(form.Get("filter"))
	if err != nil {
		return app.FailField(app.Malformed, "", "filter")
	}
	asked := userQuery(query)
	filter, problem := d.userFilter(asked)
	switch {
	case problem != "" || asked.Encode() != queryAsked(query):
		return app.FailField(app.Malformed, "", "filter") // what is not understood must not widen the choice
	case filter == (app.UserFilter{}) && !v.operator.Role.Allows(app.RoleAdmin):
		return app.Fail(app.Forbidden, "") // as for everybody at once
	}
	count, err := d.Store.Read().CountUsersUpTo(v.context(), d.Keeper.UserListing(filter, v.operator.Role), usersCountedOnce)
	if err != nil {
		return err
	}
	page := views.BulkPage{
		Frame: v.frame(v.text.T("relogin.many"), views.SectionUsers), Asked: asked, Expected: count.Users, More: count.More,
		Reason: form.Get("reason"), ReasonWords: form.Get("reason_text"),
	}
	order := v.orderOf(form)
	told, unread := strconv.ParseInt(form.Get("expected"), 10, 64)
	switch typed, needed := form.Get("confirmation"), strconv.FormatInt(count.Users, 10); {
	case form.Get("expected") == "": // the first time they are counted
		return v.page(views.Bulk(page))
	case unread != nil || count.Users > told:
		page.Error = v.text.T("relogin.more")
	case order.Reason == "":
		page.Error = v.text.T("relogin.noReason")
	case count.Users > views.BulkTypedAbove && typed != needed:
		page.Error = v.text.T("relogin.wrong")
	}
	if page.Error != "" {
		return v.pageWith(http.StatusUnprocessableEntity, views.Bulk(page))
	}
	return d.startBulk(v, order, app.Selection{Filter: &filter}, count.Users)
}

func (d *Dashboard) reloginTicked(v *visit, form url.Values) error {
	var selection app.Selection
	for _, text := range form["user"] {
		number, err := parseNumber(text)
		if err != nil {
			return err
		}
		selection.Numbers = append(selection.Numbers, number)
	}
	order, back := v.orderOf(form), usersPath+"?"+form.Get("filter")
	switch {
	case len(selection.Numbers) == 0:
		return v.refuse("relogin.none", back)
	case len(selection.Numbers) > slices.Max(pageSizes):
		return v.refuse("relogin.tooMany", back)
	case order.Reason == "":
		return v.refuse("relogin.noReason", back)
	}
	return d.startBulk(v, order, selection, int64(len(selection.Numbers)))
}

func (d *Dashboard) startBulk(v *visit, order keeper.Order, selection app.Selection, expected int64) error {
	id, err := d.Keeper.StartBulkRelogin(v.context(), order, selection, int(expected))
	switch app.KindOf(err) {
	case app.Malformed:
		return v.refuse("relogin.tooMany", usersPath)
	case app.TooManyRequests:
		return v.refuse("jobs.full", "/admin/jobs")
	}
	if err != nil {
		return err
	}
	return v.goTo(views.JobAddress(id))
}

// reloginAll ends every session of the mini program with its next request.
func (d *Dashboard) reloginAll(v *visit) error {
	form, err := v.form("confirmation", "reason", "reason_text")
	if err != nil {
		return err
	}
	order := v.order(form)
	switch {
	case form["confirmation"] != string(d.Keeper.Appid()):
		return v.refuse("users.everybody.wrong", usersPath)
	case order.Reason == "":
		return v.refuse("relogin.noReason", usersPath)
	}
	if err := d.Keeper.ForceReloginOfAll(v.context(), order); err != nil {
		return err
	}
	if err := v.say(views.ToneGood, v.text.T("users.everybody.done")); err != nil {
		return err
	}
	return v.goTo(usersPath)
}

// parseNumber reads a user number as an address or a form holds it.
func parseNumber(text string) (app.UserNumber, error) {
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil || app.UserNumber(number).String() != text {
		return 0, app.Fail(app.NotFound, "")
	}
	return app.UserNumber(number), nil
}
