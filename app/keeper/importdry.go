package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

// pretended is what a dry run would have stored so far, so that a line that comes twice counts as it would. Nil: the run is not dry.
type pretended struct {
	users    map[app.OpenID]pretendedUser
	owners   map[string]app.UserID // of external ids
	external map[app.UserID]string
}

type pretendedUser struct {
	user app.User
	keys []app.KeyRecord
}

func (p *pretended) userByOpenID(ctx context.Context, read *db.Queries, of app.AppID, openid app.OpenID) (app.User, error) {
	if p != nil {
		if known, found := p.users[openid]; found {
			return known.user, nil
		}
	}
	return read.UserByOpenID(ctx, of, openid)
}

// ownerOf gives whoever has an external id. NotFound: nobody has it, or not any more.
func (p *pretended) ownerOf(ctx context.Context, read *db.Queries, of app.AppID, external string) (app.UserID, error) {
	if p != nil {
		if owner, found := p.owners[external]; found {
			return owner, nil
		}
	}
	owner, err := read.UserByExternalID(ctx, of, external)
	if p != nil && err == nil && p.external[owner.ID] != "" {
		return 0, app.Fail(app.NotFound, "")
	}
	return owner.ID, err
}

func (p *pretended) keysOfUser(ctx context.Context, read *db.Queries, user app.User) ([]app.KeyRecord, error) {
	known, err := read.KeysOfUser(ctx, user.ID)
	if p != nil {
		known = append(known, p.users[user.OpenID].keys...)
	}
	return known, err
}

// store remembers a user as storeOneMoved writes them. False: somebody else was given the external id meanwhile.
func (p *pretended) store(one movedIn) (bool, error) {
	if _, taken := p.owners[one.external]; taken {
		return false, nil
	}
	known := p.users[one.after.OpenID]
	known.user = one.after
	if one.takesKey {
		known.keys = append(known.keys, one.key)
	}
	p.users[one.after.OpenID] = known
	if one.external != "" {
		delete(p.owners, p.external[one.after.ID])
		p.owners[one.external], p.external[one.after.ID] = one.after.ID, one.external
	}
	return true, nil
}
