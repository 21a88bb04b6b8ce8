package views

import (
	"strconv"
	"time"

	"wxkeeper/app"
)

// SystemPage tells how the process and its database are. It shows nothing that is not known.
type SystemPage struct {
	Frame
	Process  Process
	Database Database
	Jobs     []SystemJob
	WeChat   WeChatState
	DataKeys []DataKey
	Backups  []app.BackupRun // the last ones, newest first
	// BackupsScheduled: backups are taken by themselves.
	BackupsScheduled bool
	Settings         []SettingInForce
}

// Process is this program as it runs.
type Process struct {
	GoVersion  string
	StartedAt  time.Time
	Goroutines int
	Memory     int64  // bytes taken from the system
	Metrics    bool   // are told to Prometheus
	MetricsAt  string // only admins are told
}

// Database is where everything is stored.
type Database struct {
	Engine               string
	Folder               string // only admins are told
	SchemaVersion        int64
	FileBytes, LogBytes  int64
	DiskFree, DiskSize   int64 // 0: not known on this system
	Commits, Writes      int64
	Waiting, QueueLength int
	WriteFailed          bool
}

// SystemJob is a periodic job with who may run it.
type SystemJob struct {
	app.JobRun
	HeldBy LeaseHolder
}

// LeaseHolder is who has the lease of a job.
type LeaseHolder string

// The holders of leases.
const (
	HeldByNobody LeaseHolder = "nobody"
	HeldByUs     LeaseHolder = "us"
	HeldByOther  LeaseHolder = "other"
)

// WeChatState is how WeChat's API has answered in the last hour.
type WeChatState struct {
	Calls, Failed    int64
	P50, P95, Max    time.Duration
	Breaker          string // closed, open, probing
	AccessTokenUntil time.Time
	Push             bool // message push is set up
	LastFailure      *WeChatTrouble
	LastRefusal      *WeChatTrouble
}

// WeChatTrouble is one call that went wrong.
type WeChatTrouble struct {
	At      time.Time
	API     string
	Problem string
	Errcode int
	Address string
}

// DataKey is what may be told of a key that encrypts data.
type DataKey struct {
	ID        int
	Purpose   string
	CreatedAt time.Time
}

// SettingInForce is a setting as it is now.
type SettingInForce struct {
	Name    string
	Value   string // of a secret: empty
	Default string
	Help    string
	Secret  bool
	Set     bool // a secret is there; another setting differs from its default
}

func (p SystemPage) admin() bool { return p.Operator.Role.Allows(app.RoleAdmin) }

// bytes writes a size: 3.2 MB.
func (f Frame) bytes(n int64) string {
	if n < 1000 {
		return f.Count(n) + " B"
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"KB", "MB", "GB", "TB"} {
		if value /= 1000; value < 999.5 {
			break
		}
	}
	digits := 1
	if value >= 100 {
		digits = 0
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + unit
}

func (p SystemPage) breaker() Badge {
	look := map[string]Badge{
		"closed":  {Tone: ToneGood, Icon: "circle-check"},
		"probing": {Tone: ToneWarn, Icon: "clock"},
		"open":    {Tone: ToneBad, Icon: "circle-x"},
	}[p.WeChat.Breaker]
	look.Text = p.T("system.breaker." + p.WeChat.Breaker)
	return look
}

// state is how a job is doing.
func (p SystemPage) state(job SystemJob) Badge {
	switch {
	case job.Running:
		return Badge{Tone: ToneInfo, Icon: "circle-play", Text: p.T("system.job.running")}
	case job.Problem != "":
		return Badge{Tone: ToneBad, Icon: "circle-x", Text: p.T("system.job.failed"), Title: job.Problem}
	case job.StartedAt.IsZero() && job.HeldBy == HeldByOther:
		return Badge{Tone: ToneFaint, Icon: "circle-arrow-right", Text: p.T("system.job.elsewhere")}
	case job.StartedAt.IsZero():
		return Badge{Tone: ToneFaint, Icon: "clock", Text: p.T("system.job.never")}
	}
	return Badge{Tone: ToneGood, Icon: "circle-check", Text: p.T("system.job.done")}
}

func (p SystemPage) backupNote() string {
	switch {
	case !p.BackupsScheduled && p.admin():
		return p.T("system.backups.off.admin")
	case !p.BackupsScheduled:
		return p.T("system.backups.off")
	case len(p.Backups) == 0:
		return p.T("system.backups.none")
	}
	return p.T("system.backups.note")
}

// backupState is how a backup fared.
func (p SystemPage) backupState(run app.BackupRun) Badge {
	if run.Problem != "" {
		return Badge{Tone: ToneBad, Icon: "circle-x", Text: p.T("system.job.failed")}
	}
	return Badge{Tone: ToneGood, Icon: "circle-check", Text: p.T("system.job.done")}
}

// jobName is a job in words; one that has none goes by its name.
func (p SystemPage) jobName(name string) string {
	if id, known := jobNames[name]; known {
		return p.T("system.job." + id)
	}
	return name
}

var jobNames = map[string]string{"sweep": "sweep", "sweep operators": "sweepOperators", "check keys": "checkKeys", "check audit": "checkAudit", "bulk jobs": "bulk",
	"backup": "backup", "tell of guessing": "guessing",
	"alerts": "alerts", "webhooks": "webhooks", "sweep deliveries": "sweepWebhooks"}

// purpose is what a data key is for, in words; one that has none goes by its name.
func (p SystemPage) purpose(name string) string {
	if id, known := purposeNames[name]; known {
		return p.T("system.purpose." + id)
	}
	return name
}

var purposeNames = map[string]string{
	"sealing": "sealing", "phone hash": "phoneHash", "fingerprint": "fingerprint", "audit": "audit",
}

func (p SystemPage) settingState(s SettingInForce) Badge {
	switch {
	case s.Secret && s.Set:
		return Badge{Tone: ToneGood, Icon: "lock", Text: p.T("system.setting.isSet")}
	case s.Secret:
		return Badge{Tone: ToneFaint, Icon: "minus", Text: p.T("system.setting.isNotSet")}
	case s.Set:
		return Badge{Tone: ToneInfo, Icon: "pencil", Text: p.T("system.setting.changed")}
	}
	return Badge{Tone: ToneFaint, Icon: "minus", Text: p.T("system.setting.default")}
}
