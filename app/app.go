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

// Role is what an operator may do on the dashboard.
type Role string

// The roles: a viewer sees, an operator also acts on users, an admin also changes the server and its operators.
const (
	RoleViewer   Role = "viewer"
	RoleOperator Role = "operator"
	RoleAdmin    Role = "admin"
)

// Operator is a person at the dashboard.
type Operator struct {
	ID           OperatorID
	Name         string
	Role         Role
	PasswordHash string // PHC string of argon2id
}
