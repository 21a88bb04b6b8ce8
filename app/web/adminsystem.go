package web

import (
	"runtime"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
	"wxkeeper/views"
)

// Host is what the System page tells of the process, and cannot find out by itself.
type Host struct {
	StartedAt time.Time
	Folder    string                           // where the data is
	Jobs      func(now time.Time) []app.JobRun // nil: none run here
	Push      bool                             // message push is set up
	Backups   bool                             // backups are taken by themselves
	Metrics   string                           // address at which metrics are told; "": nowhere
	Settings  []views.SettingInForce           // without secrets
}

const backupsShown = 10

func (d *Dashboard) systemPage(v *visit) error {
	ctx, read := v.context(), d.Store.Read()
	health, err := d.Store.Health(ctx)
	if err != nil {
		return err
	}
	leases, err := read.Leases(ctx)
	if err != nil {
		return err
	}
	keys, err := read.DataKeys(ctx)
	if err != nil {
		return err
	}
	page := views.SystemPage{
		Process: d.process(), Database: d.database(health), Jobs: d.systemJobs(v.now(), leases), WeChat: d.weChatState(v.now()),
		Frame: v.frame(v.text.T("nav.system"), views.SectionSystem),
	}
	if page.Backups, err = read.BackupRuns(ctx, backupsShown); err != nil {
		return err
	}
	page.BackupsScheduled = d.Host.Backups
	for _, key := range keys {
		page.DataKeys = append(page.DataKeys, views.DataKey(key))
	}
	if v.operator.Role.Allows(app.RoleAdmin) {
		page.Database.Folder, page.Settings, page.Process.MetricsAt = d.Host.Folder, d.Host.Settings, d.Host.Metrics
	}
	return v.page(views.System(page))
}

func (d *Dashboard) process() views.Process {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return views.Process{
		GoVersion: runtime.Version(), StartedAt: d.Host.StartedAt, Goroutines: runtime.NumGoroutine(),
		Memory: int64(memory.Sys - memory.HeapReleased), Metrics: d.Host.Metrics != "",
	}
}

func (d *Dashboard) database(health db.Health) views.Database {
	told := views.Database{
		Engine: health.Engine, SchemaVersion: health.SchemaVersion, FileBytes: health.FileBytes, LogBytes: health.LogBytes,
		Commits: int64(health.Commits), Writes: int64(health.Writes), Waiting: health.Waiting, QueueLength: health.QueueLength,
		WriteFailed: health.WriteFailed,
	}
	if free, size, known := overview.DiskSpace(d.Host.Folder); known {
		told.DiskFree, told.DiskSize = int64(free), int64(size)
	}
	return told
}

// systemJobs says of each job of this process who holds its lease just now.
func (d *Dashboard) systemJobs(now time.Time, leases []db.Lease) []views.SystemJob {
	if d.Host.Jobs == nil {
		return nil
	}
	var jobs []views.SystemJob
	for _, run := range d.Host.Jobs(now) {
		job := views.SystemJob{JobRun: run, HeldBy: views.HeldByNobody}
		for _, lease := range leases {
			if lease.Name != run.Name || !lease.ExpiresAt.After(now) {
				continue
			}
			job.HeldBy = views.HeldByOther
			if lease.Holder == run.Holder {
				job.HeldBy = views.HeldByUs
			}
		}
		jobs = append(jobs, job)
	}
	return jobs
}

func (d *Dashboard) weChatState(now time.Time) views.WeChatState {
	health := d.Overview.WeChat.Health(now)
	hour := health.Summary(len(health.Minutes))
	return views.WeChatState{
		Calls: int64(hour.Calls), Failed: int64(hour.Failed), P50: hour.P50, P95: hour.P95, Max: hour.Max,
		Breaker: string(health.Breaker), AccessTokenUntil: health.AccessTokenUntil, Push: d.Host.Push,
		LastFailure: troubleOf(health.LastFailure), LastRefusal: troubleOf(health.LastRefusal),
	}
}

func troubleOf(failure *wechat.HealthFailure) *views.WeChatTrouble {
	if failure == nil {
		return nil
	}
	return &views.WeChatTrouble{
		At: failure.At, API: failure.API, Problem: string(failure.Problem), Errcode: failure.Errcode, Address: failure.Address,
	}
}
