// Command wxkeeper keeps the session keys of a WeChat mini program: it logs users in, opens what WeChat encrypts for them and
// knows how fresh each key is. Everything it stores is in one folder.
//
// This file is the parts list: it reads the settings, builds the parts bottom up, runs them and stops them in reverse.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"wxkeeper/app"
	"wxkeeper/app/alert"
	"wxkeeper/app/apps"
	"wxkeeper/app/backend"
	"wxkeeper/app/backup"
	"wxkeeper/app/bench"
	"wxkeeper/app/command"
	"wxkeeper/app/config"
	"wxkeeper/app/job"
	"wxkeeper/app/keeper"
	"wxkeeper/app/metrics"
	"wxkeeper/app/operator"
	"wxkeeper/app/outgoing"
	"wxkeeper/app/overview"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/stage"
	"wxkeeper/app/systemd"
	"wxkeeper/app/web"
	"wxkeeper/app/webhook"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
	"wxkeeper/db/disk"
	"wxkeeper/views"
)

// version is set by the release build.
var version = "dev"

const description = `Keeps the session keys of a WeChat mini program.

Try it without a WeChat account: wxkeeper sandbox.

Run it for real: wxkeeper keygen > master.key, then wxkeeper serve, which says what else it needs.

Every flag is an environment variable too; secrets are variables or files only, never flags.`

