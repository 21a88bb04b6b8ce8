package metrics

// The metrics, each with what it tells. docs/metrics.md says the same in other words, and a test compares the names.
var (
	buildInfo   = gauge("wxkeeper_build_info", "The version of this program and of Go; always 1.", "version", "go_version")
	partsUnread = gauge("wxkeeper_unread_parts", "Parts of these metrics that could not be read just now.")
	limitHits   = counter("wxkeeper_limit_hits_total", "How often somebody ran into a limit.", "appid", "limit")

	logins   = counter("wxkeeper_logins_total", "Logins by what came of them.", "appid", "result", "reason")
	openings = counter("wxkeeper_openings_total", "Openings of sealed data by what came of them and by the key that fitted.",
		"appid", "result", "reason", "key")
	openingsExplained = counter("wxkeeper_openings_explained_total", "Failed openings that WeChat explained afterwards.", "appid", "reason")
	otherEvents       = counter("wxkeeper_events_total", "Events that are neither a login nor an opening.", "appid", "reason")

	users       = gauge("wxkeeper_users", "Users.", "appid")
	sessions    = gauge("wxkeeper_sessions", "Sessions, with those that ended in silence within the hour.", "appid")
	sessionKeys = gauge("wxkeeper_session_keys", "Users' current session keys by what is known of them.", "appid", "state")

	apiAnswers  = counter("wxkeeper_api_answers_total", "Answers of the API by the code in their body.", "appid", "path", "code")
	apiDuration = histogram("wxkeeper_api_answer_duration_seconds", "How long an answer of the API took.", "appid", "path")

	weChatCalls = counter("wxkeeper_wechat_calls_total", "Calls of WeChat's API, each try by itself, by what came of them.",
		"appid", "api", "problem", "errcode")
	weChatDuration    = histogram("wxkeeper_wechat_call_duration_seconds", "How long WeChat took to answer.", "appid", "api")
	weChatBreaker     = gauge("wxkeeper_wechat_breaker_state", "1 for the state that the breaker to WeChat is in.", "appid", "state")
	weChatWaiting     = gauge("wxkeeper_wechat_logins_waiting", "Logins that wait for WeChat.", "appid")
	weChatTokenExpiry = gauge("wxkeeper_wechat_access_token_expiry_timestamp_seconds", "Until when the access token is used.", "appid")

	webhookTries   = counter("wxkeeper_webhook_tries_total", "Tries to deliver a message to a webhook.", "result")
	webhookGivenUp = counter("wxkeeper_webhook_given_up_total", "Messages whose last try failed; they are delivered no more.")
	webhookDropped = counter("wxkeeper_webhook_dropped_total", "Messages that were not kept, since too many waited for the webhook.")
	webhookWaiting = gauge("wxkeeper_webhook_waiting", "Messages that are still to be delivered.")

	dbWaiting      = gauge("wxkeeper_db_writes_waiting", "Writes that wait for the writer.")
	dbWaitingMost  = gauge("wxkeeper_db_writes_waiting_max", "Writes that may wait; one more is refused.")
	dbCommitWrites = histogram("wxkeeper_db_commit_writes", "Writes that shared a commit.")
	dbTransaction  = histogram("wxkeeper_db_transaction_duration_seconds", "From the beginning of a transaction until it was on disk.")
	dbFlush        = histogram("wxkeeper_db_flush_duration_seconds", "How long a commit took to reach the disk.")
	dbLost         = counter("wxkeeper_db_transactions_lost_total", "Transactions that the disk or the engine failed.")
	dbFailing      = gauge("wxkeeper_db_write_failing", "1 while the last transaction was lost.")
	dbFile         = gauge("wxkeeper_db_file_bytes", "Size of the database file.")
	dbLog          = gauge("wxkeeper_db_log_bytes", "Size of its write-ahead log.")
	diskFree       = gauge("wxkeeper_disk_free_bytes", "Free on the disk that the data is on.")
	diskSize       = gauge("wxkeeper_disk_size_bytes", "Size of that disk.")

	signIns = counter("wxkeeper_operator_signins_total", "Tries of operators to sign in, or to prove who they are.",
		"result")
	operatorSessions = gauge("wxkeeper_operator_sessions", "Browsers in which operators are signed in.")

	jobPeriod      = gauge("wxkeeper_job_period_seconds", "How often a job runs.", "job")
	jobLastRun     = gauge("wxkeeper_job_last_run_timestamp_seconds", "When a job began last in this process.", "job")
	jobLastSuccess = gauge("wxkeeper_job_last_success_timestamp_seconds", "When a job last ended well in this process.", "job")
	jobDuration    = gauge("wxkeeper_job_last_duration_seconds", "How long a job took that ended last.", "job")
	jobFailing     = gauge("wxkeeper_job_failing", "1 where a job's last run failed.", "job")

	backupScheduled   = gauge("wxkeeper_backup_scheduled", "1 where backups are taken by themselves.")
	backupLastSuccess = gauge("wxkeeper_backup_last_success_timestamp_seconds", "When the newest scheduled backup that is there began.")
	backupDuration    = gauge("wxkeeper_backup_last_duration_seconds", "How long that backup took.")
	backupSize        = gauge("wxkeeper_backup_last_size_bytes", "Size of that backup.")
	backupFailing     = gauge("wxkeeper_backup_failing", "1 where the last scheduled backup failed.")

	auditChecked = gauge("wxkeeper_audit_checked_timestamp_seconds", "When the whole audit log was last checked.")
	auditRows    = gauge("wxkeeper_audit_checked_rows", "Rows of the audit log that were found sound then.")
	auditBroken  = gauge("wxkeeper_audit_broken", "1 where the audit log was tampered with.")

	all = []metric{
		buildInfo, partsUnread, limitHits, logins, openings, openingsExplained, otherEvents, users, sessions, sessionKeys, apiAnswers,
		apiDuration, weChatCalls, weChatDuration, weChatBreaker, weChatWaiting, weChatTokenExpiry, webhookTries, webhookGivenUp,
		webhookDropped, webhookWaiting, dbWaiting, dbWaitingMost,
		dbCommitWrites, dbTransaction, dbFlush, dbLost, dbFailing, dbFile, dbLog, diskFree, diskSize, signIns, operatorSessions,
		jobPeriod, jobLastRun, jobLastSuccess, jobDuration, jobFailing, backupScheduled, backupLastSuccess, backupDuration, backupSize,
		backupFailing, auditChecked, auditRows, auditBroken,
	}
)
