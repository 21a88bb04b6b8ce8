package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Users works on users.
type Users struct {
	Export   UsersExport   `cmd:"" help:"Write all users to standard output, phone numbers in clear; with --user everything about one."`
	Import   UsersImport   `cmd:"" help:"Move users in from another system, from CSV or one JSON object a line; what users export writes is read too."`
	Relogin  UsersRelogin  `cmd:"" help:"Force a new login: the sessions end with their next request, and the mini program logs in again by itself."`
	Check    UsersCheck    `cmd:"" help:"Ask WeChat whether session keys are good."`
	Reset    UsersReset    `cmd:"" help:"Have WeChat replace session keys: the old one dies at once, the new one keeps its end."`
	Erase    UsersErase    `cmd:"" help:"Delete a user and everything about them. It cannot be undone."`
	Withdraw UsersWithdraw `cmd:"" help:"Do what WeChat's daily list of withdrawn consent demands (CSV with OpenID and RevokeInfo)."`
}

// UsersExport writes users.
type UsersExport struct {
	Format string `enum:"jsonl,csv" default:"jsonl" help:"jsonl: one JSON object a line. csv: for a spreadsheet."`
	User   string `placeholder:"NUMBER" help:"User number of the one person to export, with devices, keys' dates and events."`
	Reason string `help:"Why, for the audit log; needed with --user."`
	appFlag
	config.Store
}

// Run writes all users, or everything about one.
func (c *UsersExport) Run(ctx context.Context, env config.Env, std Streams) error {
	if c.User == "" {
		return withData(ctx, c.Store, env, func(store *db.DB, ring *db.KeyRing) error {
			return keeper.Export(ctx, store, ring, keeper.Format(c.Format), std.Out)
		})
	}
	number, err := userNumber(c.User)
	if err != nil {
		return err
	}
	return c.withKeeper(ctx, c.Store, env, std, func(k *keeper.Keeper) error {
		return nobody(k.ExportUser(ctx, order(c.Reason), app.RoleAdmin, number, std.Out), number)
	})
}

// whom says which users a command is about.
type whom struct {
	User   string `xor:"whom" required:"" placeholder:"NUMBER" help:"User number of the one user."`
	All    bool   `xor:"whom" required:"" help:"Everybody."`
	Reason string `required:"" help:"Why, for the audit log."`
	State  string `enum:",new,confirmed,aging,suspect,dead" default:"" help:"With --all: only users whose session key is in this state."`
	agingFlag
}

// agingFlag says when a key comes of age.
type agingFlag struct {
	KeyAging time.Duration `env:"WXKEEPER_KEY_AGING" default:"24h" help:"A session key unconfirmed for so long counts as aging."`
}

// everybody visits all users, or those in the state asked for.
func (w whom) everybody(ctx context.Context, k *keeper.Keeper, visit func(app.UserNumber) error) error {
	if w.State == "" {
		return k.EachUser(ctx, visit)
	}
	return k.EachUserInState(ctx, app.KeyState(w.State), w.KeyAging, visit)
}

// UsersRelogin forces new logins.
type UsersRelogin struct {
	whom
	appFlag
	config.Store
}

// Run forces new logins.
func (c *UsersRelogin) Run(ctx context.Context, env config.Env, std Streams) error {
	return c.withKeeper(ctx, c.Store, env, std, func(k *keeper.Keeper) error {
		if c.All && c.State != "" {
			return c.some(ctx, k, std)
		}
		if c.All {
			err := k.ForceReloginOfAll(ctx, order(c.Reason))
			return told(std.Out, err, "Everybody logs in again with their next request.\n")
		}
		number, err := userNumber(c.User)
		if err != nil {
			return err
		}
		sessions, err := k.ForceRelogin(ctx, order(c.Reason), number)
		return told(std.Out, nobody(err, number), "User %s logs in again with the next request on each of %d devices.\n", number, sessions)
	})
}

// some forces new logins of the users in a state, each effective at once.
func (c *UsersRelogin) some(ctx context.Context, k *keeper.Keeper, std Streams) error {
	done := 0
	err := c.everybody(ctx, k, func(number app.UserNumber) error {
		_, err := k.ForceRelogin(ctx, order(c.Reason), number)
		if app.KindOf(err) == app.NotFound {
			return nil // erased meanwhile
		}
		done++
		return err
	})
	return told(std.Out, err, "%d users log in again with their next request.\n", done)
}

// paced is how fast a command over everybody may go.
type paced struct {
	PerMinute int `default:"300" help:"With --all: how many users a minute. WeChat has quotas."`
}

// UsersCheck asks WeChat about session keys.
type UsersCheck struct {
	whom
	paced
	config.Office
}

// Run asks WeChat about one key or all.
func (c *UsersCheck) Run(ctx context.Context, env config.Env, std Streams) error {
	return withOffice(ctx, c.Office, env, std, func(k *keeper.Keeper) error {
		return c.each(ctx, k, std, c.PerMinute, k.CheckNow)
	})
}

// UsersReset has WeChat replace session keys.
type UsersReset struct {
	whom
	paced
	config.Office
}

// Run resets one key or all.
func (c *UsersReset) Run(ctx context.Context, env config.Env, std Streams) error {
	return withOffice(ctx, c.Office, env, std, func(k *keeper.Keeper) error {
		return c.each(ctx, k, std, c.PerMinute, k.Reset)
	})
}

// asking is a question to WeChat about one user.
type asking func(context.Context, keeper.Order, app.UserNumber) (keeper.Verdict, error)