// commands are all that the program can be told to do.
type commands struct {
	Sandbox  sandboxCommand    `cmd:"" help:"Start everything in one process with an emulated WeChat and a dozen phones; no account, no settings."`
	Serve    serveCommand      `cmd:"" help:"Serve a mini program."`
	Keygen   command.Keygen    `cmd:"" help:"Print a new master key."`
	Operator command.Operator  `cmd:"" help:"Manage who may use the dashboard."`
	Client   command.Client    `cmd:"" help:"Manage the credentials of business servers."`
	App      command.App       `cmd:"" help:"Manage the mini programs besides the one of the settings."`
	Users    command.Users     `cmd:"" help:"Work on users."`
	Audit    command.Audit     `cmd:"" help:"Work on the log of what operators did."`
	Check    command.Check     `cmd:"" help:"Read all data: is everything sound, does every key open? Changes nothing and may run beside the server."`
	Backup   command.Backup    `cmd:"" help:"Copy the data, beside the server, into a file."`
	Restore  command.Restore   `cmd:"" help:"Check a backup and put it in the place of the data, while no server runs."`
	Rotate   command.RotateKey `cmd:"" name:"rotate-key" help:"Put a new master key in the old one's place, while no server runs."`
	Bench    command.Bench     `cmd:"" help:"See how the program fares under load."`
	Migrate  command.Migrate   `cmd:"" help:"Bring the database up to this version. serve does it by itself."`
	Version  command.Version   `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], config.OS(), command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, "wxkeeper: "+inWords(err))
		os.Exit(1)
	}
}

// inWords tells a failure to a person, who needs its cause and not its kind.
func inWords(err error) string {
	var failure *app.Error
	if errors.As(err, &failure) && failure.Cause != nil {
		return failure.Cause.Error()
	}
	return err.Error()
}

func run(ctx context.Context, arguments []string, env config.Env, std command.Streams) error {
	parser, err := kong.New(&commands{}, kong.Name("wxkeeper"), kong.Description(description),
		kong.Writers(std.Out, std.Err), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return err
	}
	if len(arguments) == 0 {
		arguments = []string{"--help"}
	}
	chosen, err := parser.Parse(arguments)
	if err != nil {
		return fmt.Errorf("%w\nwxkeeper --help lists the commands", err)
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	return chosen.Run(env, std, command.Release(version))
}

type serveCommand struct {
	config.Serve
	DryRun    bool          `help:"Say everything that would keep the server from starting, and start nothing. Nothing is opened for writing."`
	Measured  bool          `hidden:"" help:"For bench: tell counters to whoever asks on standard input, and stop when it ends."`
	SlowFlush time.Duration `hidden:"" help:"For bench, beside --measured: how much longer each flush of the disk takes."`
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(ctx context.Context, env config.Env, std command.Streams) error {
	settings, err := c.Config(env)
	if c.DryRun {
		return command.Rehearse(ctx, settings, err, std)
	}
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(std.Err, &slog.HandlerOptions{Level: settings.LogLevel}))
	for _, warning := range settings.Warnings {
		log.Warn(warning)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbageAllowed)
	}
	host := web.Host{Settings: inForce(c.Serve, settings)}
	if c.Measured {
		return c.measured(ctx, settings, host, log, std)
	}
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	return serve(ctx, settings, host, nil, log, func(running running) error {
		beside.Go(func() { systemd.FromEnvironment(os.Getenv).Accompany(ctx, running.ready, log) })
		return sayServing(log, settings, running)
	})
}

// measured serves with a disk that counts its flushes, until whoever measures ends standard input.
func (c *serveCommand) measured(
	ctx context.Context, settings config.Config, host web.Host, log *slog.Logger, std command.Streams,
) (err error) {
	watched, err := disk.Watch("measured")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watched.Close()) }()
	watched.Slow(c.SlowFlush)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	started := func(running running) error {
		go func() { // ends with standard input, or with the process
			defer stop()
			_ = bench.Gauge(std.In, std.Out, running.address, func() bench.Readings { return bench.Readings{Flushes: watched.Flushes()} })
		}()
		return sayServing(log, settings, running)
	}
	return serve(ctx, settings, host, nil, log, started, db.WithDisk(watched))
}

func sayServing(log *slog.Logger, settings config.Config, running running) error {
	log.Info("serving", "address", running.address, "version", version, "appid", settings.Appid)
	return nil
}

// garbageAllowed is how much garbage may gather, in percent of what is in use: little is, so that Go's own 100 would have the
// collector take every tenth of the processor's time.
const garbageAllowed = 200

// inForce is what the dashboard shows of the settings.
func inForce(told config.Serve, made config.Config) []views.SettingInForce {
	var shown []views.SettingInForce
	for _, one := range config.SettingsInForce(told, made) {
		shown = append(shown, views.SettingInForce{
			Name: one.Variable, Value: one.Value, Default: one.Default, Help: one.Meaning, Secret: one.Secret(), Set: one.Set,
		})
	}
	return shown
}

// emulation is what a sandbox has besides a server.
type emulation struct {
	phones   *web.Phones
	populate func(context.Context, *db.DB, *db.KeyRing, app.App) error // before anything is served
}

// running is what a caller of serve may need of it.
type running struct {
	address  string
	accounts *operator.Accounts
	ready    func(context.Context) error // says why requests cannot be served now, nil when they can
}

// serve builds the parts bottom up, calls started once requests are taken, and stops the parts in reverse when the context ends.
func serve(
	ctx context.Context, settings config.Config, host web.Host, emulated *emulation, log *slog.Logger, started func(running) error,
	storage ...db.Option,
) (err error) {
	host.StartedAt, host.Folder, host.Push = time.Now(), settings.Data, settings.PushToken != ""
	host.Metrics = settings.MetricsAddr
	lock, err := db.LockFolder(settings.Data)
	if err != nil {
		return err
	}
	defer lock.Release()
	store, err := db.Open(ctx, settings.Data, storage...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ring, err := store.EnsureKeyRing(ctx, settings.MasterKey.Bytes(), time.Now())
	if err != nil {
		return err
	}
	served, err := store.EnsureApp(ctx, settings.Appid, time.Now())
	if err != nil {
		return err
	}
	var phones *web.Phones
	if emulated != nil {
		phones = emulated.phones
		err = emulated.populate(ctx, store, ring, served)
	} else {
		err = warnWithoutOperator(ctx, store, log)
	}
	if err != nil {
		return err
	}
	accounts := operator.New(operator.Options{Store: store, Ring: ring, Clock: time.Now, Log: log})
	backEnds := backend.New(backend.Options{Store: store, Ring: ring, PerMinute: settings.BackEndRate, Clock: time.Now, Log: log})
	defer backEnds.Close()
	jobs := &job.Record{}
	host.Jobs = jobs.Runs
	backups, err := scheduledBackups(settings, store, log)
	if err != nil {
		return err
	}
	host.Backups = len(backups) > 0
	calls := outgoing.New(outgoing.Options{Private: settings.OutgoingPrivate})
	defer calls.Close()
	webhooks := webhook.New(webhook.Options{AppID: served.ID, Store: store, Ring: ring, Outgoing: calls, Clock: time.Now, Log: log})
	site := web.NewSite(web.SiteOptions{
		API: web.Options{
			BackEnds: backEnds, Ready: store.Ready, PublicURL: settings.PublicURL, APIRate: settings.APIRate, TrustedProxies: settings.TrustedProxies,
			Status200: settings.Status200, VerifyOpenID: settings.VerifyOpenID, Log: log, Clock: time.Now,
		},
		Dashboard: web.DashboardOptions{
			Accounts: accounts, Store: store, TrustedProxies: settings.TrustedProxies, PublicURL: settings.PublicURL, Host: host, Phones: phones,
			Webhooks: webhooks, BackEnds: backEnds, TOTPRoles: settings.TOTPRoles, Secure: strings.HasPrefix(settings.PublicURL, "https:"),
			EnvName: settings.EnvName, Version: version, Location: settings.Location, Log: log, Clock: time.Now,
		},
		Ring: ring, EventsKeep: settings.EventsKeep, KeyAging: settings.KeyAging, SuccessLeast: settings.AlertSuccess,
		Alerts: func(watched func() []overview.Overview) *alert.Alerts {
			return alert.New(alert.Options{
				Store: store, Ring: ring, Outgoing: calls, Watched: watched, Hold: settings.AlertHold, PerHour: settings.AlertsPerHour,
				Write: web.AlertWriter(settings.PublicURL, settings.EnvName, settings.Location), Clock: time.Now, Log: log,
			})
		},
	})
	serving, err := apps.Serve(ctx, apps.Options{
		Register: apps.Register{Store: store, Ring: ring, Clock: time.Now, Default: settings.Appid, WeChatURL: settings.WeChatURL},
		Secrets:  app.AppSecrets[app.Secret]{Secret: settings.Secret, PushToken: settings.PushToken, PushKey: settings.PushAESKey},
		Settings: keeper.Settings{
			Sessions: settings.Sessions, FollowKey: settings.FollowKey, KeyGrace: settings.KeyGrace, KeyAging: settings.KeyAging,
			SealedMaxAge: settings.SealedMaxAge, PhoneData: wechat.DataHash(settings.PhoneData), EventsKeep: settings.EventsKeep,
			UsersKeep:       settings.UsersKeep,
			ChecksPerMinute: settings.ChecksPerMinute, LimitFailures: settings.APIRate > 0, AcceptMockCode: emulated != nil,
		},
		LoginsWaiting: settings.LoginsWaiting, Log: log,
	}, site.Faces)
	if err != nil {
		return err
	}
	defer serving.Close()
	site.Attach(serving)
	runner := job.Runner{Store: store, Clock: time.Now, Log: log, Record: jobs}
	more := append(backups,
		job.Job{Name: "alerts", Every: time.Minute, Run: site.Dashboard.Alerts.Evaluate},
		job.Job{Name: "webhooks", Every: time.Minute, Wake: webhooks.Wake(), Run: webhooks.Deliver},
		job.Job{Name: "sweep deliveries", Every: time.Hour, Run: webhooks.Sweep},
	)
	stopJobs := startJobs(ctx, runner, serving, accounts, more...)
	defer stopJobs()
	handlers := []web.Placed{{Address: settings.Addr, Handler: site.Handler(true, true), Ending: serving.EndStreams}}
	if settings.AdminAddr != "" {
		handlers = []web.Placed{
			{Address: settings.Addr, Handler: site.Handler(false, true)},
			{Address: settings.AdminAddr, Handler: site.Handler(true, false), Ending: serving.EndStreams},
		}
	}
	if settings.MetricsAddr != "" {
		handlers = append(handlers, web.Placed{Address: settings.MetricsAddr, Handler: metrics.Handler(metrics.Options{
			Version: version, Store: store, Site: site, Accounts: accounts, BackEnds: backEnds, Jobs: jobs.Runs, Backups: host.Backups,
			Folder: settings.Data, Clock: time.Now, Log: log,
		})})
	}
	return web.ServeAll(ctx, handlers, log, func(address string) error { return started(running{address, accounts, store.Ready}) })
}

func warnWithoutOperator(ctx context.Context, store *db.DB, log *slog.Logger) error {
	n, err := store.Read().Operators(ctx)
	if err == nil && n == 0 {
		log.Warn("nobody may use the dashboard yet: run wxkeeper operator add NAME --role admin")
	}
	return err
}

// scheduledBackups is the job that takes backups, where there is a folder for them.
func scheduledBackups(settings config.Config, store *db.DB, log *slog.Logger) ([]job.Job, error) {
	if settings.BackupDir == "" {
		return nil, nil
	}
	if _, err := backup.Recipients(settings.BackupTo); err != nil {
		return nil, fmt.Errorf("WXKEEPER_BACKUP_AGE_RECIPIENTS: %w", err)
	}
	schedule := backup.Schedule{
		Store: store, Folder: settings.BackupDir, Every: settings.BackupEvery, Keep: settings.BackupKeep, Recipients: settings.BackupTo,
		Program: version, Clock: time.Now, Log: log,
	}
	return []job.Job{{Name: "backup", Every: schedule.Turn(), Run: schedule.Run}}, nil
}

func startJobs(
	ctx context.Context, runner job.Runner, serving *apps.Serving, accounts *operator.Accounts, more ...job.Job,
) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { serving.Follow(ctx) })
	working.Go(func() {
		runner.Run(ctx, append([]job.Job{
			{Name: "sweep", Every: time.Hour, Run: serving.Each((*keeper.Keeper).Sweep)},
			{Name: "sweep operators", Every: time.Hour, Run: accounts.Sweep},
			{Name: "check audit", Every: time.Hour, Wake: accounts.AuditCheckWanted(), Run: accounts.CheckAudit},
			{Name: "tell of guessing", Every: time.Hour, Wake: accounts.GuessingNoticed(), Run: accounts.TellOfGuessing},
			{Name: "check keys", Every: time.Minute, Run: serving.Each((*keeper.Keeper).Probe)},
			{Name: "bulk jobs", Every: time.Minute, Wake: serving.BulkWake(), Run: serving.Each((*keeper.Keeper).RunBulk)},
		}, more...)...)
	})
	return func() {
		cancel()
		working.Wait()
	}
}

// sandboxChecks is how many keys a minute the sandbox asks about: few, so that one can watch them.
const sandboxChecks = 20

type sandboxCommand struct{ config.Sandbox }

// Run starts the emulator, the server and the phones, until it is told to stop.
func (c *sandboxCommand) Run(ctx context.Context, std command.Streams) (err error) {
	settings, err := c.Config()
	if err != nil {
		return err
	}
	kept := settings.Data != ""
	if !kept {
		if settings.Data, err = os.MkdirTemp("", "wxkeeper-sandbox-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(settings.Data)) }()
	}
	if settings.MasterKey, err = stage.MasterKey(settings.Data); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(settings.Addr)
	if err != nil {
		return err
	}
	emulator := sandbox.New(sandbox.Options{Host: host})
	phones := emulator.AddPeople()
	settings.Appid, settings.Secret = emulator.Apps()[0].Appid, emulator.Apps()[0].Secret
	listener, err := stage.ListenNextTo(settings.Addr)
	if err != nil {
		return err
	}
	settings.WeChatURL = "http://" + listener.Addr().String()
	settings.PushToken, settings.PushAESKey = app.Secret(rand.Text()), app.Secret((rand.Text() + rand.Text())[:43])
	settings.ChecksPerMinute = sandboxChecks

	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	log := slog.New(slog.NewTextHandler(std.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	beside.Go(func() {
		err := web.ServeUntil(ctx, listener, &http.Server{Handler: emulator, ReadHeaderTimeout: 10 * time.Second})
		if err != nil {
			log.Error("emulated WeChat ended", "error", err)
		}
	})
	emulated := &emulation{phones: web.NewPhones(), populate: func(ctx context.Context, store *db.DB, ring *db.KeyRing, of app.App) error {
		return stage.Populate(ctx, emulator, store, ring, of)
	}}
	process := web.Host{Settings: inForce(c.told(settings), settings)}
	return serve(ctx, settings, process, emulated, log, func(running running) error {
		address := running.address
		emulated.phones.Connect(settings.WeChatURL, "http://"+address)
		crowd := sandbox.NewCrowd(phones, "http://"+address, sandbox.CrowdOptions{})
		password, err := stage.Operator(ctx, running.accounts)
		if err != nil {
			return err
		}
		if err := stage.Greet(std.Out, address, settings, kept, password); err != nil {
			return err
		}
		beside.Go(func() {
			if err := stage.Introduce(ctx, emulator, "http://"+address, settings); err != nil && ctx.Err() == nil {
				log.Error("emulated WeChat cannot reach the server", "error", err)
			}
			stage.Live(ctx, crowd, std.Out)
		})
		return nil
	})
}

// told is what would have to be told to a server to be what this sandbox is.
func (c *sandboxCommand) told(made config.Config) config.Serve {
	told := config.Serve{Addr: c.Addr, ChecksPerMinute: strconv.Itoa(made.ChecksPerMinute)}
	told.Appid, told.WeChatURL, told.Data = string(made.Appid), made.WeChatURL, made.Data
	return told
}
