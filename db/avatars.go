package db

import (
	"context"

	"wxkeeper/app"
)

// ReplaceAvatar stores a picture in the place of the one that its user had.
func (t *Tx) ReplaceAvatar(avatar app.Avatar) error {
	if err := t.overwriteDeleted(); err != nil {
		return err
	}
	if err := t.dropAvatar(avatar.UserID, ""); err != nil {
		return err
	}
	_, err := t.change(`INSERT INTO avatars (user_id, app_id, name, picture, at) VALUES (?, ?, ?, ?, ?)`,
		avatar.UserID, avatar.AppID, avatar.Name, avatar.Picture, milliseconds(avatar.At))
	return err
}

// dropAvatar deletes the picture of a user, unless it has this name.
func (t *Tx) dropAvatar(user app.UserID, unless string) error {
	_, err := t.change(`DELETE FROM avatars WHERE user_id = ? AND name <> ?`, user, unless)
	return err
}

const avatarQuery = `SELECT user_id, app_id, name, picture, at FROM avatars WHERE `

// AvatarByName finds a picture by its name. NotFound: there is none, or none any more.
func (q *Queries) AvatarByName(ctx context.Context, name string) (app.Avatar, error) {
	return q.avatar(ctx, avatarQuery+"name = ?", name)
}

// AvatarOfUser finds the picture that a user uploaded. NotFound: there is none.
func (q *Queries) AvatarOfUser(ctx context.Context, user app.UserID) (app.Avatar, error) {
	return q.avatar(ctx, avatarQuery+"user_id = ?", user)
}

func (q *Queries) avatar(ctx context.Context, query string, which any) (app.Avatar, error) {
	var found app.Avatar
	err := q.one(brief(ctx), query, []any{which}, &found.UserID, &found.AppID, &found.Name, &found.Picture, moment{&found.At})
	return found, err
}
