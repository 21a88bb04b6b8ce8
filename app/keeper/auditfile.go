package keeper

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// AuditFile is what a check of an exported audit log found.
type AuditFile struct {
	Rows        int
	First, Last int64 // sequence numbers
	Missing     int64 // rows between those that the file leaves out, as a filter does
	Problems    []string
	Unsaid      int // problems beyond those
}

// longestAuditFile bounds the rows of a file, which are held in memory.
const longestAuditFile = 5_000_000

var errNoAuditFile = fmt.Errorf("this is no export of the audit log: its first line must be %v", auditHeader)

// CheckAuditFile reads what ExportAudit wrote and says which rows are not as they were written, do not follow from each other, or are
// not in the database any more.
func CheckAuditFile(ctx context.Context, store *db.DB, ring *db.KeyRing, from io.Reader) (AuditFile, error) {
	rows, err := readAuditFile(from)
	if err != nil {
		return AuditFile{}, err
	}
	slices.SortStableFunc(rows, func(a, b fileRow) int { return cmp.Compare(a.Sequence, b.Sequence) })
	file := AuditFile{Rows: len(rows)}
	for i, row := range rows {
		if !ring.AuditFollows(row.previous, row.AuditRow) {
			file.found("row %d is not as it was written", row.Sequence)
		}
		if i > 0 {
			file.compare(rows[i-1], row)
		}
		mac, err := store.Read().AuditMAC(ctx, row.Sequence)
		if err != nil && app.KindOf(err) != app.NotFound {
			return file, err
		}
		if !bytes.Equal(mac, row.MAC) {
			file.found("row %d is not in the database any more", row.Sequence)
		}
	}
	if len(rows) > 0 {
		file.First, file.Last = rows[0].Sequence, rows[len(rows)-1].Sequence
	}
	return file, nil
}

func (f *AuditFile) found(format string, arguments ...any) {
	if len(f.Problems) == problemsTold {
		f.Unsaid++
		return
	}
	f.Problems = append(f.Problems, fmt.Sprintf(format, arguments...))
}

func (f *AuditFile) compare(before, row fileRow) {
	switch {
	case row.Sequence == before.Sequence:
		f.found("row %d stands twice", row.Sequence)
	case row.Sequence > before.Sequence+1:
		f.Missing += row.Sequence - before.Sequence - 1
	case !bytes.Equal(row.previous, before.MAC):
		f.found("row %d does not follow from the one before", row.Sequence)
	}
}

// fileRow is a row of the log with the MAC of the row before it.
type fileRow struct {
	app.AuditRow
	previous []byte
}

func readAuditFile(from io.Reader) ([]fileRow, error) {
	buffered := bufio.NewReader(from)
	if mark, _ := buffered.Peek(len("\ufeff")); string(mark) == "\ufeff" {
		_, _ = buffered.Discard(len(mark)) // it has just been seen
	}
	lines := csv.NewReader(returnsKept{buffered})
	header, err := lines.Read()
	if err != nil || !slices.Equal(header, auditHeader) {
		return nil, errNoAuditFile
	}
	var rows []fileRow
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if len(rows) == longestAuditFile {
			return nil, fmt.Errorf("the file has more than %d rows: export it in parts, by time", longestAuditFile)
		}
		row, err := readAuditCells(cells)
		if err != nil {
			return nil, fmt.Errorf("line of row %s: %w", cells[0], err)
		}
		rows = append(rows, row)
	}
}

// keptReturn stands for a carriage return while a file is read: encoding/csv would take it away before a line feed. It is in no
// UTF-8 text.
const keptReturn = "\xff"

// returnsKept reads with carriage returns kept.
type returnsKept struct{ from io.Reader }

// Read reads bytes.
func (r returnsKept) Read(into []byte) (int, error) {
	n, err := r.from.Read(into)
	for i, one := range into[:n] {
		if one == '\r' {
			into[i] = keptReturn[0]
		}
	}
	return n, err
}

func readAuditCells(cells []string) (row fileRow, err error) {
	for i, cell := range cells {
		cells[i] = unmarked(strings.ReplaceAll(cell, keptReturn, "\r"))
	}
	row.Operator, row.Action, row.Reason, row.Detail = cells[2], app.Action(cells[3]), cells[5], cells[6]
	var appID, userID int64
	var errs [6]error
	row.Sequence, errs[0] = strconv.ParseInt(cells[0], 10, 64)
	row.At, errs[1] = time.Parse(time.RFC3339Nano, cells[1])
	row.MAC, errs[2] = hex.DecodeString(cells[7])
	row.previous, errs[3] = hex.DecodeString(cells[8])
	appID, errs[4] = strconv.ParseInt(cells[9], 10, 64)
	userID, errs[5] = strconv.ParseInt(cells[10], 10, 64)
	row.AppID, row.UserID = app.AppID(appID), app.UserID(userID)
	return row, errors.Join(errs[:]...)
}
