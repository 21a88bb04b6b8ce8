package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/app/operator"
	"wxkeeper/db"
)

// Operator manages who may use the dashboard.
type Operator struct {
	Add     OperatorAdd     `cmd:"" help:"Make an account; asks for the password."`
	Passwd  OperatorPasswd  `cmd:"" help:"Give an account a new password; it is signed out everywhere."`
	List    OperatorList    `cmd:"" help:"List the accounts."`
	Disable OperatorDisable `cmd:"" help:"Let an account sign in no more; it is signed out everywhere."`
	Enable  OperatorEnable  `cmd:"" help:"Let a disabled account sign in again."`

	ResetTOTP OperatorResetTOTP `cmd:"" name:"reset-totp" help:"Turn one-time codes off for an account whose owner has lost them; it is signed out everywhere."`
}

// passwordFlag says where a password comes from.
type passwordFlag struct {
	PasswordStdin bool `help:"Read the password from standard input; one newline at its end is not part of it."`
}

// accountsFlag is where the accounts are.
type accountsFlag struct{ config.Store }

// Help tells kong what no flag can tell: the master key, and when it is needed.
func (f accountsFlag) Help() string {
	return "Before the first serve there is no audit log to write: until then no master key is needed.\n\n" + f.Store.Help()
}

// OperatorAdd makes an account.
type OperatorAdd struct {
	Name string `arg:"" help:"Name the operator signs in with."`
	Role string `enum:"viewer,operator,admin" default:"operator" help:"viewer sees, operator also acts on users, admin also changes the server and its operators."`
	passwordFlag
	accountsFlag
}

// Run makes an account.
func (c *OperatorAdd) Run(ctx context.Context, env config.Env, std Streams) error {
	password, err := c.read(std)
	if err != nil {
		return err
	}
	err = c.withAccounts(ctx, env, std, func(accounts *operator.Accounts) error {
		return accounts.Add(ctx, byCommandLine, c.Name, app.Role(c.Role), password)
	})
	if app.KindOf(err) == app.AlreadyExists {
		return fmt.Errorf("an operator named %s exists already: wxkeeper operator passwd %s gives it a new password", c.Name, c.Name)
	}
	return told(std.Out, err, "%s may use the dashboard as %s.\n", c.Name, c.Role)
}

// OperatorPasswd gives an account a new password.
type OperatorPasswd struct {
	Name string `arg:"" help:"Name of the account."`
	passwordFlag
	accountsFlag
}

// Run gives an account a new password.
func (c *OperatorPasswd) Run(ctx context.Context, env config.Env, std Streams) error {
	password, err := c.read(std)
	if err != nil {
		return err
	}
	err = c.withExisting(ctx, env, std, c.Name, func(accounts *operator.Accounts) error {
		return accounts.SetPassword(ctx, byCommandLine, c.Name, password)
	})
	return told(std.Out, err, "%s has a new password.\n", c.Name)
}

// OperatorList lists the accounts.
type OperatorList struct{ config.Folder }

// Run lists the accounts.
func (c *OperatorList) Run(ctx context.Context, std Streams) error {
	if err := mustExist(c.Path()); err != nil {
		return err
	}
	return withStore(ctx, c.Path(), func(store *db.DB) error {
		rows := [][]string{{"NAME", "ROLE", "STATE", "ONE-TIME CODES", "LAST SIGN-IN"}}
		for after := ""; ; {
			page, err := store.Read().OperatorsByName(ctx, after, operatorsRead)
			if err != nil {
				return err
			}
			for _, one := range page {
				rows = append(rows, []string{one.Name, string(one.Role), stateOf(one), dated(one.TOTPSince, "off"), dated(one.SignedInAt, "never")})
				after = one.Name
			}
			if len(page) < operatorsRead {
				return writeTable(std.Out, rows)
			}
		}
	})
}

// operatorsRead is how many accounts are read at a time.
const operatorsRead = 100

func stateOf(one app.Operator) string {
	if one.Disabled() {
		return "disabled since " + dated(one.DisabledAt, "")
	}
	return "enabled"
}

func dated(at time.Time, never string) string {
	if at.IsZero() {
		return never
	}
	return at.Format("2006-01-02 15:04")
}

