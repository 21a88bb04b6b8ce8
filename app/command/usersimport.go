package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
)

// UsersImport moves users in.
type UsersImport struct {
	File   string `arg:"" help:"The file, - for standard input. Columns: appid, openid (needed), unionid, nickname, avatar, phone, external_id, first_seen, session_key with session_key_at, and those of users export. In CSV the first line names them."`
	Format string `enum:",csv,jsonl" default:"" help:"csv or jsonl; empty: what the file looks like."`
	DryRun bool   `help:"Look at every line and say what would be done; change nothing."`
	Reason string `default:"moving in" help:"Why, for the audit log."`
	appFlag
	config.Store
}

// Help tells what is kept.
func (UsersImport) Help() string {
	return "Nothing replaces what is known here and newer. It may be run again, and beside the server. Stopped half way, what is done stays done.\n\n" +
		"Lines that cannot be used are told by number on standard error; the others are imported."
}

// Run moves users in.
func (c *UsersImport) Run(ctx context.Context, env config.Env, std Streams) error {
	from := std.In
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	return c.withKeeper(ctx, c.Store, env, std, func(k *keeper.Keeper) error { return c.move(ctx, k, from, std) })
}

func (c *UsersImport) move(ctx context.Context, k *keeper.Keeper, from io.Reader, std Streams) error {
	last := time.Now()
	done, err := k.ImportUsers(ctx, from, keeper.Import{
		Order: order(c.Reason), Format: keeper.Format(c.Format), DryRun: c.DryRun,
		Refused: func(line int, why string) { fmt.Fprintf(std.Err, "line %d: %s\n", line, why) },
		Progress: func(done keeper.Imported) {
			if time.Since(last) >= toldEvery {
				last = time.Now()
				fmt.Fprintf(std.Err, "%d lines\n", done.Lines)
			}
		},
	})
	if ctx.Err() != nil {
		err = errors.New("stopped; what is done stays done, and it may be run again")
	}
	would := ""
	if c.DryRun {
		would = " (nothing was changed)"
	}
	fmt.Fprintf(std.Out, "%d lines: %d new users, %d changed, %d as they were, %d session keys, %d left out, %d refused%s.\n",
		done.Lines, done.New, done.Changed, done.Same, done.Keys, done.Left, done.Refused, would)
	if err == nil && done.Refused > 0 {
		err = fmt.Errorf("%d lines could not be used: mend them and import the file again", done.Refused)
	}
	return err
}
