package command

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
	"wxkeeper/app/operator"
	"wxkeeper/db"
)

// Audit works on the log of what operators did.
type Audit struct {
	Check  AuditCheck  `cmd:"" help:"Is the log whole? Prints its head, to keep elsewhere. Changes nothing and may run beside the server."`
	Verify AuditVerify `cmd:"" help:"Is an exported CSV file as it was written, and still in the log?"`
}

// AuditCheck follows the chain of the log.
type AuditCheck struct {
	Head []string `placeholder:"NUMBER:MAC" help:"A head that was kept elsewhere, such as in the server's log: it must still be in the chain. May be given several times."`
	config.Store
}

// Run follows the chain of the log, and looks for heads that were kept.
func (c *AuditCheck) Run(ctx context.Context, env config.Env, std Streams) error {
	kept, err := parseHeads(c.Head)
	if err != nil {
		return err
	}
	return withData(ctx, c.Store, env, func(store *db.DB, ring *db.KeyRing) error {
		broken, err := store.Read().BrokenAudit(ctx, ring)
		if err != nil {
			return err
		}
		if broken != 0 {
			return fmt.Errorf("row %d of the audit log does not follow from the one before, or is missing: "+
				"somebody changed, deleted or inserted rows", broken)
		}
		for _, one := range kept {
			mac, err := store.Read().AuditMAC(ctx, one.Sequence)
			if err != nil && app.KindOf(err) != app.NotFound {
				return err
			}
			if !bytes.Equal(mac, one.MAC) {
				return fmt.Errorf("the head %s is not in the audit log any more: "+
					"the database was put back to an earlier time, or is another one", operator.AuditHead(one))
			}
		}
		head, err := store.Read().AuditHead(ctx)
		return told(std.Out, err, "Whole: %d rows. Head: %s\n", head.Sequence, operator.AuditHead(head))
	})
}

func parseHeads(texts []string) ([]app.AuditRow, error) {
	var heads []app.AuditRow
	for _, text := range texts {
		number, hexMAC, _ := strings.Cut(strings.TrimSpace(text), ":")
		sequence, err := strconv.ParseInt(number, 10, 64)
		mac, macErr := hex.DecodeString(hexMAC)
		if errors.Join(err, macErr) != nil || len(mac) == 0 {
			return nil, fmt.Errorf("%s is no head of the audit log, such as 42:0123456789abcdef…", text)
		}
		heads = append(heads, app.AuditRow{Sequence: sequence, MAC: mac})
	}
	return heads, nil
}

// AuditVerify checks an exported file.
type AuditVerify struct {
	File string `arg:"" help:"CSV file, as the audit page of the dashboard exports it."`
	config.Store
}

// Run checks an exported file.
func (c *AuditVerify) Run(ctx context.Context, env config.Env, std Streams) error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	return withData(ctx, c.Store, env, func(store *db.DB, ring *db.KeyRing) error {
		found, err := keeper.CheckAuditFile(ctx, store, ring, file)
		if err != nil {
			return err
		}
		for _, problem := range found.Problems {
			fmt.Fprintln(std.Out, problem)
		}
		if problems := len(found.Problems) + found.Unsaid; problems > 0 {
			return fmt.Errorf("%d problems found (%d not shown)", problems, found.Unsaid)
		}
		return told(std.Out, nil, "Sound: %d rows, %d to %d, as they were written; %d between them are not in the file.\n",
			found.Rows, found.First, found.Last, found.Missing)
	})
}
