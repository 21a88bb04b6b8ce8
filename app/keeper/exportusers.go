package keeper

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/pace"
	"wxkeeper/db"
)

// UserListing asks for the users of the app who match a filter, as of now, as far as a role may look for them.
func (k *Keeper) UserListing(filter app.UserFilter, role app.Role) db.UserListing {
	listing := db.UserListing{AppID: k.app.ID, Filter: filter, Now: k.clock(), Aging: k.settings.KeyAging}
	if role.FindsByPhone() {
		listing.PhoneHash = k.ring.PhoneHash
	}
	return listing
}

// Masking says what an export leaves out of sight.
type Masking uint8

// The maskings: a viewer can tell people apart, an operator can also find them elsewhere, an admin sees everything.
const (
	MaskNothing Masking = iota
	MaskPhones          // phone numbers by their last digits
	MaskIDs             // openid and unionid by their ends as well
)

// MaskingFor is what somebody of a role does not get to see.
func MaskingFor(role app.Role) Masking {
	switch {
	case role.Allows(app.RoleAdmin):
		return MaskNothing
	case role.Allows(app.RoleOperator):
		return MaskPhones
	}
	return MaskIDs
}

// exportShare is the share of a processor's time that an export takes while users are served.
const exportShare = 0.1

// writes tells how many writes there have been: phones make nearly all of them.
func (k *Keeper) writes() uint64 {
	_, writes := k.store.Written()
	return writes
}

// ExportUsers writes the users who match a filter as CSV, the newest first, one a line, masked for a role. It is audited before the first line is
// written. It holds a page of users in memory and no transaction open, and leaves the machine to the phones; between, called after each page, may end it.
func (k *Keeper) ExportUsers(
	ctx context.Context, order Order, filter app.UserFilter, role app.Role, to io.Writer, between func() error,
) error {
	if err := order.check(); err != nil {
		return err
	}
	// What was searched for may be a phone number, which the log does not keep.
	told := filter
	told.Search = ""
	detail, err := json.Marshal(struct {
		Filter   app.UserFilter `json:"filter"`
		Searched bool           `json:"searched,omitempty"`
	}{told, filter.Search != ""})
	if err != nil {
		return err
	}
	err = k.store.Write(ctx, func(tx *db.Tx) error { return k.audit(tx, order, app.ActionExport, 0, string(detail)) })
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(to)
	write, finish, err := exporter(FormatCSV, buffered)
	if err != nil {
		return err
	}
	gently := pace.Beside(k.writes, exportShare)
	for next := ""; ; {
		page, err := k.matching(ctx, filter, role, next, usersAPage)
		if err != nil {
			return err
		}
		users := make([]app.User, len(page.Users))
		for i, listed := range page.Users {
			users[i] = listed.User
		}
		external, err := k.store.Read().ExternalIDs(ctx, idsOf(users))
		if err != nil {
			return err
		}
		for _, user := range users {
			exported, err := exportUser(k.ring, k.app.Appid, user, external[user.ID])
			if err != nil {
				return err
			}
			if err := write(exported.masked(MaskingFor(role), user.Phone.Tail)); err != nil {
				return err
			}
		}
		if err := finish(); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return err
		}
		if err := between(); err != nil || page.Next == "" {
			return err
		}
		if err := gently.Rest(ctx); err != nil {
			return err
		}
		next = page.Next
	}
}

func (u exportedUser) masked(masking Masking, phoneTail string) exportedUser {
	if masking >= MaskPhones && u.PhoneNumber != "" {
		u.PhoneNumber = "***" + phoneTail
	}
	if masking >= MaskIDs {
		u.OpenID = app.OpenID(endsOf(string(u.OpenID)))
		u.UnionID = app.UnionID(endsOf(string(u.UnionID)))
		u.ExternalID = endsOf(u.ExternalID)
	}
	return u
}

// endsOf keeps enough of an id to tell it from its neighbours in a list.
func endsOf(id string) string {
	const kept = 4
	if len(id) <= 2*kept {
		return strings.Repeat("*", len(id))
	}
	return fmt.Sprintf("%s***%s", id[:kept], id[len(id)-kept:])
}
