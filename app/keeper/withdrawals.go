package keeper

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// Withdrawals tells what became of a list of withdrawals.
type Withdrawals struct {
	Lines   int
	Refused []string // lines that could not be read, by number, with what is wrong
}

// ImportWithdrawals does what WeChat's daily list of withdrawn consent demands, for apps without message push. The list is CSV
// with a heading: OpenID, and RevokeInfo with one or several numbers; without RevokeInfo, or where it is empty, the account was
// cancelled. A column CreateTime (Unix seconds) says when; what was given after that stands. Without it a list says "now": import each
// once. A line that cannot be read does not stop the others.
func (k *Keeper) ImportWithdrawals(ctx context.Context, list io.Reader) (Withdrawals, error) {
	var result Withdrawals
	rows := csv.NewReader(list)
	rows.FieldsPerRecord = -1
	heading, err := rows.Read()
	if err != nil {
		return result, fmt.Errorf("the list has no heading: %w", err)
	}
	openid, revoked, created := column(heading, "openid"), column(heading, "revokeinfo"), column(heading, "createtime")
	if openid < 0 {
		return result, errors.New("the list has no column OpenID")
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return result, nil
		}
		result.Lines++
		if err == nil {
			var message wechat.Message
			message, err = withdrawal(row, openid, revoked)
			if err == nil {
				message.CreatedAt, err = withdrawnAt(row, created, k.clock())
			}
			if err == nil {
				if err := k.Pushed(ctx, app.Caller{}, message); err != nil {
					return result, err
				}
				continue
			}
		}
		result.Refused = append(result.Refused, fmt.Sprintf("line %d: %v", result.Lines+1, err))
	}
}

func column(heading []string, name string) int {
	for i, cell := range heading {
		if strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(cell, "\ufeff")), name) {
			return i
		}
	}
	return -1
}

func withdrawnAt(row []string, created int, now time.Time) (time.Time, error) {
	if created < 0 || created >= len(row) || strings.TrimSpace(row[created]) == "" {
		return now, nil
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(row[created]), 10, 64)
	return time.Unix(seconds, 0), err
}

// withdrawal reads one line as the message that push would have brought.
func withdrawal(row []string, openid, revoked int) (wechat.Message, error) {
	if openid >= len(row) || strings.TrimSpace(row[openid]) == "" {
		return wechat.Message{}, errors.New("no OpenID")
	}
	message := wechat.Message{
		Event: wechat.EventUserCancelled, OpenID: app.OpenID(strings.TrimSpace(row[openid])),
	}
	if revoked < 0 || revoked >= len(row) || strings.TrimSpace(row[revoked]) == "" {
		return message, nil
	}
	message.Event = wechat.EventUserRevoked
	for part := range strings.FieldsFuncSeq(row[revoked], func(r rune) bool { return r < '0' || r > '9' }) {
		kind, err := strconv.Atoi(part)
		if err != nil {
			return message, err
		}
		message.RevokeInfo = append(message.RevokeInfo, kind)
	}
	if len(message.RevokeInfo) == 0 {
		return message, errors.New("RevokeInfo holds no number")
	}
	return message, nil
}
