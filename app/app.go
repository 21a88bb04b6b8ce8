package app

// Appid is WeChat's name for one mini program, such as wx0123456789abcdef.
type Appid string

// AppID numbers an app in our own tables, from 1. It stands in every row that belongs to the app.
type AppID int64

// App is one mini program this server keeps keys for.
type App struct {
	ID    AppID
	Appid Appid
}
