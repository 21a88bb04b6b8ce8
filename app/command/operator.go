package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/app/operator"
	"wxkeeper/db"
)

// Operator manages who may use the dashboard.
type Operator struct {
	Add    OperatorAdd    `cmd:"" help:"Make an account; asks for the password."`
	Passwd OperatorPasswd `cmd:"" help:"Give an account a new password."`
}

// passwordFlag says where a password comes from.
type passwordFlag struct {
	PasswordStdin bool `help:"Read the password from standard input; one newline at its end is not part of it."`
}

// OperatorAdd makes an account.
type OperatorAdd struct {
	Name string `arg:"" help:"Name the operator signs in with."`
	Role string `enum:"viewer,operator,admin" default:"operator" help:"viewer sees, operator also acts on users, admin also changes the server and its operators."`
	passwordFlag
	config.Folder
}

// Run makes an account.
func (c *OperatorAdd) Run(ctx context.Context, std Streams) error {
	password, err := c.read(std)
	if err != nil {
		return err
	}
	err = withAccounts(ctx, c.Path(), func(accounts operator.Accounts) error {
		return accounts.Add(ctx, c.Name, app.Role(c.Role), password)
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
	config.Folder
}

// Run gives an account a new password.
func (c *OperatorPasswd) Run(ctx context.Context, std Streams) error {
	password, err := c.read(std)
	if err != nil {
		return err
	}
	if err := mustExist(c.Path()); err != nil {
		return err
	}
	err = withAccounts(ctx, c.Path(), func(accounts operator.Accounts) error {
		return accounts.SetPassword(ctx, c.Name, password)
	})
	if app.KindOf(err) == app.NotFound {
		return fmt.Errorf("no operator is named %s: wxkeeper operator add %s makes the account", c.Name, c.Name)
	}
	return told(std.Out, err, "%s has a new password.\n", c.Name)
}

func withAccounts(ctx context.Context, folder string, work func(operator.Accounts) error) error {
	return withStore(ctx, folder, func(store *db.DB) error {
		return work(operator.Accounts{Store: store, Clock: time.Now})
	})
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