// writeTable writes rows of as many cells each in columns that stand below each other, Chinese names too.
func writeTable(out io.Writer, rows [][]string) error {
	widest := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widest[i] = max(widest[i], cellWidth(cell))
		}
	}
	var table strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widest[i]-cellWidth(cell)+2))
		}
		table.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(out, table.String())
	return err
}

// cellWidth is how many columns of a terminal a text takes: a Chinese character takes two.
func cellWidth(text string) int {
	columns := 0
	for _, r := range text {
		columns++
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			columns++
		}
	}
	return columns
}

// OperatorDisable disables an account.
type OperatorDisable struct {
	Name string `arg:"" help:"Name of the account."`
	accountsFlag
}

// Run disables an account.
func (c *OperatorDisable) Run(ctx context.Context, env config.Env, std Streams) error {
	err := c.withExisting(ctx, env, std, c.Name, func(accounts *operator.Accounts) error {
		return accounts.Disable(ctx, byCommandLine, c.Name)
	})
	return told(std.Out, err, "%s may not use the dashboard any more.\n", c.Name)
}

// OperatorEnable enables an account.
type OperatorEnable struct {
	Name string `arg:"" help:"Name of the account."`
	accountsFlag
}

// Run enables an account.
func (c *OperatorEnable) Run(ctx context.Context, env config.Env, std Streams) error {
	err := c.withExisting(ctx, env, std, c.Name, func(accounts *operator.Accounts) error {
		return accounts.Enable(ctx, byCommandLine, c.Name)
	})
	return told(std.Out, err, "%s may use the dashboard again.\n", c.Name)
}

// OperatorResetTOTP turns one-time codes off.
type OperatorResetTOTP struct {
	Name string `arg:"" help:"Name of the account."`
	accountsFlag
}

// Run turns one-time codes off for an account.
func (c *OperatorResetTOTP) Run(ctx context.Context, env config.Env, std Streams) error {
	err := c.withExisting(ctx, env, std, c.Name, func(accounts *operator.Accounts) error {
		return accounts.ResetTOTP(ctx, byCommandLine, c.Name)
	})
	return told(std.Out, err, "%s signs in with the password alone.\n", c.Name)
}

// byCommandLine is how the program's owner gives orders.
var byCommandLine = operator.Order{Operator: app.CommandLine}

// withExisting is withAccounts for work on an account that must be there.
func (f accountsFlag) withExisting(
	ctx context.Context, env config.Env, std Streams, name string, work func(*operator.Accounts) error,
) error {
	if err := mustExist(f.Path()); err != nil {
		return err
	}
	err := f.withAccounts(ctx, env, std, work)
	if app.KindOf(err) == app.NotFound {
		return fmt.Errorf("no operator is named %s: wxkeeper operator add %s makes the account", name, name)
	}
	return err
}

// withAccounts opens the data folder, which is made where there is none.
func (f accountsFlag) withAccounts(
	ctx context.Context, env config.Env, std Streams, work func(*operator.Accounts) error,
) error {
	return withStore(ctx, f.Path(), func(store *db.DB) error {
		ring, err := f.ringOf(ctx, store, env)
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(std.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
		return work(operator.New(operator.Options{Store: store, Ring: ring, Clock: time.Now, Log: log}))
	})
}

// ringOf opens the keys of a data folder with the master key, which is asked for only where there are keys: the first operator
// is made before the first serve makes them.
func (f accountsFlag) ringOf(ctx context.Context, store *db.DB, env config.Env) (*db.KeyRing, error) {
	can, err := store.Read().CanAudit(ctx)
	if err != nil || !can {
		return nil, err
	}
	_, master, err := f.Open(env)
	if err != nil {
		return nil, err
	}
	return store.KeyRing(ctx, master.Bytes())
}

// read asks for a password without showing it, or takes it from standard input.
func (f passwordFlag) read(std Streams) (app.Secret, error) {
	if f.PasswordStdin {
		text, err := io.ReadAll(io.LimitReader(std.In, 4096))
		return app.Secret(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")), err
	}
	terminal, ok := std.In.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return "", errors.New("there is no terminal to ask for the password: use --password-stdin")
	}
	first, err := ask(terminal, std.Err, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask(terminal, std.Err, "The same again: ")
	if err == nil && first != second {
		err = errors.New("the two passwords differ")
	}
	return first, err
}

func ask(terminal *os.File, prompt io.Writer, question string) (app.Secret, error) {
	fmt.Fprint(prompt, question)
	text, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(prompt)
	return app.Secret(text), err
}