// each asks about the one user, or about all of them with progress from time to time. Stopped half way, what is done stays done.
func (w whom) each(ctx context.Context, k *keeper.Keeper, std Streams, perMinute int, ask asking) error {
	if !w.All {
		number, err := userNumber(w.User)
		if err != nil {
			return err
		}
		verdict, err := ask(ctx, order(w.Reason), number)
		if err := told(std.Out, nobody(err, number), "User %s: %s.\n", number, inWords(verdict)); err != nil {
			return err
		}
		if verdict.State == "" {
			return errors.New("WeChat gave no verdict: try again later")
		}
		return nil
	}
	if perMinute < 1 {
		return errors.New("--per-minute is 1 at least")
	}
	pace := rate.NewLimiter(rate.Limit(float64(perMinute)/60), 1)
	counts := tally{}
	err := w.everybody(ctx, k, func(number app.UserNumber) error {
		if err := pace.Wait(ctx); err != nil {
			return err
		}
		verdict, err := ask(ctx, order(w.Reason), number)
		if err != nil && app.KindOf(err) != app.TooManyRequests && app.KindOf(err) != app.NotFound {
			return err
		}
		counts.add(verdict, err)
		if verdict.Errcode == wechat.ErrcodeDayQuota || counts.inVain >= stopAfter {
			return fmt.Errorf("WeChat gives no answers any more (%s %d): go on later", verdict.Problem, verdict.Errcode)
		}
		if counts.done%100 == 0 {
			fmt.Fprintln(std.Out, counts)
		}
		return nil
	})
	fmt.Fprintln(std.Out, counts)
	if ctx.Err() != nil {
		return errors.New("stopped; what is done stays done")
	}
	return err
}

// tally counts verdicts.
type tally struct {
	done, good, dead, unanswered, leftOut int
	inVain                                int // unanswered in a row
}

// stopAfter is how many questions in a row WeChat may leave unanswered.
const stopAfter = 10

func (t *tally) add(verdict keeper.Verdict, err error) {
	t.done++
	t.inVain++
	if err != nil || verdict.State != "" {
		t.inVain = 0
	}
	switch {
	case err != nil:
		t.leftOut++
	case verdict.State == app.KeyConfirmed:
		t.good++
	case verdict.State == app.KeyDead:
		t.dead++
	default:
		t.unanswered++
	}
}

// String is a line of progress.
func (t tally) String() string {
	return fmt.Sprintf("%d users: %d keys good, %d dead, %d without an answer, %d left out", t.done, t.good, t.dead, t.unanswered, t.leftOut)
}

func inWords(verdict keeper.Verdict) string {
	switch verdict.Reason {
	case app.KeyConfirmedWeChat:
		return "WeChat says the key is good"
	case app.KeyFoundDead:
		return fmt.Sprintf("WeChat says the key is not valid (%d); the next login heals", verdict.Errcode)
	case app.KeyTakenElsewhere:
		return fmt.Sprintf("the key was good a moment ago and is dead now (%d): perhaps another server exchanges codes for this user", verdict.Errcode)
	case app.KeyReset:
		return "the key was reset"
	case app.KeyResetRefused:
		return fmt.Sprintf("WeChat refused the reset (%s %d); users relogin does the same for the user", verdict.Problem, verdict.Errcode)
	default:
		return fmt.Sprintf("could not be checked (%s %d)", verdict.Problem, verdict.Errcode)
	}
}

// UsersErase deletes a user.
type UsersErase struct {
	User   string `required:"" placeholder:"NUMBER" help:"User number."`
	Reason string `required:"" help:"Why, for the audit log."`
	appFlag
	config.Store
}

// Run deletes a user.
func (c *UsersErase) Run(ctx context.Context, env config.Env, std Streams) error {
	number, err := userNumber(c.User)
	if err != nil {
		return err
	}
	return c.withKeeper(ctx, c.Store, env, std, func(k *keeper.Keeper) error {
		return told(std.Out, nobody(k.Erase(ctx, order(c.Reason), number), number), "User %s is erased.\n", number)
	})
}

// UsersWithdraw imports withdrawals.
type UsersWithdraw struct {
	File string `arg:"" type:"existingfile" help:"The list."`
	appFlag
	config.Store
}

// Run imports withdrawals.
func (c *UsersWithdraw) Run(ctx context.Context, env config.Env, std Streams) error {
	list, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer list.Close()
	return c.withKeeper(ctx, c.Store, env, std, func(k *keeper.Keeper) error {
		result, err := k.ImportWithdrawals(ctx, list)
		if err != nil {
			return err
		}
		for _, refused := range result.Refused {
			fmt.Fprintln(std.Err, refused)
		}
		if len(result.Refused) > 0 {
			return fmt.Errorf("%d of %d lines could not be read", len(result.Refused), result.Lines)
		}
		return told(std.Out, nil, "%d lines were followed.\n", result.Lines)
	})
}

func order(reason string) keeper.Order {
	return keeper.Order{Operator: app.CommandLine, Reason: reason}
}

func userNumber(text string) (app.UserNumber, error) {
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil || len(text) != 9 {
		return 0, fmt.Errorf("%q is no user number: it has nine digits", text)
	}
	return app.UserNumber(number), nil
}

// nobody says in words that there is no such user, or nothing to ask about.
func nobody(err error, number app.UserNumber) error {
	switch {
	case err == nil:
		return nil
	case app.KindOf(err) == app.NotFound:
		return fmt.Errorf("no user has the number %s", number)
	case app.KindOf(err) == app.TooManyRequests:
		return fmt.Errorf("the key of user %s was reset in the last day: WeChat refuses frequent resets", number)
	case app.KindOf(err) == app.Malformed:
		return errors.New("--reason is longer than 500 bytes")
	case app.KindOf(err) == app.MissingParameter:
		return errors.New("--reason is missing: say why, for the audit log")
	}
	return err
}
